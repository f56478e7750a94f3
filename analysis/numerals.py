"""Numbers and lists as people read them. Knows nothing of what they count."""

import math
from collections.abc import Sequence


def percent(share: float) -> str:
    """.417 -> '42%', .00063 -> '0.063%', NaN (not known) -> '-'."""
    if math.isnan(share):
        return "-"
    return f"{100 * share:.2g}%" if 0 < share < 0.0095 else f"{100 * share:.0f}%"


def percents(*shares: float) -> list[str]:
    """As `percent`, with the digits that tell unlike ones apart: .761,
    .764 -> '76.1%', '76.4%'; at most three more.
    """
    known = {share for share in shares if not math.isnan(share)}
    told = [percent(share) for share in shares]
    for num_digits in range(1, 4):
        if len(set(told) - {"-"}) >= len(known):
            break
        told = [percent(share) if math.isnan(share) else f"{100 * share:.{num_digits}f}%" for share in shares]
    return told


def times(rate: float) -> str:
    """.266 -> '0.27x', inf -> 'never'."""
    if math.isinf(rate):
        return "never"
    return f"{rate:.2f}x" if rate < 10 else f"{rate:.0f}x"


def points(share: float) -> str:
    """.0375 -> '+3.8', a difference of shares in points."""
    return "-" if math.isnan(share) else f"{100 * share + 0.0:+.1f}"


def p_value(value: float) -> str:
    """.0042 -> '0.0042', .00012 -> '0.0001'; NaN is '-'."""
    return "-" if math.isnan(value) else f"{value:.2g}" if value >= 0.001 else f"{value:.1g}"


def parameters(count: float) -> str:
    """446560 -> '447k', 7e9 -> '7B'."""
    for scale, suffix in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        # 999.7k would read 1e+03k.
        if count >= 0.9995 * scale:
            return f"{count / scale:.3g}{suffix}"
    return f"{count:.3g}"


def listed(names: Sequence[str]) -> str:
    """'a', 'a and b', 'a, b and c'."""
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def samples(count: int) -> str:
    """'1 sample', '16 samples'."""
    return f"{count:,} sample{'' if count == 1 else 's'}"


def samples_each(least: int, most: int) -> str:
    """'16 samples each', '1 sample each', '100 to 10,000 samples each' where most is above least."""
    return f"{least:,} to {most:,} samples each" if most > least else f"{samples(least)} each"


def prompts(count: int) -> str:
    """'1 prompt', '120 prompts'."""
    return f"{count:,} prompt{'s' if count > 1 else ''}"


def rates(count: int) -> str:
    """'1 rate', '24 rates'."""
    return f"{count:,} rate{'' if count == 1 else 's'}"
