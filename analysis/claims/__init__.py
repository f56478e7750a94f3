"""Claims about inference compute, one module each: what it needs, its statistic, its control, and what is said."""
