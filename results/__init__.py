"""The store: one schema, append-only parquet. Imports nothing of ours; both sides enter it."""

import sys

from results.stopping import end_at_once_when_stopped

# What `python -m` imports first: until then no word of ours tells of a stop.
if sys.argv[:1] == ["-m"]:
    end_at_once_when_stopped()
