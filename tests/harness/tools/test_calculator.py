"""The calculator: exact values in plain words, and expressions that cost nothing though
they ask for everything.
"""

import random
from fractions import Fraction

import pytest

from harness.tools.calculator import MAX_BITS, Calculator, calculate
from harness.tools.protocol import ToolFailedError


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        ("1+1", "2"),
        ("(3 + 5) * 2 / 7", "16/7 (about 2.28571428571)"),
        ("0.1 + 0.2", "0.3"),
        ("0.123456789012345678901234567890 * 1", "0.12345678901234567890123456789"),
        ("1/2^41", "1/2199023255552 (about 4.54747350886e-13)"),
        ("-2^-3", "-0.125"),
        ("(-2)^3", "-8"),
        ("floor(sqrt(2)*sqrt(2))", "about 2"),
        ("ceil(sqrt(5)^2)", "about 5"),
        ("round(sqrt(2)*sqrt(2)/4)", "about 1"),
        ("floor(0-sqrt(2)^2)", "about -2"),
        ("floor(sqrt(2))", "about 1"),
        ("sqrt(2/10^60)", "about 1.41421356237e-30"),
        ("1/sqrt(2/10^90)", "about 7.07106781187e44"),
        (".5 + .25", "0.75"),
        ("1,000.5 + .5", "1001"),
        ("5•3⋅2∗1", "30"),
        ("6∕4", "1.5"),
        ("2^3^2", "512"),
        ("0^0", "1"),
        ("(-1)^99999999999", "-1"),
        ("1^(-5)", "1"),
        ("1/3 - 1/3", "0"),
        ("15% * 80", "12"),
        ("1,234,567 + 1 =", "1234568"),
        ("6 ÷ 4 × 2 − 1", "2"),
        ("sqrt(16/9)", "4/3 (about 1.33333333333)"),
        ("sqrt(2)", "about 1.41421356237"),
        ("sqrt(2)*sqrt(2)", "about 2"),
        ("floor(-7/2)", "-4"),
        ("ceil(-7/2)", "-3"),
        ("round(5/2)", "3"),
        ("round(-5/2)", "-3"),
        ("abs(-3)", "3"),
        ("1/300000000", "1/300000000 (about 3.33333333333e-9)"),
        ("2/3*10^20", "200000000000000000000/3 (about 6.66666666667e19)"),
        ("999999999999.9999/3", "333333333333.3333"),
        ("99999999999999/7", "99999999999999/7 (about 1.42857142857e13)"),
    ],
)
def test_a_value_is_shown_plainly(expression: str, shown: str) -> None:
    assert calculate(expression) == shown


def test_random_expressions_have_the_value_of_exact_arithmetic() -> None:
    rng = random.Random(0)
    for _ in range(300):
        expression, value = write(rng, depth=4)
        said = calculate(expression)
        exact = said.partition(" (about ")[0]
        assert Fraction(exact) == value, expression


def write(rng: random.Random, *, depth: int) -> tuple[str, Fraction]:
    """A random expression in brackets, and its value."""
    if depth == 0 or rng.random() < 0.2:
        number = rng.randint(0, 50)
        return str(number), Fraction(number)
    (one, left), (other, right) = write(rng, depth=depth - 1), write(rng, depth=depth - 1)
    sign = rng.choice("+-*/" if right else "+-*")
    value = {"+": left + right, "-": left - right, "*": left * right}.get(sign)
    return f"({one}{sign}{other})", left / right if value is None else value


def test_an_approximation_is_right_to_its_last_digit() -> None:
    rng = random.Random(1)
    for _ in range(300):
        one, other = rng.randint(1, 10**15), rng.randint(1, 10**15) * rng.choice((1, 10**12)) + 1
        said = calculate(f"{one}/{other}")
        if " (about " in said:
            about = Fraction(said.partition(" (about ")[2].rstrip(")"))
            value = Fraction(one, other)
            assert abs(about - value) <= value * Fraction(1, 10**11)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("9^9^9^9^9", "too large"),
        ("2^99999999999999999999", "too large"),
        ("(2^4000)*(2^4000)", "too large"),
        ("2^0.5", "whole number"),
        ("1/0", "division by zero"),
        ("0^-1", "division by zero"),
        ("sqrt(-1)", "no root"),
        ("", "no expression"),
        ("0.1,000", "no expression"),
        ("1,000,00", "no expression"),
        ("1..5", "no expression"),
        ("two plus two", "no expression"),
        ("1 + * 2", "no expression"),
        ("(" * 200 + "1" + ")" * 200, "no expression"),
        ("9" * 400, "no expression"),
        ("1" + "+1" * 400, "at most"),
        ("-" * 400 + "1", "no expression"),
        ("__import__('os').system('true')", "no expression"),
        ("(lambda: 1)()", "no expression"),
        ("sqrt(1, 2)", "no expression"),
        ("exec(1)", "no expression"),
        ("1 if 1 else 2", "no expression"),
        ("[1]*9", "no expression"),
        ("1e999999", "no expression"),
        ("0x10", "no expression"),
        ("١+١", "no expression"),
        ("1\x00+1", "no expression"),
        ("\ud800", "no expression"),
    ],
)
def test_what_has_no_value_is_told(expression: str, reason: str) -> None:
    with pytest.raises(ToolFailedError, match=reason):
        calculate(expression)


def test_what_is_just_small_enough_has_a_value() -> None:
    assert calculate("2^4095") == str(2**4095)
    assert calculate("1/2^4095").startswith("1/")
    assert len(calculate(f"2^{MAX_BITS - 1}")) < 1300


def test_its_code_is_part_of_its_identity() -> None:
    one, other = Calculator(max_tokens=10), Calculator(max_tokens=20)
    assert one.identity != other.identity and len(one.identity["code"]) == 8
    with pytest.raises(ValueError, match="max_tokens must be at least 1"):
        Calculator(max_tokens=0)
