"""The laws of the house as tests, each with a test that it can fail."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("isoquant", "harness", "sweeps", "results", "analysis", "ladder")
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
    "harness": ("isoquant", "sweeps", "analysis", "hydra", "omegaconf", "results", "matplotlib"),
    "analysis": ("isoquant", "harness", "sweeps", "vllm", "torch", "hydra", "omegaconf"),
    "results": ("isoquant", "harness", "sweeps", "analysis", "ladder", "hydra", "omegaconf", "matplotlib"),
    "sweeps": ("isoquant", "analysis", "vllm", "torch", "matplotlib"),
    # Verifiers learn from stored answers.
    "ladder": ("isoquant", "sweeps", "analysis", "hydra", "omegaconf", "vllm", "matplotlib"),
    "isoquant": ("harness", "vllm", "torch", "hydra", "omegaconf", "matplotlib"),
}


# Arithmetic that drawing and reading share, so that they cannot say different things of one cell.
SHARED = {"harness": ("results.cuts",)}


# A sweep with a goal reads what it has drawn to decide what it draws next, in this file and once a goal is
# pursued.
ADVISED = "sweeps/goals.py"


@pytest.mark.parametrize("room", FORBIDDEN)
def test_a_room_imports_only_through_its_doors(room: str) -> None:
    found = {path: breaches(source, forbidden=FORBIDDEN[room]) for path, source in sources(room).items()}
    advice = found.pop(ADVISED, [])
    assert {name for names in found.values() for name in names} <= set(SHARED.get(room, ()))
    assert all(name.startswith("analysis.") for name in advice)


def test_a_sweep_without_a_goal_imports_no_analysis() -> None:
    told = "import sys, sweeps.goals; sys.exit(any(name.split('.')[0] == 'analysis' for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", told], cwd=ROOT, check=False).returncode == 0


def test_what_rooms_share_imports_nothing_of_ours_and_opens_nothing() -> None:
    for module in {name for names in SHARED.values() for name in names}:
        source = (ROOT / f"{module.replace('.', '/')}.py").read_text()
        assert breaches(source, forbidden=(*ROOMS, "pathlib", "pyarrow")) == [] and "open(" not in source


def test_the_door_imports_a_room_only_once_a_command_is_chosen() -> None:
    rooms = tuple(room for room in ROOMS if room != "isoquant")
    found = {
        path
        for path, source in sources("isoquant").items()
        for name, within in imports(source)
        if name.split(".")[0] in rooms and not within
    }
    # The module of a command is itself imported by its name, that of notebooks once `isoquant.load` is named.
    assert found == {"isoquant/sweep.py", "isoquant/notebook.py", "isoquant/columns.py"}


def test_vllm_is_imported_by_its_adapter_alone_inside_functions() -> None:
    places = {
        (path, within)
        for path, source in sources(*ROOMS).items()
        for name, within in imports(source)
        if name.split(".")[0] == "vllm"
    }
    # What starts it, what all that it serves has in common, and what its second runner answers.
    files = ("pooling", "serving", "vllm")
    assert places == {(f"harness/engines/{name}.py", True) for name in files}


def test_hydra_is_imported_only_where_words_become_configs_and_configs_dataclasses() -> None:
    found = {p for p, source in sources(*ROOMS).items() if breaches(source, forbidden=("hydra", "omegaconf"))}
    assert found == {
        "sweeps/compose.py",
        "sweeps/launchers/hydra_plugins/isoquant.py",
        "sweeps/mistakes.py",
        "sweeps/configs.py",
        "sweeps/start.py",
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


# A room of the analysis may import those named here and nothing else of it, over any number of steps.
ANALYSIS: dict[str, tuple[str, ...]] = {
    "stats": (),
    "costs": ("stats",),
    "runs": ("stats", "costs"),
    "reading": ("stats", "costs", "runs"),
    "questions": ("stats", "costs", "runs", "reading"),
    "policies": ("stats", "costs", "runs", "reading"),
    "goals": ("stats", "costs", "runs", "reading"),
    # A claim is read off what questions and policies compute, so that it has their numbers.
    "claims": ("stats", "costs", "runs", "reading", "questions", "policies"),
    "text": ("stats", "costs", "runs", "reading", "questions", "policies", "goals", "claims"),
    "figures": ("stats", "costs", "runs", "reading", "questions", "policies", "goals", "claims", "text"),
    "report": ("stats", "costs", "runs", "reading", "questions", "policies", "goals", "claims", "text"),
    # Of its own it imports statistics, costs, policies, goals and claims; these read runs.
    "validation": ("stats", "costs", "runs", "reading", "questions", "policies", "goals", "claims"),
    "commands": (
        *("stats", "costs", "runs", "reading", "questions", "policies", "goals", "claims"),
        *("text", "figures", "report", "validation"),
    ),
}
# What any room may import: types, and numbers and lists as people read them. They import nothing of ours.
LEAVES = ("arrays", "numerals")
# Who reads stored runs; commands look at folders, and say what is short.
READERS = ("runs", "commands")


def room_of(module: str) -> str:
    """'analysis.stats.bootstrap' -> 'stats'."""
    return module.split(".")[1]


def modules(folder: Path) -> dict[str, set[str]]:
    """By dotted name every module below `folder`, and the modules there that it imports itself."""
    paths = {".".join(p.relative_to(folder.parent).with_suffix("").parts): p for p in folder.rglob("*.py")}
    return {
        name: {known for known in imported(path.read_text()) if known in paths} for name, path in paths.items()
    }


def imported(source: str) -> Iterator[str]:
    """Every dotted name that a source imports, `from a import b` as `a` and `a.b`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def reached(start: str, arrows: dict[str, set[str]]) -> set[str]:
    """What a module imports over any number of steps."""
    found, waiting = set[str](), [start]
    while waiting:
        for name in arrows[waiting.pop()] - found:
            found.add(name)
            waiting.append(name)
    return found


