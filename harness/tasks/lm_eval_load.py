"""Finds lm-eval's tasks by name and loads them with their documents; says what is missing where one cannot be."""

import contextlib
import difflib
import functools
import io
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.tasks.lm_eval_code import check_trust, find_shipped, list_yaml

# A task's or a group's name where it stands alone on a line of its YAML.
NAMED = re.compile(rb"^(?:task|group):[ \t]*[\"']?([^\s\"'\[#]+)", re.MULTILINE)
# Builders of `datasets` by the ending of a file, a trailing .gz left out.
BUILDERS = {".jsonl": "json", ".json": "json", ".csv": "csv", ".tsv": "csv", ".parquet": "parquet"}
# Of a table's cells only empty ones are missing: NA is sodium, and None an answer.
_CSV = {"keep_default_na": False, "na_values": [""]}
AS_WRITTEN: Mapping[str, Mapping[str, Any]] = {".csv": _CSV, ".tsv": {**_CSV, "sep": "\t"}}
LOUD = ("lm_eval", "lm-eval", "datasets", "huggingface_hub", "filelock")
GENERATES = "generate_until"
# Folders of lm-eval's own tasks whose graders evaluate an answer as Python and do not say so.
EVALUATING = ("lm_eval/tasks/score/math/", "lm_eval/tasks/longproc/")


def load_leaves(
    name: str, *, include_path: str | None, data: str | Mapping[str, str] | None, trust: bool = False
) -> dict[str, Any]:
    """lm-eval's task objects by name: one, or all of a group or tag, sorted.

    data: a file for the split that is evaluated, or one for each split. trust: whether code of include_path may
    run. Raises ValueError for an unknown name, a task that generates no text, documents that cannot be read, and
    code that is not trusted.
    """
    with hushed():
        manager, folder = find_manager(name, include_path)
        check_trust(folder, trust=trust)
        fence_templates()
        entries = list_entries(manager, name)
        for entry in entries:
            check_generates(entry.name, (entry.cfg or {}).get("output_type", GENERATES))
        # A group made up here is how lm-eval takes changes to a task that it knows by name.
        spec = (
            name if data is None else {"group": "isoquant", "task": [{"task": name, **read_from(data, entries)}]}
        )
        try:
            loaded = manager.load(spec)["tasks"]
        except Exception as error:  # whatever a task's own code, `datasets` or a template raise
            raise ValueError(f"lm-eval cannot make task {name!r}: {explain_load(error, entries, data)}") from error
    for leaf_name, leaf in loaded.items():
        check_generates(leaf_name, leaf.OUTPUT_TYPE)
        check_plain(leaf_name, leaf)
    return dict(sorted(loaded.items()))


def find_manager(name: str, include_path: str | None) -> tuple[Any, Path]:
    """lm-eval's index of the folder that declares the task, and that folder.

    Of all tasks, which takes 20 s, where that is too little: then what is not lm-eval's own is the folder.

    Raises ValueError, with the nearest names, where no file mentions it.
    """
    from lm_eval.tasks import TaskManager

    if include_path is not None and not Path(include_path).is_dir():
        raise ValueError(f"task.include_path: there is no folder {include_path!r}.")
    roots = ([Path(include_path)] if include_path else []) + [find_shipped()]
    known: list[str] = []
    is_mentioned = False
    for root in roots:
        declared, mentioned = read_names(root, name)
        known, is_mentioned = [*known, *declared], is_mentioned or mentioned
        if name in declared:
            manager = TaskManager(include_path=declared[name], include_defaults=False)
            with contextlib.suppress(KeyError):
                list_entries(manager, name)
                return manager, declared[name]
    if is_mentioned:
        manager = TaskManager(include_path=include_path)
        if name in manager.task_index:
            return manager, Path(include_path or find_shipped())
    nearest = difflib.get_close_matches(name, known, n=5, cutoff=0.7)
    hint = f"did you mean {' or '.join(nearest)}?" if nearest else "`lm_eval ls tasks` lists them."
    raise ValueError(f"lm-eval has no task {name!r}; {hint} Your own tasks must be in task.include_path.")


def read_names(root: Path, name: str) -> tuple[dict[str, Path], bool]:
    """The names that YAML files below `root` declare, each with its folder right below it;
    whether any mentions `name`.

    A tag is mentioned by its tasks and declared nowhere.
    """
    declared: dict[str, Path] = {}
    mentioned, mention = False, re.compile(rb"(?<![\w-])" + re.escape(name.encode()) + rb"(?![\w-])")
    for path in list_yaml(root):
        text = path.read_bytes()
        mentioned = mentioned or mention.search(text) is not None
        folder = root / path.relative_to(root).parts[0] if path.parent != root else root
        declared |= {found.decode(): folder for found in NAMED.findall(text)}
    return declared, mentioned


def list_entries(manager: Any, name: str) -> list[Any]:
    """lm-eval's index entries of the task, or of all tasks below a group or tag.
    Raises KeyError for one not there.
    """
    entry = manager.task_index[name]
    if entry.kind.name == "TAG":
        return [leaf for child in sorted(entry.tags) for leaf in list_entries(manager, child)]
    if entry.kind.name != "GROUP":
        return [entry]
    children = [
        child if isinstance(child, str) else child.get("task", child.get("group")) for child in _items(entry)
    ]
    named = [child for child in children if isinstance(child, str)]
    return [leaf for child in named for leaf in list_entries(manager, child)]


