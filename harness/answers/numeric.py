"""What an expression is worth to many digits: a number by itself, a function by its values at chosen points.

Everything is bounded: what is too large to work out raises.
"""

import hashlib
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import cache
from typing import Any

from harness.answers.exact import MAX_FACTORIAL, TooLargeError, UndefinedError, work_out
from harness.answers.latex import Node, UnreadError

# Digits that are worked with, that two equal numbers share, and below which a sum is nothing.
WORK_DIGITS, KEY_DIGITS, NOTHING = 600, 400, 450
SHOWN_DIGITS = 12
# Of the denominator of a fraction that is found again behind roots and logarithms.
MAX_DENOMINATOR, MAX_RECOVERED = 10**40, 10**100
# The binary magnitudes that a power, an angle and an exponent may have.
MAX_MAGNITUDE, MAX_ANGLE, MAX_EXPONENT = 1_000_000, 1000, 20
NUM_POINTS = 3
# The letter that stands for the base that \log leaves out.
UNSAID_BASE = "the base of log"
_WITH_POLES = ("tan", "cot", "sec", "csc")
_CONSTANTS = ("e", "i", "\\pi")
Point = Mapping[str, Any]


def has_letters(tree: Node) -> bool:
    """Whether its worth hangs on a letter that is no constant."""
    if tree.op == "letter":
        return tree.name not in _CONSTANTS
    return tree.op == "log" and len(tree.args) == 1 or any(map(has_letters, tree.args))


def evaluate(tree: Node, point: Point) -> Any:
    """Its complex value to WORK_DIGITS where letters have the values of `point`.

    Raises TooLargeError, UndefinedError, and UnreadError for what no number is put into.
    """
    try:
        return _evaluate(tree, point)
    except (TooLargeError, UndefinedError, UnreadError):
        raise
    except (ZeroDivisionError, OverflowError, ValueError):  # of a pole mpmath says ValueError
        raise UndefinedError(tree.op) from None
    except TypeError:
        raise UnreadError(tree.op) from None


def choose_points(letters: frozenset[str]) -> list[Point]:
    """Values for letters, the same each time: between 0 and 1, between 1 and 3, and negative ones."""
    ranges = [(0, 1), (1, 2), (-3, 2)]
    return [
        {letter: low + width * _draw(f"{number} {letter}") for letter in letters}
        for number, (low, width) in enumerate(ranges[:NUM_POINTS])
    ]


def list_letters(tree: Node) -> frozenset[str]:
    own = (
        {tree.name}
        if tree.op == "letter"
        else {UNSAID_BASE}
        if tree.op == "log" and len(tree.args) == 1
        else set()
    )
    return frozenset(own).union(*map(list_letters, tree.args))


def recover(value: Any) -> Fraction | None:
    """The fraction that a value is to all its digits; None where it is none, or complex."""
    ctx = _context()
    if ctx.im(value):
        return None
    exact = _as_fraction(ctx.re(value))
    if abs(exact) > MAX_RECOVERED:
        return None
    simple = exact.limit_denominator(MAX_DENOMINATOR)
    return simple if abs(exact - simple) * 10**NOTHING <= max(abs(exact), 1) else None


def show(value: Any) -> str:
    """A value as text that two values share only where they agree to KEY_DIGITS: its first digits and a digest."""
    ctx = _context()
    parts = [ctx.nstr(part, KEY_DIGITS, min_fixed=0, max_fixed=0) for part in (ctx.re(value), ctx.im(value))]
    shown = [ctx.nstr(part, SHOWN_DIGITS) for part in (ctx.re(value), ctx.im(value))]
    number = shown[0] if not ctx.im(value) else f"{shown[0]}+{shown[1]}i"
    return f"{number}~{digest(*parts)}"


def digest(*parts: str) -> str:
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]


def is_rounding(rounded: Fraction, places: int, value: Any) -> bool:
    """Whether a number rounded to so many decimals is `rounded`; value: a fraction, or what evaluate gives."""
    if not isinstance(value, Fraction):
        if _context().im(value):
            return False
        value = _as_fraction(_context().re(value))
    return bool(abs(value - rounded) * 2 * 10**places <= 1)


@cache
def _context() -> Any:
    import mpmath

    context = mpmath.MPContext()
    context.dps = WORK_DIGITS
    return context


def _as_fraction(value: Any) -> Fraction:
    sign, mantissa, exponent, _ = value._mpf_
    return Fraction((-1) ** int(sign) * int(mantissa)) * Fraction(2) ** int(exponent)


