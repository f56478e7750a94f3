"""The store: one schema, append-only parquet. Imports nothing of ours; both sides enter it."""
