"""The digest of a grader's code changes with what it does, and with nothing else."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from harness.answers import boxed, last_number, math_key, numeric
from harness.fingerprint import digest_code
from harness.sandbox import close_sandbox

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

class Reader:
    """It reads."""
    def read(self):
        return LIMIT + 1

class Sub(Reader):
    pass

def use(text):
    return Sub().read()
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


@pytest.mark.parametrize(
    ("old", "new", "is_same"),
    [("LIMIT + 1", "LIMIT + 2", False), ("LIMIT = 3", "LIMIT = 4", False), ("It reads.", "Reads.", True)],
)
def test_classes_and_their_bases_are_part_of_what_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, is_same: bool
) -> None:
    digests = []
    for source in (SOURCE, SOURCE.replace(old, new)):
        module = load(tmp_path, source)
        monkeypatch.setitem(sys.modules, "grader", module)
        digests.append(digest_code(module.use))
    assert (digests[0] == digests[1]) == is_same


def test_what_is_named_by_its_module_is_part_of_the_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    before = digest_code(math_key)
    monkeypatch.setattr(numeric, "KEY_DIGITS", 99)
    digest_code.cache_clear()
    assert digest_code(math_key) != before
    digest_code.cache_clear()


def test_each_of_our_graders_has_a_digest_of_its_own() -> None:
    assert (
        len({digest_code(boxed), digest_code(last_number), digest_code(math_key), digest_code(boxed, math_key)})
        == 4
    )


def test_the_interpreters_state_is_no_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A grader's version is the same in every start: with bytecode written or not,
    with other words and warnings.
    """
    before = digest_code(close_sandbox)
    digest_code.cache_clear()
    monkeypatch.setattr(sys, "dont_write_bytecode", not sys.dont_write_bytecode)
    monkeypatch.setattr(sys, "argv", [*sys.argv, "other"])
    assert digest_code(close_sandbox) == before
    digest_code.cache_clear()
