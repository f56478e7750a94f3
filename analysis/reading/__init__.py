"""One run as a reader chose to see it: cost model, bins, weights, cells."""
