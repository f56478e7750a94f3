"""From a prompt to graded answers at every budget. Knows no files under results/, no Hydra, no analysis."""
