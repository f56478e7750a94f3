"""What text embedders make of the prompts of a run, stored once. Draws nothing, reads no outcome."""
