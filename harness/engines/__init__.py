"""One adapter an inference backend."""
