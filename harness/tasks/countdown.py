"""Countdown's compact character-level rendering and the canonical form its votes are counted on. Knows no model."""

import ast
from collections.abc import Mapping, Sequence
from typing import Any

MAX_ANSWER_CHARS = 200
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


def vote_key(expression: str) -> str | None:
    """The expression, sums and products flattened and their operands sorted; None where it is not arithmetic.

    Never the value: every right answer has the same one, which would make each vote an oracle.
    """
    if len(expression) > MAX_ANSWER_CHARS:
        return None
    try:
        tree = ast.parse(expression.strip(), mode="eval")
        return _canonical(tree.body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _canonical(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=int()):
            return str(node.value)
        case ast.BinOp(op=ast.Add() | ast.Sub()) | ast.UnaryOp(op=ast.USub()):
            return _join(_terms(node, SUMS, inverted=False), "+", "-")
        case ast.BinOp(op=ast.Mult() | ast.Div()):
            return _join(_terms(node, PRODUCTS, inverted=False), "*", "/")
    raise ValueError(f"Not arithmetic over whole numbers: {ast.dump(node)[:80]}.")


def _terms(node: ast.expr, family: tuple[type[ast.AST], type[ast.AST]], *, inverted: bool) -> list[tuple[bool, str]]:
    """The operands of a chain of + and - (or * and /), each with whether it is subtracted (or divided by)."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, family):
        right_inverted = inverted != isinstance(node.op, family[1])
        return _terms(node.left, family, inverted=inverted) + _terms(node.right, family, inverted=right_inverted)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and family is SUMS:
        return _terms(node.operand, family, inverted=not inverted)
    return [(inverted, _canonical(node))]


def _join(terms: list[tuple[bool, str]], plain: str, inverse: str) -> str:
    return "(" + "".join(f"{inverse if inverted else plain}{text}" for inverted, text in sorted(terms)) + ")"
