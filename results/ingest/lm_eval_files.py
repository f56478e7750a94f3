"""lm-eval's sample logs as files of several versions, in one form, and what results.json beside them says.

0.4.3 to 0.4.13 write samples_<task>_<date>.jsonl, a document and filter a line, the first of them without the
filter's name, and 0.4.0 to 0.4.2 <model arguments>_<task>.jsonl, which is one JSON list, beside results.json.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from results.folder import find_visible
from results.ingest.pointers import check_fetched
from results.ingest.thinking import thinking
from results.ingest.variants import flatten

NAME = re.compile(r"samples_(?P<task>.+)_(?P<date>\d{4}-\d\d-\d\dT[\d:.-]+)\.jsonl?")
UNDATED = re.compile(r"samples_(?P<task>.+)\.jsonl?")
# What the log holds of a document in every version.
FIELDS = {"doc_id", "target", "resps", "filtered_resps"}
# What it may hold beside its metrics.
OTHERS = {*FIELDS, "doc", "arguments", "filter", "metrics", "doc_hash", "prompt_hash", "target_hash"}
# Settings of a run that say nothing of what comes out, and those that are part of the model's name.
PLUMBING = re.compile(
    r".*(batch|device|parallel|memory|cache|concurrent|retries|timeout|url|tokenizer_backend|eos).*"
)
NAMING = ("pretrained", "model", "path", "engine", "revision", "peft", "delta")
Row = dict[str, Any]
Skip = Any


class Said(NamedTuple):
    """What results.json says of one log: the model, the settings it ran under,
    its seed, and its task's own filters.

    budget: the limit on thinking tokens among its settings, None where it had none. num_documents: how many its
    results are of, None where an old version does not say.
    """

    model: str | None
    settings: Mapping[str, Any]
    seed: Any
    budget: int | None
    filters: Mapping[str, list[Mapping[str, Any]]]
    task: Mapping[str, Any]
    names: list[str]
    num_documents: int | None


def find_logs(source: Path) -> list[Path]:
    """The sample logs at or below a path, oldest first."""
    if source.is_file():
        return [source] if _is_log(source) else []
    paths = [*find_visible(source, "**/*.jsonl"), *find_visible(source, "**/samples_*.json")]
    return sorted((path for path in paths if _is_log(path)), key=lambda path: (date_of(path), path))


def date_of(path: Path) -> str:
    match = NAME.fullmatch(path.name)
    return match["date"] if match else ""


def task_of(path: Path) -> str:
    """The task that a log's name tells, for old ones by those that results.json beside it knows."""
    match = NAME.fullmatch(path.name) or UNDATED.fullmatch(path.name)
    if match:
        return match["task"]
    known = sorted(_read_results(path).get("results", {}), key=len, reverse=True)
    return next((task for task in known if path.stem.endswith(f"_{task}")), path.stem.rsplit("_", 1)[-1])


def read_said(path: Path) -> Said:
    """What results.json beside the log says of it; raises ValueError where it is damaged or names no model."""
    results, task = _read_results(path), task_of(path)
    if not results:
        return Said(None, {}, None, None, {}, {}, [], None)
    try:
        config = results.get("config") or {}
        arguments = _arguments(config.get("model_args"))
        generation = _arguments(config.get("gen_kwargs"))
        of_task = (results.get("configs") or {}).get(task) or {}
        named = next((arguments[name] for name in NAMING[:4] if arguments.get(name)), None)
        settings = {name: value for name, value in arguments.items() if name not in NAMING}
        settings |= {name: value for name, value in generation.items() if name != "seed"}
        settings |= {
            "shots": (results.get("n-shot") or {}).get(task),
            "template": results.get("chat_template_sha"),
        }
        settings |= {"system": results.get("system_instruction_sha"), "limit": config.get("limit")}
        effort, budget, settings = thinking(flatten(settings))
        settings |= {} if effort is None else {"reasoning_effort": effort}
        return Said(
            model=_model(str(named or results["model_name"]), arguments),
            settings={name: value for name, value in settings.items() if not PLUMBING.fullmatch(name)},
            seed=generation.get("seed", arguments.get("seed", config.get("random_seed"))),
            budget=budget,
            filters={each["name"]: each["filter"] for each in of_task.get("filter_list") or []},
            task=of_task,
            names=_filter_names((results.get("results") or {}).get(task) or {}),
            num_documents=((results.get("n-samples") or {}).get(task) or {}).get("effective"),
        )
    except (KeyError, AttributeError, TypeError):
        raise ValueError(
            f"{_results_of(path).name} names no model, or is damaged. Give the model's name as --model."
        ) from None


