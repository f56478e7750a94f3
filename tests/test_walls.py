"""The laws of the house as tests, each with a test that it can fail."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("harness", "sweeps", "results", "analysis", "ladder")
HEAVY = ("vllm", "torch")


def imports(source: str) -> Iterator[tuple[str, bool]]:
    """Every module a source imports, dotted, and whether the import stands inside a function."""
    tree = ast.parse(source)
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) in inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module or "", id(node) in inside


def breaches(source: str, *, forbidden: tuple[str, ...]) -> list[str]:
    return [name for name, _ in imports(source) if name.split(".")[0] in forbidden]


def sources(*rooms: str) -> dict[str, str]:
    return {str(p.relative_to(ROOT)): p.read_text() for room in rooms for p in sorted((ROOT / room).rglob("*.py"))}


FORBIDDEN = {
    "harness": ("sweeps", "analysis", "hydra", "omegaconf", "results", "matplotlib"),
    "analysis": ("harness", "sweeps", "vllm", "torch", "hydra", "omegaconf"),
    "results": ("harness", "sweeps", "analysis", "ladder", "hydra", "omegaconf", "matplotlib"),
    "sweeps": ("analysis", "vllm", "torch", "matplotlib"),
    "ladder": ("sweeps", "analysis", "results", "hydra", "omegaconf", "vllm", "matplotlib"),
}


@pytest.mark.parametrize("room", FORBIDDEN)
def test_a_room_imports_only_through_its_doors(room: str) -> None:
    found = {path: breaches(source, forbidden=FORBIDDEN[room]) for path, source in sources(room).items()}
    assert {path: names for path, names in found.items() if names} == {}


def test_vllm_is_imported_in_one_file_inside_a_function() -> None:
    places = {
        (path, within)
        for path, source in sources(*ROOMS).items()
        for name, within in imports(source)
        if name.split(".")[0] == "vllm"
    }
    assert places == {("harness/engines/vllm.py", True)}


def test_hydra_is_imported_only_where_words_become_configs_and_configs_dataclasses() -> None:
    found = {p for p, source in sources(*ROOMS).items() if breaches(source, forbidden=("hydra", "omegaconf"))}
    assert found == {
        "sweeps/__main__.py",
        "sweeps/compose.py",
        "sweeps/launchers/hydra_plugins/isoquant.py",
        "sweeps/mistakes.py",
    }


def test_matplotlib_is_imported_only_by_figures() -> None:
    found = [p for p, source in sources(*ROOMS).items() if breaches(source, forbidden=("matplotlib",))]
    assert found and all(path.startswith("analysis/figures/") for path in found)


def test_heavy_packages_are_imported_inside_the_functions_that_need_them() -> None:
    found = [
        path
        for path, source in sources("harness", "sweeps", "results", "analysis").items()
        for name, within in imports(source)
        if name.split(".")[0] in HEAVY and not within
    ]
    assert found == []


def test_harness_names_no_path_under_results() -> None:
    found = [path for path, source in sources("harness").items() if "results/" in _without_docstrings(source)]
    assert found == []


STATISTICS = (
    "bootstrap",
    "costs",
    "coverage",
    "curves",
    "differences",
    "difficulty",
    "effective_size",
    "estimators",
    "families",
    "fits",
    "frontier",
    "intervals",
    "losses",
    "multiplier",
    "optimism",
    "optimum",
    "plan_compute",
    "plurality",
    "policies/groups",
    "policies/hull",
    "policies/measures",
    "policies/metrics",
    "policies/mixtures",
    "policies/neighbours",
    "policies/predictor",
    "policies/settings",
    "policies/space",
    "policies/tuned",
    "power",
    "refits",
    "roofline",
    "scaling",
    "shapes",
    "solve_rates",
    "substitution",
    "surface",
)


def test_statistics_take_arrays() -> None:
    for name in STATISTICS:
        source = (ROOT / "analysis" / f"{name}.py").read_text()
        assert breaches(source, forbidden=("pandas", "pyarrow", "pathlib", "matplotlib", "results")) == [], name


def test_every_public_function_of_the_statistics_says_its_source_and_its_errors() -> None:
    found = {
        p: unsaid((ROOT / "analysis" / f"{p}.py").read_text()) for p in STATISTICS if not p.startswith("policies/")
    }
    assert {path: names for path, names in found.items() if names} == {}


def unsaid(source: str) -> list[str]:
    """Public functions and methods, those inside functions apart, whose docstring names no source or not the errors."""
    tree = ast.parse(source)
    bodies = [tree.body, *(node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name[0] != "_")]
    public = [node for body in bodies for node in body if isinstance(node, ast.FunctionDef) and node.name[0] != "_"]
    return [
        node.name
        for node in public
        if "source" not in (words := (ast.get_docstring(node) or "").lower())
        or (any(isinstance(inner, ast.Raise) for inner in ast.walk(node)) and "raises" not in words)
    ]


def test_a_planted_breach_is_found() -> None:
    assert breaches("import vllm.v1", forbidden=HEAVY) == ["vllm.v1"]
    assert breaches("def f():\n    from analysis.curves import x", forbidden=("analysis",)) == ["analysis.curves"]
    assert list(imports("def f():\n    import torch")) == [("torch", True)]
    assert list(imports("import torch")) == [("torch", False)]
    assert breaches("import analysis_of_vllm", forbidden=HEAVY) == []
    assert unsaid("def f():\n    'Source: ours.'\n    raise ValueError") == ["f"]
    assert unsaid("class A:\n    def f(self):\n        'Doubles.'") == ["f"]
    assert unsaid("def f():\n    'Raises ValueError. Source: ours.'\n    raise ValueError") == []
    assert "results/" in _without_docstrings('"""Doc of results/."""\nopen("results/runs")')
    assert "results/" not in _without_docstrings('"""Doc of results/."""\nopen("elsewhere")')


def _without_docstrings(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(
            node
        ):
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)
