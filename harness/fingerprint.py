"""A digest of the code that grades, so that a grader's version changes with it. Knows no grader."""

import ast
import hashlib
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

NUM_DIGITS = 8


@cache
def digest_code(*parts: Callable[..., Any] | re.Pattern[str]) -> str:
    """Hex digits of what these functions do and patterns match; comments, docstrings and layout are no part of it.

    That is their code, the functions, classes and constants of their own package that it names, and the versions
    of the libraries that it imports.
    """
    seen: dict[str, str] = {}
    for part in parts:
        if isinstance(part, re.Pattern):
            seen[f"pattern {part.pattern}"] = str(part.flags)
        else:
            _read(part, seen)
    return hashlib.sha256(repr(sorted(seen.items())).encode()).hexdigest()[:NUM_DIGITS]


def _read(code: Callable[..., Any] | type, seen: dict[str, str]) -> None:
    code = inspect.unwrap(code) if inspect.isfunction(code) else code
    name = f"{code.__module__}.{code.__qualname__}"
    if name in seen:
        return
    tree = _strip(ast.parse(textwrap.dedent(inspect.getsource(code))))
    seen[name] = ast.dump(tree)
    package = code.__module__.partition(".")[0]
    for part in ast.walk(tree):
        for library in _imported(part):
            seen[library] = _find_version(library)
    for label, value in _iterate_named(tree, _find_globals(code)):
        named = inspect.unwrap(value) if callable(value) else value
        # Of a class whose module was loaded by hand the source is not found again.
        is_class = inspect.isclass(named) and named.__module__ in sys.modules
        if not (inspect.isfunction(named) or is_class):
            if (constant := _show(value)) is not None:
                seen[f"{code.__module__}.{label}"] = constant
        elif named.__module__.partition(".")[0] == package:
            _read(named, seen)


def _find_globals(code: Callable[..., Any] | type) -> Mapping[str, Any]:
    """What a name in it may stand for."""
    if inspect.isclass(code):
        return vars(sys.modules[code.__module__])
    return getattr(code, "__globals__", {})


def _iterate_named(tree: ast.AST, around: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What a tree names of its module, and of its package's modules that it names: PATTERN, worth.show.

    What it reads of other modules, such as sys.flags, may differ from one start to the next.
    """
    package = str(around.get("__name__")).partition(".")[0]
    for part in ast.walk(tree):
        match part:
            case ast.Name(id=name) if name in around and not inspect.ismodule(around[name]):
                yield name, around[name]
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if inspect.ismodule(around.get(name)):
                if around[name].__name__.partition(".")[0] == package:
                    yield f"{name}.{attribute}", getattr(around[name], attribute, None)


def _strip(tree: ast.AST) -> ast.AST:
    """Without docstrings."""
    for part in ast.walk(tree):
        if isinstance(part, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(part, clean=False) is not None:
            del part.body[0]
    return tree


def _imported(part: ast.AST) -> Iterator[str]:
    if isinstance(part, ast.ImportFrom) and part.module:
        yield part.module.partition(".")[0]
    if isinstance(part, ast.Import):
        yield from (alias.name.partition(".")[0] for alias in part.names)


def _find_version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:  # of the standard library, or of ours
        return ""


def _show(value: Any) -> str | None:
    """A constant as text; None where it is no constant."""
    if isinstance(value, re.Pattern):
        return f"{value.pattern!r} {value.flags}"
    if isinstance(value, Mapping):
        return _show([(key, value[key]) for key in sorted(value, key=repr)])
    if isinstance(value, tuple | list):
        parts = [_show(part) for part in value]
        return None if None in parts else repr(parts)
    if isinstance(value, type):
        return value.__qualname__
    return repr(value) if isinstance(value, str | bytes | int | float | None) else None
