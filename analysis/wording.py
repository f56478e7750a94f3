"""Exchange rates in words, as the table and the figures share them. Knows one row of the exchange-rate frame."""

import math

RULES = {"maj_at_k": "majority vote", "pass_at_k": "any of k correct, which needs an oracle"}


def percent(share: float) -> str:
    """.417 -> '42%'."""
    return f"{100 * share:.0f}%"


def times(rate: float) -> str:
    """.266 -> '0.27x', inf -> 'never'."""
    if math.isinf(rate):
        return "never"
    return f"{rate:.2f}x" if rate < 10 else f"{rate:.0f}x"


def within(axis: str, max_step: float) -> str:
    """The end of the measured path: 'within 15 samples'."""
    return f"within {max_step:.0f} {'samples' if axis == 'width' else 'thinking tokens'}"


def rate(*, exchange_rate: float, low: float, high: float, at_or_below: bool, axis: str, max_step: float) -> str:
    """'0.27x [0.15x, never]', 'at most 1.00x', or 'never within 15 samples'; NaN is 'no prompts'."""
    if math.isnan(exchange_rate):
        return "no prompts"
    if math.isinf(exchange_rate):
        reach = "" if math.isinf(low) else f" [{times(low)}, never]"
        return f"never {within(axis, max_step)}{reach}"
    return f"{bound(at_or_below)}{times(exchange_rate)} [{times(low)}, {times(high)}]"


def bound(at_or_below: bool) -> str:
    """'at most ' before a number that is only an upper bound."""
    return "at most " if at_or_below else ""


def steps(step: float, axis: str) -> str:
    """'8.6 samples' of a path of widths, '114 thinking tokens' of a path of budgets."""
    return f"{step:.1f} samples" if axis == "width" else f"{step:.0f} thinking tokens"
