"""What an expression is worth as a fraction.
What is too large to work out is told by its powers, or not at all.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Mapping
from fractions import Fraction

from harness.answers.latex import Node

# Numbers with more bits are never worked out.
MAX_BITS = 20_000
MAX_WRITTEN_BITS = 2000
MAX_FACTORIAL, MAX_CHOSEN = 2000, 5000
# Up to which a prime is looked for in a number.
MAX_TRIED = 10_000


class TooLargeError(ValueError):
    """The number has too many digits to be worked out."""


class UndefinedError(ValueError):
    """It is no number: 1/0."""


def work_out(tree: Node) -> Fraction | None:
    """The exact fraction that sums, products, whole powers and factorials come to;
    None where there is another part.

    Raises TooLargeError and UndefinedError.
    """
    match tree.op:
        case "number":
            return tree.value
        case "letter" | "root":
            return None
        case "^":
            base, exponent = map(work_out, tree.args)
            return None if base is None or exponent is None else _raise_exactly(base, exponent)
    parts = [part for part in map(work_out, tree.args) if part is not None]
    return _bounded(_combine(tree.op, parts)) if len(parts) == len(tree.args) else None


def list_powers(tree: Node) -> Counter[int] | None:
    """Prime -> exponent of a product of powers that is too large to work out; None where it is no such product."""
    match tree.op:
        case "number":
            return _factor(tree.value)
        case "*" | "/":
            one, other = map(list_powers, tree.args)
            if one is None or other is None:
                return None
            sign = 1 if tree.op == "*" else -1
            return Counter({prime: one[prime] + sign * other[prime] for prime in {*one, *other}})
        case "^":
            base = list_powers(tree.args[0])
            try:
                exponent = work_out(tree.args[1])
            except TooLargeError:
                return None
            if base is None or exponent is None or exponent.denominator > 1:
                return None
            return Counter({prime: count * exponent.numerator for prime, count in base.items()})
    return None


def _raise_exactly(base: Fraction, exponent: Fraction) -> Fraction | None:
    if exponent.denominator > 1:
        return None
    if base == 0 and exponent <= 0:
        raise UndefinedError("0^0")
    if abs(base) == 1:
        return base ** (exponent.numerator % 2)
    if _count_bits(max(abs(base.numerator), base.denominator), exponent.numerator) > MAX_BITS:
        raise TooLargeError("a power")
    return base**exponent.numerator


def _count_bits(base: int, exponent: int) -> float:
    """The bits of a power; infinitely many where no float holds how many."""
    is_long = exponent.bit_length() > MAX_BITS.bit_length()
    return math.inf if is_long else abs(exponent) * math.log2(base)


def _bounded(value: Fraction | None) -> Fraction | None:
    if value is not None and max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
        raise TooLargeError("a number")
    return value


def _divide(above: Fraction, below: Fraction) -> Fraction:
    if not below:
        raise UndefinedError("1/0")
    return above / below


def _count_factorial(number: Fraction, step: int = 1) -> Fraction:
    if number.denominator > 1 or number < 0:
        raise UndefinedError("a factorial")
    if number > MAX_FACTORIAL:
        raise TooLargeError("a factorial")
    return Fraction(math.prod(range(int(number), 0, -step)))


def _choose(number: Fraction, chosen: Fraction) -> Fraction:
    if number.denominator > 1 or chosen.denominator > 1 or not 0 <= chosen <= number:
        raise UndefinedError("a binomial")
    if number > MAX_CHOSEN:
        raise TooLargeError("a binomial")
    return Fraction(math.comb(int(number), int(chosen)))


def _combine(op: str, parts: list[Fraction]) -> Fraction | None:
    """An operation on fractions; None where it may give no fraction."""
    match op:
        case "+" | "mixed":
            return sum(parts, Fraction(0))
        case "*":
            return parts[0] * parts[1]
        case "/":
            return _divide(*parts)
        case "neg":
            return -parts[0]
        case "abs":
            return abs(parts[0])
        case "floor" | "ceil":
            return Fraction(math.floor(parts[0]) if op == "floor" else math.ceil(parts[0]))
        case "!" | "!!":
            return _count_factorial(parts[0], len(op))
        case "binom":
            return _choose(*parts)
    return None


def multiply(powers: Mapping[int, int]) -> Fraction | None:
    """The number that powers of primes come to; None where it is too large."""
    above, below = (
        sum(_count_bits(base, max(sign * count, 0)) for base, count in powers.items()) for sign in (1, -1)
    )
    if max(above, below) > MAX_BITS:
        return None
    return math.prod((Fraction(base) ** count for base, count in powers.items()), start=Fraction(1))


def write(number: Fraction) -> str:
    """A number in digits, or, where it is long, as a digest that it shares with none."""
    if max(number.numerator.bit_length(), number.denominator.bit_length()) <= MAX_WRITTEN_BITS:
        return str(number)
    return f"number {hashlib.sha256(f'{number.numerator:x}/{number.denominator:x}'.encode()).hexdigest()[:16]}"


def _factor(number: Fraction) -> Counter[int] | None:
    """Prime -> exponent of a small fraction; None where a prime is not found in a few steps."""
    if number <= 0:
        return None
    counts: Counter[int] = Counter()
    for rest, sign in ((number.numerator, 1), (number.denominator, -1)):
        prime = 2
        while rest > 1 and prime < MAX_TRIED:
            while rest % prime == 0:
                counts[prime] += sign
                rest //= prime
            prime += 1
        if rest >= MAX_TRIED**2:
            return None
        if rest > 1:
            counts[rest] += sign
    return counts