def _draw(name: str) -> Any:
    drawn = int(hashlib.sha256(name.encode()).hexdigest(), 16)
    return _context().mpf(drawn) / 2**256


def _evaluate(tree: Node, point: Point) -> Any:
    ctx = _context()
    if tree.op == "number":
        return ctx.mpf(tree.value.numerator) / tree.value.denominator
    if tree.op == "letter":
        constants = {"e": ctx.e, "i": ctx.j, "\\pi": ctx.pi}
        return +constants[tree.name] if tree.name in constants else point[tree.name]
    parts = [_evaluate(part, point) for part in tree.args]
    value = _apply(tree, parts, point)
    if not ctx.isfinite(value):
        raise UndefinedError(tree.op)
    if value and ctx.mag(value) > MAX_MAGNITUDE:
        raise TooLargeError(tree.op)
    if tree.op in _WITH_POLES and abs(value) > ctx.mpf(10) ** NOTHING:
        raise UndefinedError(tree.op)
    return _without_dust(value)


def _apply(tree: Node, parts: list[Any], point: Point) -> Any:
    ctx = _context()
    match tree.op:
        case "+" | "mixed":
            return _add(parts)
        case "neg":
            return -parts[0]
        case "*":
            return parts[0] * parts[1]
        case "/":
            return parts[0] / parts[1]
        case "^":
            return _power(*parts, exact=work_out(tree.args[1]))
        case "root":
            return _root(*parts)
        case "abs":
            return abs(parts[0])
        case "!":
            return _interpolate(ctx.factorial, parts)
        case "binom":
            return _interpolate(ctx.binomial, parts)
        case "ln" | "lg":
            return ctx.ln(parts[0]) / (ctx.ln(10) if tree.op == "lg" else 1)
        case "log":
            return ctx.ln(parts[0]) / ctx.ln(parts[1] if len(parts) == 2 else point[UNSAID_BASE])
        case "exp":
            return _power(+ctx.e, parts[0], exact=None)
        case "floor" | "ceil":
            raise UnreadError(tree.op)
        case "!!":
            raise UnreadError(tree.op)
    if parts[0] and ctx.mag(parts[0]) > MAX_ANGLE:
        raise TooLargeError(tree.op)
    return getattr(ctx, {"arcsin": "asin", "arccos": "acos", "arctan": "atan"}.get(tree.op, tree.op))(parts[0])


def _add(terms: list[Any]) -> Any:
    """The sum; nothing where its terms cancel to all digits. Raises TooLargeError for a term beyond its digits."""
    ctx = _context()
    total, largest = ctx.fsum(terms), max(map(abs, terms))
    if abs(total) <= largest * ctx.mpf(10) ** -NOTHING:
        return ctx.mpf(0)
    if any(0 < abs(term) < largest * ctx.mpf(10) ** -(KEY_DIGITS - SHOWN_DIGITS) for term in terms):
        raise TooLargeError("a sum")
    return total


def _power(base: Any, exponent: Any, *, exact: Fraction | None) -> Any:
    ctx = _context()
    if not base:
        if ctx.re(exponent) <= 0:
            raise UndefinedError("0^0")
        return base
    if exponent and ctx.mag(exponent) + max(ctx.mag(ctx.ln(base)), 0) > MAX_EXPONENT:
        raise TooLargeError("a power")
    if exact is not None and exact.denominator > 1:
        # x^{2/3} as the square of the cube root.
        return ctx.power(_root(base, ctx.mpf(exact.denominator)), exact.numerator)
    return ctx.power(base, exponent)


def _root(inner: Any, degree: Any) -> Any:
    ctx = _context()
    # The real root of a negative number, where there is one.
    if not ctx.im(inner) and ctx.re(inner) < 0 and not ctx.im(degree) and ctx.re(degree) % 2 == 1:
        return -ctx.power(-inner, 1 / degree)
    return ctx.power(inner, 1 / degree)


def _interpolate(function: Callable[..., Any], parts: list[Any]) -> Any:
    if max(map(abs, parts)) > MAX_FACTORIAL:
        raise TooLargeError("a factorial")
    return function(*parts)


def _without_dust(value: Any) -> Any:
    """A complex value without a part that is nothing beside the other."""
    ctx = _context()
    real, imaginary = ctx.re(value), ctx.im(value)
    least = abs(value) * ctx.mpf(10) ** -NOTHING
    if abs(imaginary) <= least:
        return real
    return ctx.mpc(0, imaginary) if abs(real) <= least else value
