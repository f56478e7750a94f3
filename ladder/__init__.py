"""The embedded ladder: small Qwen3-shaped checkpoints that think, trained from nothing but this repository."""
