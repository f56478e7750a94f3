"""Parameters and tokens of a model as people write them: 7e9, 7B, 0.5b, 2T. Knows numbers alone."""

import math

UNITS = {"k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}
# Fewer parameters, or tokens trained on, than this are a number of billions.
LEAST_PARAMS, LEAST_TOKENS = 1e4, 1e6
# No model has so many, and 64 bits hold them.
MOST = 1e18


def parse_size(text: str, *, least: float) -> float:
    """The number; raises ValueError where it is none above `least`,
    since a bare 7 may be 7 billion or a mistake.
    """
    bare = text.strip().lower()
    unit = UNITS.get(bare[-1:], 1.0)
    try:
        number = float(bare[:-1] if bare[-1:] in UNITS else bare) * unit
    except ValueError:
        number = math.nan
    if not least <= number < MOST:
        raise ValueError(f"{text!r} is not a size; write 7e9 or 7B")
    return number
