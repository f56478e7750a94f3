"""From stored rows to curves and exchange rates. Reads results, and runs on a laptop without an engine."""

# First of all imports: a stop in the first second ends in a word.
import results  # noqa: F401
