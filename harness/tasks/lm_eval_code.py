"""What of a folder of lm-eval's tasks is code,
and whether the user has said that he trusts it. Runs none of it.
"""

import functools
import importlib.util
import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

OWN_TASKS = Path(__file__).parent / "lm_eval_yaml"
SHOWN = 6
MAX_BYTES = 10_000_000
FUNCTION = "!function"
METRIC = "scores with the script of the metric"


class _Function(str):
    """A function that YAML names as !function module.function."""


class _Loader(yaml.CSafeLoader):  # type: ignore[misc]
    """Plain YAML, in which a function is its name."""


_Loader.add_constructor(FUNCTION, lambda loader, node: _Function(loader.construct_scalar(node)))


def find_shipped() -> Path:
    """The folder of the tasks that lm-eval ships."""
    spec = importlib.util.find_spec("lm_eval.tasks")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent


def check_trust(folder: Path, *, trust: bool) -> None:
    """Raise ValueError, with all that would run, for a folder that holds code and is not trusted."""
    code = list_code(folder)
    if trust or not code:
        return
    more = f" and {len(code) - SHOWN} more" if len(code) > SHOWN else ""
    raise ValueError(
        f"The tasks of {folder} contain code that would run with your rights: {'; '.join(code[:SHOWN])}{more}. "
        "Read it; if you trust it, give task.trust=true."
    )


def list_code(folder: Path) -> list[str]:
    """What would run of a folder's tasks, each with the file that names it; of what is installed with us, nothing.

    Raises ValueError for a file that none can be told of.
    """
    files, code, seen = list_yaml(folder), [], set[Path]()
    # Environments and homes may lie behind links.
    installed = [find_shipped().resolve(), OWN_TASKS.resolve()]
    while files:
        path = files.pop(0).resolve()
        if path in seen or any(path.is_relative_to(own) for own in installed):
            continue
        seen.add(path)
        content = _read(path)
        found = [*_find_functions(path), *_find_scripts(content, path.parent, set())]
        code += [
            f"{path.name} {what}" for what in found if not (what.startswith(METRIC) and _scores_itself(content))
        ]
        files += _included(content, path)
    return list(dict.fromkeys(code))


def list_yaml(folder: Path) -> list[Path]:
    """The YAML files below a folder; raises ValueError for a pipe,
    a device or a link to nothing by such a name.
    """
    return [_check_file(path) for path in sorted(folder.rglob("*.yaml")) if not path.is_dir()]


def _check_file(path: Path) -> Path:
    if not path.is_file() or path.stat().st_size > MAX_BYTES:
        raise ValueError(f"{path} cannot be read as a task file. Move it out of task.include_path.")
    return path


def _read(path: Path) -> Any:
    """A YAML file's content, None where it is none, which lm-eval then does not read either."""
    _check_file(path)
    try:
        return yaml.load(path.read_bytes(), Loader=_Loader)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        return None


def _scores_itself(content: Any) -> bool:
    """Whether a function of the task scores, so that lm-eval takes its metrics for names."""
    return isinstance(content, Mapping) and isinstance(content.get("process_results"), _Function)


def _included(content: Any, path: Path) -> list[Path]:
    names = content.get("include", []) if isinstance(content, Mapping) else []
    named = [names] if isinstance(names, str) else names if isinstance(names, list) else []
    return [place for name in named if isinstance(name, str) and (place := path.parent / name).exists()]


def _find_functions(path: Path) -> Iterator[str]:
    """Each function that a YAML file names, wherever it stands: lm-eval imports those of keys,
    of sets and of what the file itself overwrites as well.
    """
    try:
        nodes = [yaml.compose(path.read_bytes(), Loader=_Loader)]
    except (yaml.YAMLError, ValueError, RecursionError):
        # Nothing of it is imported either.
        return
    seen: set[int] = set()
    while nodes:
        node = nodes.pop(0)
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        if node.tag == FUNCTION:
            name = node.value if isinstance(node, yaml.ScalarNode) else "something that it calls a function"
            yield f"runs {name}{_place(name, path.parent)}"
        if isinstance(node, yaml.CollectionNode):
            nodes += itertools.chain.from_iterable(_as_pair(part) for part in node.value)


def _as_pair(part: Any) -> tuple[yaml.Node, ...]:
    return part if isinstance(part, tuple) else (part,)


def _find_scripts(value: Any, folder: Path, seen: set[int]) -> Iterator[str]:
    """Scripts that a part of a task's YAML has others fetch and run. seen:
    parts that anchors have led to already.
    """
    if not isinstance(value, Mapping | Sequence) or isinstance(value, str | bytes) or id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, Mapping):
        yield from _find_own_scripts(value, folder)
    for part in value.values() if isinstance(value, Mapping) else value:
        yield from _find_scripts(part, folder, seen)


def _find_own_scripts(part: Mapping[Any, Any], folder: Path) -> Iterator[str]:
    """Scripts that a mapping itself names: of data sets, and of metrics that lm-eval does not have."""
    if part.get("trust_remote_code"):
        yield "sets trust_remote_code"
    path = part.get("dataset_path")
    if isinstance(path, str) and _holds_script(path, folder):
        yield f"loads its documents with the script of {path}"
    metric = part.get("metric")
    is_name = isinstance(metric, str) and not isinstance(metric, _Function)
    if is_name and (part.get("hf_evaluate") or metric not in _known_metrics()):
        yield f"{METRIC} {metric}"


def _holds_script(path: str, folder: Path) -> bool:
    places = (Path(path), folder / path)
    return path.endswith(".py") or any(any(place.glob("*.py")) for place in places if place.is_dir())


def _place(name: str, folder: Path) -> str:
    """Where a function that YAML names lies, where that is a file beside it."""
    file = folder / f"{name.rpartition('.')[0].replace('.', '/')}.py"
    return f" of {file}" if file.exists() else ""


@functools.cache
def _known_metrics() -> frozenset[str]:
    from lm_eval.api import metrics, registry

    assert metrics
    return frozenset(registry.metric_registry.keys())
