"""Simulated worlds with a known truth, and whether the statistics find it as often as they say."""
