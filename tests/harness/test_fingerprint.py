"""The digest of a grader's code changes with what it does, and with nothing else."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from harness.answers import boxed, last_number, math_key
from harness.fingerprint import digest_code

SOURCE = '''
import re
LIMIT = 3
PATTERN = re.compile("a+")

def find(text):
    """Find it."""
    return clean(text) if PATTERN.match(text) else None  # at its start

def clean(text):
    import sympy
    return text.strip()[:LIMIT]

def unrelated():
    return 1
'''


def load(folder: Path, source: str) -> ModuleType:
    path = folder / f"grader{len(list(folder.iterdir()))}.py"
    path.write_text(source)
    spec = importlib.util.spec_from_file_location("grader", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("old", "new", "is_same"),
    [
        ("Find it.", "Finds it.", True),
        ("  # at its start", "", True),
        ("return 1", "return 2", True),
        ("LIMIT = 3", "LIMIT = 4", False),
        ('"a+"', '"b+"', False),
        ("text.strip()", "text.lstrip()", False),
        ("else None", "else text", False),
        ("import sympy", "import numpy", False),
    ],
)
def test_the_digest_changes_with_what_the_code_does(tmp_path: Path, old: str, new: str, is_same: bool) -> None:
    assert old in SOURCE
    before, after = load(tmp_path, SOURCE), load(tmp_path, SOURCE.replace(old, new))
    assert (digest_code(before.find) == digest_code(after.find)) == is_same


def test_each_of_our_graders_has_a_digest_of_its_own() -> None:
    assert len({digest_code(boxed), digest_code(last_number), digest_code(math_key), digest_code(boxed, math_key)}) == 4
