"""One seed a request, so that no request reuses another's noise. Knows nothing of what is sampled."""

import hashlib

SEED_BITS = 62


def request_seed(identity: str, prompt_id: str, *, pool: str, sample: int, stage: str, start_token: int) -> int:
    """Seed hashed from the identity (which holds run seed and model), prompt, sample, stage and start position."""
    key = "\x1f".join((identity, prompt_id, pool, str(sample), stage, str(start_token)))
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") >> (64 - SEED_BITS)
