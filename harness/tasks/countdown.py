"""Countdown: its compact rendering, its own grader
and the canonical form its votes are counted on. Knows no model.

An answer is an expression over whole numbers, + - * / and brackets; it is worked out in exact fractions.
"""

import ast
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from harness.tasks.grammar import parse_expression

MAX_ANSWER_CHARS = 200
# reasoning-gym's marks for an expression that is not worth the target, and for one that is worth nothing.
FULL, MISSED, VALUELESS = 1.0, 0.05, 0.01
PUZZLE24_TARGET = 24
# An operator and its inverse.
SUMS, PRODUCTS = (ast.Add, ast.Sub), (ast.Mult, ast.Div)


def render_prompt(numbers: Sequence[int], target: int) -> str:
    """The problem in as few characters as carry it: 18 20 7 11=16."""
    return " ".join(map(str, numbers)) + f"={target}"


def render_compact(entry: Mapping[str, Any]) -> str:
    """A reasoning-gym countdown entry in the compact rendering."""
    return render_prompt(entry["metadata"]["numbers"], entry["metadata"]["target"])


def read_dials(entry: Mapping[str, Any]) -> Mapping[str, float]:
    """What makes a countdown problem hard: how many numbers, and how large the target."""
    return {"num_numbers": len(entry["metadata"]["numbers"]), "target": entry["metadata"]["target"]}


def score_countdown(answer: str, entry: Mapping[str, Any]) -> float | None:
    """Full marks where the entry's numbers, each used once, are worth its target;
    None where it is no expression.
    """
    tree = read_arithmetic(answer)
    if tree is None:
        return None
    try:
        value = work_out(tree)
    except ZeroDivisionError:
        return VALUELESS
    metadata = entry["metadata"]
    is_solved = sorted(list_numbers(tree)) == sorted(metadata["numbers"]) and value == metadata["target"]
    return FULL if is_solved else MISSED


def score_puzzle24(answer: str, entry: Mapping[str, Any]) -> float | None:
    """Full marks where the puzzle's own four numbers, each used once, are worth 24."""
    score = score_countdown(
        answer, {"metadata": {"numbers": entry["metadata"]["numbers"], "target": PUZZLE24_TARGET}}
    )
    return score if score in (None, FULL) else VALUELESS


def read_arithmetic(text: str) -> ast.expr | None:
    """The text as a tree of whole numbers, + - * / and brackets; None where it is anything else.

    A plus sign may stand first, and not behind another sign: nobody writes 9++1.
    """
    tree = parse_expression(text, max_chars=MAX_ANSWER_CHARS)
    if tree is None:
        return None
    return None if any(map(_is_strange, ast.walk(tree))) else tree


def _is_strange(node: ast.AST) -> bool:
    last = getattr(node, "right", None) or getattr(node, "operand", None)
    is_second_sign = isinstance(last, ast.UnaryOp) and isinstance(last.op, ast.UAdd)
    return isinstance(node, ast.Pow) or type(getattr(node, "value", 0)) is float or is_second_sign


def list_numbers(tree: ast.expr) -> list[int]:
    return [
        node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, int)
    ]


def work_out(node: ast.expr) -> Fraction:
    """What an arithmetic tree is worth, exactly. Raises ZeroDivisionError."""
    match node:
        case ast.Constant(value=int(value)):
            return Fraction(value)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -work_out(operand)
        case ast.UnaryOp(operand=operand):
            return work_out(operand)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return work_out(left) + work_out(right)
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return work_out(left) - work_out(right)
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return work_out(left) * work_out(right)
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return work_out(left) / work_out(right)
    raise AssertionError(f"Not arithmetic: {ast.dump(node)[:80]}.")


def vote_key(expression: str) -> str | None:
    """The expression, sums and products flattened and their operands sorted; None where it is not arithmetic.

    Never the value: every right answer has the same one, which would make each vote an oracle.
    """
    tree = read_arithmetic(expression)
    return None if tree is None else _canonical(tree)


def _canonical(node: ast.expr) -> str:
    match node:
        case ast.Constant():
            return str(node.value)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _canonical(operand)
        case ast.BinOp(op=ast.Mult() | ast.Div()):
            return _join(_terms(node, PRODUCTS, inverted=False), "*", "/")
    return _join(_terms(node, SUMS, inverted=False), "+", "-")


def _terms(
    node: ast.expr, family: tuple[type[ast.AST], type[ast.AST]], *, inverted: bool
) -> list[tuple[bool, str]]:
    """The operands of a chain of + and - (or * and /), each with whether it is subtracted (or divided by)."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, family):
        right_inverted = inverted != isinstance(node.op, family[1])
        return _terms(node.left, family, inverted=inverted) + _terms(node.right, family, inverted=right_inverted)
    if isinstance(node, ast.UnaryOp) and family is SUMS:
        return _terms(node.operand, family, inverted=inverted != isinstance(node.op, ast.USub))
    return [(inverted, _canonical(node))]


def _join(terms: list[tuple[bool, str]], plain: str, inverse: str) -> str:
    return "(" + "".join(f"{inverse if inverted else plain}{text}" for inverted, text in sorted(terms)) + ")"
