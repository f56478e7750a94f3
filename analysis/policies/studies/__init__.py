"""One module a question that is replayed on a run: which policies, on which arms, beside which reference."""
