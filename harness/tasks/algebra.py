"""Graders of polynomials and of antiderivatives, from a grammar of their own. Knows no model.

A tree becomes a polynomial in exact fractions, or a sympy object by its constructors; no text reaches sympy.
"""

import ast
import operator
from collections import Counter
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from harness.tasks.grammar import parse_expression

MAX_ANSWER_CHARS = 600
# Of a tree, about its degree or its number of digits, whichever is more: towers of powers are far above.
MAX_WEIGHT = 120
FULL = 1.0
CONSTANT, EULER, PI = "C", "E", "pi"
# sympy's name of each function that an antiderivative may hold.
FUNCTIONS: Mapping[str, str] = {
    **{name: name for name in ("sin", "cos", "tan", "sec", "csc", "cot", "asin", "acos", "atan", "sinh", "cosh")},
    **{"tanh": "tanh", "exp": "exp", "log": "log", "ln": "log", "sqrt": "sqrt", "Abs": "Abs", "abs": "Abs"},
}
Polynomial = Mapping[tuple[tuple[str, int], ...], Fraction]


def score_product(answer: str, entry: Mapping[str, Any]) -> float | None:
    """Full marks where the answer, multiplied out, is the entry's polynomial; None where it is no expression."""
    names = entry["metadata"]["variables"]
    tree = parse_expression(answer, max_chars=MAX_ANSWER_CHARS, names=names)
    truth = parse_expression(entry["answer"], max_chars=MAX_ANSWER_CHARS, names=names)
    if tree is None or weigh(tree) is None:
        return None
    polynomial = read_polynomial(tree)
    return FULL if polynomial is not None and truth is not None and polynomial == read_polynomial(truth) else 0.0


def score_antiderivative(answer: str, entry: Mapping[str, Any]) -> float | None:
    """Full marks where the answer's derivative is the entry's integrand; None where it is no expression."""
    import sympy

    variable = entry["metadata"]["variable"]
    found, integrand = (_build_in(text, variable) for text in (answer, entry["metadata"]["integrand"]))
    if found is None:
        return None
    difference = sympy.diff(found, sympy.Symbol(variable)) - integrand
    return FULL if sympy.simplify(difference) == 0 else 0.0


def read_polynomial(tree: ast.expr) -> Polynomial | None:
    """Monomial -> coefficient; None where something is left to multiply out: (x+1)*(x+2), 3*x*2*x."""
    total: Counter[tuple[tuple[str, int], ...]] = Counter()
    for sign, term in _list_terms(tree, 1):
        read = _read_term(term)
        if read is None:
            return None
        monomial, coefficient = read
        total[monomial] += sign * coefficient  # type: ignore[assignment]
    return {monomial: coefficient for monomial, coefficient in total.items() if coefficient}  # type: ignore[misc]


def _list_terms(tree: ast.expr, sign: int) -> list[tuple[int, ast.expr]]:
    match tree:
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as op, right=right):
            return _list_terms(left, sign) + _list_terms(right, -sign if isinstance(op, ast.Sub) else sign)
        case ast.UnaryOp(op=op, operand=operand):
            return _list_terms(operand, -sign if isinstance(op, ast.USub) else sign)
    return [(sign, tree)]


def _read_term(term: ast.expr) -> tuple[tuple[tuple[str, int], ...], Fraction] | None:
    """A product of at most one number and of powers of names, each once."""
    numbers: list[Fraction] = []
    powers: list[tuple[str, int]] = []
    sign, factors = _list_factors(term)
    for factor in factors:
        match factor:
            case ast.Constant(value=value):
                numbers.append(Fraction(str(value)))
            case ast.BinOp(left=ast.Constant(value=above), op=ast.Div(), right=ast.Constant(value=below)) if below:
                numbers.append(Fraction(str(above)) / Fraction(str(below)))
            case ast.Name(id=name):
                powers.append((name, 1))
            case ast.BinOp(left=ast.Name(id=name), op=ast.Pow(), right=ast.Constant(value=int(exponent))):
                powers.append((name, exponent))
            case _:
                return None
    if len(numbers) > 1 or len({name for name, _ in powers}) < len(powers):
        return None
    return tuple(sorted(powers)), sign * (numbers[0] if numbers else Fraction(1))


def _list_factors(term: ast.expr) -> tuple[int, list[ast.expr]]:
    """The factors of a product and the sign before its first: -3*x is -1 and 3, x."""
    match term:
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            sign, factors = _list_factors(left)
            return sign, [*factors, right]
        case ast.UnaryOp(op=op, operand=operand):
            sign, factors = _list_factors(operand)
            return -sign if isinstance(op, ast.USub) else sign, factors
    return 1, [term]


def weigh(node: ast.expr) -> int | None:
    """About the degree or the number of digits of what the tree comes to; None above MAX_WEIGHT, or of a tower."""
    match node:
        case ast.Constant(value=value):
            weight: int | None = len(str(value))
        case ast.Name():
            weight = 1
        case ast.UnaryOp(operand=operand) | ast.Call(args=[operand]):
            weight = weigh(operand)
        case ast.BinOp(left=ast.Name(id="E"), op=ast.Pow(), right=right):
            weight = weigh(right)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            base, exponent = weigh(left), read_exponent(right)
            weight = (
                None
                if base is None or exponent is None
                else base * max(1, exponent.numerator, -exponent.numerator)
            )
        case ast.BinOp(left=left, op=op, right=right):
            one, other = weigh(left), weigh(right)
            join = max if isinstance(op, ast.Add | ast.Sub) else operator.add
            weight = None if one is None or other is None else join(one, other)
        case _:
            weight = None
    return weight if weight is not None and weight <= MAX_WEIGHT else None


def read_exponent(node: ast.expr) -> Fraction | None:
    """An exponent that stands as a number, 3, -2 or 3/2; None where it has to be worked out."""
    match node:
        case ast.Constant(value=value):
            return Fraction(str(value))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            exponent = read_exponent(operand)
            return None if exponent is None else -exponent
        case ast.BinOp(left=left, op=ast.Div(), right=ast.Constant(value=int(below))) if below:
            above = read_exponent(left)
            return None if above is None else above / below
    return None


def _build_in(text: str, variable: str) -> Any:
    names = (variable, CONSTANT, EULER, PI)
    tree = parse_expression(text, max_chars=MAX_ANSWER_CHARS, names=names, functions=FUNCTIONS)
    return None if tree is None or weigh(tree) is None else build(tree)


def build(node: ast.expr) -> Any:
    """The tree as a sympy object, put together by constructors."""
    import sympy

    match node:
        case ast.Constant(value=value):
            number = Fraction(str(value))
            return sympy.Rational(number.numerator, number.denominator)
        case ast.Name(id=name):
            return {EULER: sympy.E, PI: sympy.pi}.get(name, sympy.Symbol(name))
        case ast.Call(func=ast.Name(id=name), args=[argument]):
            return getattr(sympy, FUNCTIONS[name])(build(argument))
        case ast.UnaryOp(op=op, operand=operand):
            return sympy.Mul(-1 if isinstance(op, ast.USub) else 1, build(operand))
        case ast.BinOp(left=left, op=op, right=right):
            one, other = build(left), build(right)
            match op:
                case ast.Add():
                    return sympy.Add(one, other)
                case ast.Sub():
                    return sympy.Add(one, sympy.Mul(-1, other))
                case ast.Mult():
                    return sympy.Mul(one, other)
                case ast.Div():
                    return sympy.Mul(one, sympy.Pow(other, -1))
            return sympy.Pow(one, other)
    raise AssertionError(f"Not in the grammar: {ast.dump(node)[:80]}.")