def check_generates(name: str, output_type: str | None) -> None:
    """Raise ValueError for a task that compares likelihoods instead of reading what a model wrote."""
    if output_type != GENERATES:
        raise ValueError(
            f"lm-eval's task {name!r} is of type {output_type}. It compares likelihoods of given texts, so there "
            "is no thinking and no vote. Choose a generate_until task; many tasks have one, named *_generative, "
            "*_cot or *_gen."
        )


def check_plain(name: str, leaf: Any) -> None:
    """Raise ValueError for a task that runs what the model wrote, or that shows it more than text."""
    grader = getattr(getattr(leaf.config, "process_results", None), "__code__", None)
    if getattr(leaf.config, "unsafe_code", False) or (
        grader and any(part in grader.co_filename for part in EVALUATING)
    ):
        raise ValueError(f"lm-eval's task {name!r} runs code that a model writes, which isoquant does not allow.")
    if getattr(leaf.config, "doc_to_image", None) or getattr(leaf.config, "doc_to_audio", None):
        raise ValueError(f"lm-eval's task {name!r} shows images or plays sound; only text is supported.")


def read_from(data: str | Mapping[str, str], entries: Sequence[Any]) -> dict[str, Any]:
    """The fields of a task's YAML that make it read local files."""
    if len(entries) != 1:
        raise ValueError("task.data needs one task, and this is a group. Give one of its tasks as task.name.")
    config = entries[0].cfg or {}
    evaluated = config.get("test_split") or config.get("validation_split") or "test"
    files = {evaluated: data} if isinstance(data, str) else dict(data)
    for path in files.values():
        if not Path(path).is_file():
            raise ValueError(f"task.data: there is no file {path!r}.")
    endings = {Path(path.removesuffix(".gz")).suffix for path in files.values()}
    if len(endings) != 1 or not endings <= BUILDERS.keys():
        raise ValueError(
            f"task.data: expected files of one kind, {', '.join(BUILDERS)}; got {sorted(files.values())}."
        )
    ending = endings.pop()
    reading = {"data_files": files, **AS_WRITTEN.get(ending, {})}
    fields = {"dataset_path": BUILDERS[ending], "dataset_name": None, "dataset_kwargs": reading}
    # What is not given is not read: without this, a task would look for its training split in the files.
    splits = {split: config.get(split) for split in ("training_split", "validation_split", "fewshot_split")}
    return fields | {split: None for split, asked in splits.items() if asked not in files}


def explain_load(error: Exception, entries: Sequence[Any], data: str | Mapping[str, str] | None) -> str:
    """Why a task could not be made, and what to put where."""
    reason = (str(error) or type(error).__name__).splitlines()[0]
    if isinstance(error, ModuleNotFoundError | AssertionError):
        return f"it needs packages that are not installed here: {reason}"
    if data is not None:
        return f"{type(error).__name__}, {reason}. Check that task.data has the columns that the task's templates name."
    if not isinstance(error, OSError):
        return f"{type(error).__name__}: {reason}"
    config = entries[0].cfg or {}
    path, subset = config.get("dataset_path"), config.get("dataset_name")
    split = config.get("test_split") or config.get("validation_split")
    return (
        f"its documents, {path}{f' ({subset})' if subset else ''} on the Hugging Face hub, cannot be reached "
        f"({reason}). Where the hub can be reached, run `hf download --repo-type dataset {path}`. Copy the file "
        f"of split {split!r} here and give it as task.data=<file.jsonl, .json, .csv or .parquet>."
    )


@functools.cache
def fence_templates() -> None:
    """Have lm-eval fill its templates in Jinja's sandbox:
    in its own environment a template reaches all of Python.
    """
    import lm_eval.utils
    from jinja2.sandbox import SandboxedEnvironment

    theirs = lm_eval.utils.env
    fenced = SandboxedEnvironment(
        loader=theirs.loader, undefined=theirs.undefined, keep_trailing_newline=theirs.keep_trailing_newline
    )
    fenced.filters.update(theirs.filters)
    lm_eval.utils.env = fenced


@contextlib.contextmanager
def compiled_once() -> Iterator[None]:
    """lm-eval compiles a template each time that it fills it; here each is compiled the first time and kept.

    That saves 30 ms a prompt, and workers that grade find the templates compiled: what is compiled from a text
    there could be a stranger's, and is refused.
    """
    from lm_eval.utils import env

    compile_anew = env.from_string
    env.from_string = _keep_compiled(compile_anew)
    try:
        yield
    finally:
        env.from_string = compile_anew


@functools.cache
def _keep_compiled(compile_anew: Callable[[str], Any]) -> Callable[[str], Any]:
    return functools.cache(compile_anew)


@contextlib.contextmanager
def hushed() -> Iterator[None]:
    """What lm-eval and `datasets` say of their own progress is not shown; what they raise is."""
    import datasets

    loggers = [logging.getLogger(name) for name in LOUD]
    levels = [logger.level for logger in loggers]
    bars = datasets.is_progress_bar_enabled()
    datasets.disable_progress_bars()
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        if bars:
            datasets.enable_progress_bars()


def _items(entry: Any) -> list[Any]:
    children = (entry.cfg or {}).get("task", [])
    return children if isinstance(children, list) else [children]
