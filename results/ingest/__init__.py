"""Outcomes from elsewhere (lm-eval logs, Inspect logs,
any table) into the tables of a run. Imports nothing of ours.
"""
