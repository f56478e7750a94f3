"""The grammar of expressions that graders read: numbers, names that a task allows, + - * / ** and brackets.

Python's parser builds the tree, from a text whose characters, length and depth are known to be harmless; it runs
nothing. Knows no task.
"""

import ast
import re
from collections.abc import Collection

from harness.brackets import count_open

# In ASCII only, so that no other script's digits or letters are folded into these.
_TOKENS = re.compile(r"(?:[0-9]{1,30}(?:\.[0-9]{1,30})?(?![0-9A-Za-z.])|[A-Za-z]+(?![0-9A-Za-z])|\*\*|[-+*/() ])*")
MAX_BRACKETS, MAX_DEPTH = 30, 200


def parse_expression(
    text: str, *, max_chars: int, names: Collection[str] = (), functions: Collection[str] = ()
) -> ast.expr | None:
    """The text as a tree; None where it is no expression over numbers, `names` and `functions` of one argument.

    Of ast's nodes it holds no others than Constant (int or float), Name, Call, UnaryOp and BinOp.
    """
    if len(text) > max_chars or not _TOKENS.fullmatch(text) or count_open(text) > MAX_BRACKETS:
        return None
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return tree if _is_allowed(tree, names, functions, MAX_DEPTH) else None


def _is_allowed(node: ast.expr, names: Collection[str], functions: Collection[str], depth: int) -> bool:
    if depth == 0:
        return False
    match node:
        case ast.Constant(value=value):
            return type(value) in (int, float)
        case ast.Name(id=name):
            return name in names
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]):
            return name in functions and _is_allowed(argument, names, functions, depth - 1)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            return _is_allowed(operand, names, functions, depth - 1)
        case ast.BinOp(op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div() | ast.Pow()):
            return all(_is_allowed(side, names, functions, depth - 1) for side in (node.left, node.right))
    return False
