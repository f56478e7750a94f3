"""Search against a verifier: thinking grows a step at a time, and a verifier says which steps stay."""
