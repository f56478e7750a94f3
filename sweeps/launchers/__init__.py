"""Launchers for what Hydra's own do not serve."""
