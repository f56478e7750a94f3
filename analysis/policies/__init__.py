"""Who gets the compute: policies fitted on some prompts and replayed on others, whose outcomes are all stored."""
