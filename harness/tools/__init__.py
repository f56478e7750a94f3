"""Tools that a model may call while it thinks: search over a corpus, a calculator, and how a call is written."""
