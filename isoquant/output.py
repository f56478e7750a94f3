"""Where what a command prints goes: the terminal, a file, or one JSON object in its place."""

import contextlib
import io
import json
import math
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

# What is not reached within the measured grid.
NEVER = "never"


@contextlib.contextmanager
def set_aside() -> Iterator[None]:
    """Inside, what is printed, by processes that are started as well, goes to standard error."""
    if sys.stdout is not sys.__stdout__:
        with contextlib.redirect_stdout(sys.stderr):
            yield
        return
    assert sys.stdout is not None
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        print(end="", flush=True)
        os.dup2(kept, 1)
        os.close(kept)


@contextlib.contextmanager
def kept() -> Iterator[io.StringIO]:
    """Inside, what is printed is kept."""
    with contextlib.redirect_stdout(io.StringIO()) as text:
        yield text


def write(path: Path, text: str) -> None:
    """The text as a file, controls in it by their name as on a terminal; say where it is."""
    from results.terminal import show
    from results.whole import write_text

    print(write_text(path, show(text)))


def as_json(value: Any) -> str:
    """One JSON object: nothing where there is no number, 'never' for what is not reached."""
    return json.dumps(plain(value), indent=1, ensure_ascii=False) + "\n"


def plain(value: Any) -> Any:
    """Tables as lists of rows, named tuples and dataclasses as objects, arrays as lists, NaN as null."""
    if value is None or isinstance(value, bool | str | int):
        return value
    if isinstance(value, float):
        return None if math.isnan(value) else value if math.isfinite(value) else NEVER if value > 0 else None
    if isinstance(value, Mapping):
        return {_key(key): plain(each) for key, each in value.items()}
    if hasattr(value, "to_dict") and hasattr(value, "columns"):
        return [plain(row) for row in value.to_dict("records")]
    if hasattr(value, "_asdict"):
        return plain(value._asdict())
    if hasattr(value, "__dataclass_fields__"):
        return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(each) for each in value]
    return None if str(value) in ("NaT", "<NA>") else str(value)


def _key(key: Any) -> str:
    return key if isinstance(key, str) else str(plain(key))
