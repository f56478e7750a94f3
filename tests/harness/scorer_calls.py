"""What a scorer of reasoning-gym calls outside its own package,
read from its source and that of all it calls there.
"""

import ast
import builtins
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

PACKAGE = "reasoning_gym"
# Methods of plain values; whatever else is called on something is told by its name.
PLAIN = {name for kind in (str, int, float, list, dict, set, tuple, re.Match, re.Pattern) for name in dir(kind)}


def find_calls(scorer: Callable[..., Any], owner: type) -> set[str]:
    """Qualified names of what the method `scorer` of `owner` and all
    that it reaches in its package call outside it.

    A method whose object is not known from the source is told as `.name`.
    """
    found: set[str] = set()
    seen: set[Any] = set()
    waiting: list[tuple[Any, type | None]] = [(scorer, owner)]
    while waiting:
        function, owned_by = waiting.pop()
        function = inspect.unwrap(getattr(function, "__func__", function))
        if function in seen:
            continue
        seen.add(function)
        if inspect.isclass(function):
            waiting += [(member, function) for member in list_members(function)]
        elif function.__code__.co_filename != "<string>":  # what dataclass writes has no source
            for called in read_calls(function, owned_by):
                if isinstance(called, str):
                    found.add(called)
                else:
                    waiting.append(
                        (called, owned_by if inspect.isfunction(called) and is_method(called) else None)
                    )
    return found


def list_members(kind: type) -> Iterator[Any]:
    """The functions that are written in a class, its properties' and static ones included."""
    for member in vars(kind).values():
        plain = getattr(member, "fget", getattr(member, "__func__", member))
        if inspect.isfunction(plain):
            yield plain


def is_method(function: Any) -> bool:
    return "." in function.__qualname__ and "<locals>" not in function.__qualname__


def read_calls(function: Any, owner: type | None) -> Iterator[Any]:
    """What a function names or calls: functions and classes of its package as they are, all else by name."""
    tree = strip_types(ast.parse(textwrap.dedent(inspect.getsource(function))))
    local = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    local |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    local |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield f"import {getattr(node, 'module', None) or node.names[0].name}"
        root, chain = unfold(node.func if isinstance(node, ast.Call) else node)
        if root is None or not (isinstance(node, ast.Call) or (isinstance(node, ast.Name) and not chain)):
            continue
        if root in ("self", "cls") and len(chain) == 1 and owner is not None:
            value = getattr(owner, chain[0], None)
            yield value if inspect.isroutine(value) or is_ours(value) else f"self.{chain[0]}"
        elif root in local or not callable(value := look_up(function, root, chain)):
            if chain and chain[-1] not in PLAIN:
                yield f".{chain[-1]}"
        else:
            yield value if is_ours(value) else tell(value)


def strip_types(tree: ast.AST) -> ast.AST:
    """Without annotations and decorators, which are not called on an answer."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.returns, node.decorator_list = None, []
        if isinstance(node, ast.arg):
            node.annotation = None
        if isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(None)
    return tree


def unfold(node: ast.AST) -> tuple[str | None, list[str]]:
    """sympy.diff -> sympy, [diff]; the root is empty where it is no name: a call, an element."""
    chain: list[str] = []
    while isinstance(node, ast.Attribute):
        chain.insert(0, node.attr)
        node = node.value
    return (node.id if isinstance(node, ast.Name) else "" if chain else None), chain


def look_up(function: Any, root: str, chain: list[str]) -> Any:
    value = function.__globals__.get(root, getattr(builtins, root, None))
    for part in chain:
        value = getattr(value, part, None)
    return value


def is_ours(value: Any) -> bool:
    return callable(value) and (getattr(value, "__module__", None) or "").startswith(PACKAGE)


def tell(value: Any) -> str:
    module = getattr(value, "__module__", None)
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", type(value).__name__)
    return name if module in (None, "builtins") else f"{module}.{name}"
