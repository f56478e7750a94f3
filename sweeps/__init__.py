"""Composes jobs, runs each in a process of its own, grades what they wrote."""

import os

# First of all imports: a stop in the first second ends in a word.
import results  # noqa: F401

# Arrow's own allocator keeps what a shard took, so that a job which reads a thousand shards would grow with its
# run. Arrow looks for this once, when it or pandas is first imported.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
