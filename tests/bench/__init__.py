"""make bench: what the harness costs, in ratios within one run, on real vLLM. Never part of the tests."""
