"""The store: one schema, append-only parquet. Imports nothing of ours; both sides enter it."""

from results.stopping import end_at_once_when_stopped

end_at_once_when_stopped()