def trespasses(arrows: dict[str, set[str]]) -> list[str]:
    """'text.a -> figures.b' of every module of the analysis and what it must not reach."""
    found = []
    for module in arrows:
        room = room_of(module)
        allowed = (*ANALYSIS.get(room, ()), room, *LEAVES) if room not in LEAVES else ()
        if room in ANALYSIS or room in LEAVES:
            found += [f"{module} -> {other}" for other in reached(module, arrows) if room_of(other) not in allowed]
    return sorted(found)


def test_rooms_of_the_analysis_import_what_stands_to_their_left() -> None:
    arrows = modules(ROOT / "analysis")
    rooms = {room_of(name) for name in arrows if name.count(".") > 1}
    assert rooms == set(ANALYSIS), "every folder is a room"
    assert trespasses(arrows) == []


def test_planted_truths_meet_no_stored_run() -> None:
    arrows = {name: others for name, others in modules(ROOT / "analysis").items() if room_of(name) == "validation"}
    rooms = {room_of(other) for others in arrows.values() for other in others}
    assert rooms <= {"arrays", "validation", "stats", "costs", "policies", "goals", "claims"}


def test_only_one_room_of_the_analysis_reads_stored_runs() -> None:
    found = {path: breaches(source, forbidden=("results",)) for path, source in sources("analysis").items()}
    # How a text is shown on a terminal knows no run, and how far a command is neither.
    told = ("results.terminal", "results.progress")
    read = {path: [name for name in names if name not in told] for path, names in found.items()}
    rooms = {path.split("/")[1] for path, names in read.items() if names and path.count("/") > 1}
    assert rooms <= set(READERS), {path: names for path, names in read.items() if names}


def test_a_planted_trespass_is_found() -> None:
    arrows = {
        "analysis.stats.a": {"analysis.costs.b"},
        "analysis.costs.b": {"analysis.runs.c"},
        "analysis.runs.c": set(),
    }
    assert trespasses(arrows) == [
        "analysis.costs.b -> analysis.runs.c",
        "analysis.stats.a -> analysis.costs.b",
        "analysis.stats.a -> analysis.runs.c",
    ]
    assert list(imported("from analysis.stats import fits")) == ["analysis.stats", "analysis.stats.fits"]


# Rooms and modules of the analysis that take arrays and give arrays or named tuples.
STATISTICS = (
    "analysis/stats",
    "analysis/costs",
    *(
        f"analysis/policies/{name}.py"
        for name in ("groups", "hull", "measures", "metrics", "mixtures", "neighbours")
        + ("predictor", "settings", "space", "tuned")
    ),
)


def statistics() -> dict[str, str]:
    """The source of every module that stands there, by path."""
    places = (ROOT / place for place in STATISTICS)
    files = (path for place in places for path in ([place] if place.suffix else sorted(place.rglob("*.py"))))
    return {str(path.relative_to(ROOT)): path.read_text() for path in files}


def test_statistics_take_arrays() -> None:
    forbidden = ("pandas", "pyarrow", "pathlib", "matplotlib", "results")
    found = {path: breaches(source, forbidden=forbidden) for path, source in statistics().items()}
    assert {path: names for path, names in found.items() if names} == {}


def test_every_public_function_of_the_statistics_says_its_source_and_its_errors() -> None:
    found = {path: unsaid(source) for path, source in statistics().items() if "/policies/" not in path}
    assert {path: names for path, names in found.items() if names} == {}


def unsaid(source: str) -> list[str]:
    """Public functions and methods, those inside functions apart,
    whose docstring names no source or not the errors.
    """
    tree = ast.parse(source)
    bodies = [
        tree.body,
        *(node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name[0] != "_"),
    ]
    public = [
        node for body in bodies for node in body if isinstance(node, ast.FunctionDef) and node.name[0] != "_"
    ]
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
        if isinstance(
            node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        ) and ast.get_docstring(node):
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


WIDE, MOST_WIDE_LINES = 115, 100


def count_wide(source: str) -> int:
    return sum(len(line) > WIDE for line in source.splitlines())


def test_few_lines_are_as_wide_as_a_line_may_be() -> None:
    """Those are patterns, tables, and strings that read worse in two."""
    assert count_wide("a" * WIDE + "\n" + "b" * (WIDE + 1)) == 1
    assert sum(count_wide(source) for source in sources(*ROOMS, "tests").values()) < MOST_WIDE_LINES
