"""Composes jobs, runs each in a process of its own, grades what they wrote."""
