"""What is asked of a run, one module a question: each answers with a frame."""
