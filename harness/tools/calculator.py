"""A calculator for exact fractions, over the grammar that graders read. It evaluates no code.

Sizes are checked before anything is worked out, so that a tower of powers costs nothing.
"""

import ast
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from harness.fingerprint import digest_code
from harness.tasks.grammar import parse_expression
from harness.tools.protocol import Result, ToolFailedError

MAX_QUERY_CHARS = 500
# Of a numerator or denominator: about 1,200 digits.
MAX_BITS = 4096
# Digits of what has no end; behind the point, of a decimal that is shown in full and of a root that is not exact.
SHOWN_DIGITS, FULL_DIGITS, ROOT_DIGITS = 12, 40, 40
# Decimals to which what holds roots is taken to be a whole number, or a half.
SURE_DIGITS = 30
FUNCTIONS = ("sqrt", "abs", "floor", "ceil", "round")
SYMBOLS = {"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "^": "**"}
SYMBOLS |= {"⋅": "*", "∗": "*", "•": "*", "∕": "/"}
_THOUSANDS = re.compile(r"(?<![0-9.,])[0-9]{1,3}(?:,[0-9]{3})+(?![0-9,])")
_POINT_FIRST = re.compile(r"(?<![0-9.])\.(?=[0-9])")
_PERCENT = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?%(?! ?[0-9(])")
GRAMMAR = f"numbers, + - * / ^, brackets and {', '.join(FUNCTIONS)}"


class Number(NamedTuple):
    """A value, and whether it is exactly that."""

    value: Fraction
    exact: bool = True


@dataclass(frozen=True)
class Calculator:
    """Works out arithmetic. max_tokens: what a result is cut to."""

    max_tokens: int = 100

    name = "calculator"
    argument = "expression"
    description = f"Works out an expression exactly. It may hold {GRAMMAR}."

    def __post_init__(self) -> None:
        if self.max_tokens < 1:
            raise ValueError(f"tools.calculator.max_tokens must be at least 1; got {self.max_tokens}.")

    @property
    def identity(self) -> Mapping[str, Any]:
        return {"tool": self.name, "max_tokens": self.max_tokens, "code": digest_code(calculate)}

    def attach(self, task: object) -> "Calculator":
        return self

    def prepare(self, folder: Path, tell: Callable[[str], object]) -> "Calculator":
        return self

    def call(self, query: str) -> Result:
        return Result(calculate(query))


def calculate(expression: str) -> str:
    """The value of an expression in words: an integer or a decimal with an end as it is, else as a fraction.

    Raises ToolFailedError as `work_out`.
    """
    return show(work_out(expression))


def work_out(expression: str) -> Number:
    """The value of an expression. Raises ToolFailedError for what is no expression, too large, or has no value."""
    if len(expression) > MAX_QUERY_CHARS:
        raise ToolFailedError(f"an expression has at most {MAX_QUERY_CHARS} characters")
    written = _rewrite(expression)
    tree = parse_expression(written, max_chars=2 * MAX_QUERY_CHARS, functions=FUNCTIONS)
    if tree is None:
        raise ToolFailedError(f"this is no expression; it may hold {GRAMMAR}")
    return _work_out(tree, written)


def _rewrite(expression: str) -> str:
    """With the signs of the grammar; 1,000 is 1000, .5 is 0.5, 15% is 15/100, and a = at the end is left out."""
    for sign, plain in SYMBOLS.items():
        expression = expression.replace(sign, plain)
    expression = " ".join(expression.split()).removesuffix("=").strip()
    expression = _THOUSANDS.sub(lambda number: number[0].replace(",", ""), _POINT_FIRST.sub("0.", expression))
    return _PERCENT.sub(r"(\1/100)", expression)


def _work_out(node: ast.expr, written: str) -> Number:
    match node:
        case ast.Constant():
            # As it is written, since Python has rounded it already.
            return Number(Fraction(written[node.col_offset : node.end_col_offset]))
        case ast.UnaryOp(op=op, operand=operand):
            inner = _work_out(operand, written)
            return Number(-inner.value, inner.exact) if isinstance(op, ast.USub) else inner
        case ast.Call(func=ast.Name(id=name), args=[argument]):
            return _apply(name, _work_out(argument, written))
        case ast.BinOp(left=left, op=op, right=right):
            one, other = _work_out(left, written), _work_out(right, written)
            value = _join(op, one.value, other.value)
            if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
                raise ToolFailedError("a number on the way is too large")
            return Number(value, one.exact and other.exact)
    raise AssertionError(f"Not in the grammar: {ast.dump(node)[:80]}.")


def _join(op: ast.operator, one: Fraction, other: Fraction) -> Fraction:
    match op:
        case ast.Add():
            return one + other
        case ast.Sub():
            return one - other
        case ast.Mult():
            return one * other
        case ast.Div():
            if not other:
                raise ToolFailedError("division by zero")
            return one / other
    return _raise(one, other)


def _raise(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator != 1:
        raise ToolFailedError("an exponent must be a whole number; sqrt gives roots")
    if not base and exponent < 0:
        raise ToolFailedError("division by zero")
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if bits <= 1:
        # Of 0, 1 and -1 it matters only whether the exponent is 0, odd or even.
        return base ** (exponent.numerator % 2 + 2 * bool(exponent))
    if abs(exponent) * (bits - 1) > MAX_BITS:
        raise ToolFailedError("a power is too large")
    return base**exponent.numerator


def _apply(name: str, argument: Number) -> Number:
    value = argument.value
    match name:
        case "sqrt":
            root = _root(value)
            return Number(root.value, root.exact and argument.exact)
        case "abs":
            return Number(abs(value), argument.exact)
    if not argument.exact:
        # sqrt(2)*sqrt(2) is a hair below 2.
        value = Fraction(round(value * 10**SURE_DIGITS), 10**SURE_DIGITS)
    match name:
        case "floor":
            return Number(Fraction(math.floor(value)), argument.exact)
        case "ceil":
            return Number(Fraction(math.ceil(value)), argument.exact)
    # Half away from zero, as it is taught; Python's own rounds half to even.
    rounded = math.floor(abs(value) + Fraction(1, 2))
    return Number(Fraction(rounded if value >= 0 else -rounded), argument.exact)


def _root(value: Fraction) -> Number:
    if value < 0:
        raise ToolFailedError("a negative number has no root here")
    root = Fraction(math.isqrt(value.numerator), math.isqrt(value.denominator))
    if root * root == value:
        return Number(root)
    scale = 10 ** (ROOT_DIGITS + max(len(str(value.denominator)) - len(str(value.numerator)), 0))
    return Number(Fraction(math.isqrt(value.numerator * scale * scale // value.denominator), scale), exact=False)


def show(number: Number) -> str:
    """42, -0.125, 22/7 (about 3.14285714286), about 1.41421356237."""
    value = number.value
    rest = value.denominator
    for factor in (2, 5):
        while rest % factor == 0:
            rest //= factor
    if not number.exact:
        return f"about {_round(value)}"
    if value.denominator == 1:
        return str(value.numerator)
    if rest == 1 and (written := _write_decimal(value)) is not None:
        return written
    return f"{value.numerator}/{value.denominator} (about {_round(value)})"


def _write_decimal(value: Fraction) -> str | None:
    """A decimal with an end in full; None where it takes more digits than anyone reads."""
    for digits in range(1, FULL_DIGITS + 1):
        scaled = value * 10**digits
        if scaled.denominator == 1:
            whole, behind = divmod(abs(scaled.numerator), 10**digits)
            return f"{'-' * (value < 0)}{whole}.{behind:0{digits}d}"
    return None


def _round(value: Fraction) -> str:
    """To SHOWN_DIGITS significant digits, in exact arithmetic: a float has too small a range."""
    if not value:
        return "0"
    exponent = len(str(abs(value.numerator))) - len(str(value.denominator))
    if abs(value) < Fraction(10) ** exponent:
        exponent -= 1
    digits = round(abs(value) * Fraction(10) ** (SHOWN_DIGITS - 1 - exponent))
    if digits >= 10**SHOWN_DIGITS:
        digits, exponent = digits // 10, exponent + 1
    sign, written = "-" * (value < 0), str(digits)
    if -5 <= exponent < SHOWN_DIGITS:
        padded = "0" * max(0, -exponent) + written
        point = max(exponent, 0) + 1
        return f"{sign}{padded[:point]}.{padded[point:]}".rstrip("0").rstrip(".")
    return f"{sign}{written[0]}.{written[1:]}".rstrip("0").rstrip(".") + f"e{exponent}"
