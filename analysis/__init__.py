"""From stored rows to curves and exchange rates. Reads results, and runs on a laptop without an engine."""