def read_rows(path: Path, skip: Skip) -> list[Row]:
    """The log's documents, each with the names of its filter and metrics; what is none is skipped and named."""
    rows = list(_parse(path, skip))
    seen: Counter[Any] = Counter()
    names = read_said(path).names if any("filter" not in row for row in rows) else []
    unnamed = [row for row in rows if "filter" not in row]
    num_filters = max(Counter(str(row["doc_id"]) for row in unnamed).values(), default=0)
    for row in unnamed:
        at = seen[str(row["doc_id"])]
        seen[str(row["doc_id"])] += 1
        # The names of filters that a version does not write are those of its results, in their order.
        row["filter"] = (
            names[at] if len(names) == num_filters else "none" if num_filters == 1 else f"number {at + 1}"
        )
    for row in rows:
        if "metrics" not in row:
            row["metrics"] = [name for name in row if name not in OTHERS and _is_score(row[name])]
    return rows


def _is_log(path: Path) -> bool:
    if NAME.fullmatch(path.name) or UNDATED.fullmatch(path.name):
        return True
    if path.suffix != ".jsonl":
        return False
    with path.open("rb") as file:
        start = file.read(1 << 16)
    return start.lstrip().startswith(b"[") and b'"doc_id"' in start and b'"resps"' in start


def _parse(path: Path, skip: Skip) -> Iterator[Row]:
    check_fetched(path)
    content = path.read_bytes()
    if content.lstrip().startswith(b"["):
        yield from _listed(content, path, skip)
        return
    # As bytes, whose lines end at line feeds alone: text holds other characters that end one.
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            skip("it is not JSON; did the evaluation stop early?", f"line {number} of {path.name}")
            continue
        yield from _checked(row, f"line {number} of {path.name}", skip)


def _listed(content: bytes, path: Path, skip: Skip) -> Iterator[Row]:
    try:
        rows = json.loads(content)
    except (ValueError, RecursionError):
        skip("it is not JSON; did the evaluation stop early?", path.name)
        return
    for number, row in enumerate(rows, start=1):
        yield from _checked(row, f"document {number} of {path.name}", skip)


def _checked(row: Any, place: str, skip: Skip) -> Iterator[Row]:
    if isinstance(row, dict) and row.keys() >= FIELDS and row["resps"] and _is_formed(row):
        yield row
    else:
        skip("it is not a document of lm-eval's sample logs (versions 0.4.0 to 0.4.13 can be read)", place)


def _is_formed(row: Row) -> bool:
    """Whether lists, names and mappings stand where documents have them."""
    lists = [row["resps"], row["filtered_resps"], row.get("metrics", [])]
    names = [row.get("filter", ""), *row.get("metrics", [])] if isinstance(lists[2], list) else [None]
    return (
        all(isinstance(part, list) for part in lists)
        and all(isinstance(name, str) for name in names)
        and isinstance(row.get("arguments") or {}, (dict, list))
    )


def _results_of(path: Path) -> Path:
    """results_<date>.json of the same moment, or results.json of old versions."""
    dated = path.with_name(f"results_{date_of(path)}.json")
    return dated if dated.exists() else path.with_name("results.json")


def _read_results(path: Path) -> dict[str, Any]:
    """What lies beside the log; empty of nothing."""
    results = _results_of(path)
    if not results.exists():
        return {}
    check_fetched(results)
    try:
        said = json.loads(results.read_bytes())
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or not said:
        raise ValueError(f"{results.name} names no model, or is damaged. Give the model's name as --model.")
    return said


def _arguments(told: Any) -> dict[str, Any]:
    """Arguments as a mapping, or as old versions write them: 'pretrained=a/b,revision=step1000'."""
    if isinstance(told, str):
        return dict(part.split("=", 1) for part in told.split(",") if "=" in part)
    return dict(told or {})


def _model(name: str, arguments: Mapping[str, Any]) -> str:
    """A checkpoint is not another one, nor is an adapter its base."""
    revision = arguments.get("revision")
    name += f"@{revision}" if revision not in (None, "", "main") else ""
    adapters = [str(arguments[kind]) for kind in ("peft", "delta") if arguments.get(kind)]
    return " + ".join([name, *adapters])


def _filter_names(results: Mapping[str, Any]) -> list[str]:
    """The filters of a task, from 'exact_match,strict-match' and the like."""
    names = [key.split(",", 1)[1] for key in results if "," in key and "_stderr" not in key]
    return list(dict.fromkeys(names))


def _is_score(value: Any) -> bool:
    return isinstance(value, (bool, int, float)) or (isinstance(value, list) and all(map(_is_score, value)))
