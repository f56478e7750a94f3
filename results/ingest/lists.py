"""A row that holds several samples, in lists or in a column a model, as several rows. Knows nouns, no files."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from results.ingest.paths import parsed

Cells = dict[str, Any]
MODEL = "{model}"
# What a list in a row tells of each of its samples; a length of the prompt may stand there once for all.
OF_SAMPLES = (
    *("correct", "answer", "text", "sample", "verifier"),
    *("decoded_tokens", "thinking_tokens", "usd", "prompt_tokens"),
)
FOR_ALL = ("prompt_tokens", "sample")
# A list of one sample already.
STEPS = "step_scores"


def spread(cells: Cells) -> Iterator[Cells]:
    """The row itself, or one for each of its samples where `correct` is a list.

    Raises ValueError where lists are of different lengths, and where a list stands beside one score for all of it.
    """
    scores = as_list(cells.get("correct"))
    if scores is None:
        for noun in OF_SAMPLES:
            listed = cells.get(noun)
            if isinstance(listed, list) and len(listed) != 1:
                raise ValueError(
                    f"{noun} has a list of {len(listed)} values, but there is one score; map a list of scores"
                )
            if isinstance(listed, list):
                cells = cells | {noun: listed[0]}
        yield cells
        return
    lists = {
        noun: listed for noun in OF_SAMPLES if noun in cells for listed in [_beside(cells[noun], len(scores))]
    }
    if cells.get(STEPS) is not None:
        lists[STEPS] = _lists_of_steps(cells[STEPS])
    for noun, listed in lists.items():
        if len(listed) != len(scores):
            raise ValueError(f"{noun} has a list of {len(listed)} values and correct has {len(scores)}")
        if listed and noun not in FOR_ALL and as_list(cells[noun]) is None and cells[noun] is not None:
            raise ValueError(f"{noun} has one value for {len(scores)} scores; map a list, or leave it out")
    label = cells.get("sample") if "sample" in cells and as_list(cells["sample"]) is None else None
    for number in range(len(scores)):
        own = {noun: listed[number] for noun, listed in lists.items()}
        # One label of a whole row is told apart by places in it.
        numbered = {} if isinstance(cells.get("sample"), list) else {"sample": _place(label, number)}
        yield cells | own | numbered


def as_list(cell: Any) -> list[Any] | None:
    """The list that a cell holds, also as text of JSON or Python; None where it holds none."""
    if isinstance(cell, str) and cell.startswith("[") and cell.endswith("]"):
        cell = parsed(cell)
    if isinstance(cell, list):
        # [[a, b]] as [a, b]: one request of several samples.
        return cell[0] if len(cell) == 1 and isinstance(cell[0], list) else cell
    return None


def wide_models(
    columns: Mapping[str, str], names: Sequence[str], wanted: Collection[str], *, is_there: Callable[[str], bool]
) -> list[str]:
    """The models of a wide table, whose columns are called after them; empty where none is mapped by {model}.

    columns: NOUN -> column, of which some hold {model}. is_there: whether some row has a column or path. Raises
    ValueError where any column would fit and `wanted`, the models that are asked for, does not say which.
    """
    patterns = [column for column in columns.values() if MODEL in column]
    if not patterns:
        return []
    if wanted:
        return list(wanted)
    fits = [{name for each in names if (name := _between(pattern, each))} for pattern in patterns]
    models = [name for name in names if all(name in fit for fit in fits)]
    models = models or sorted(set.intersection(*fits))
    if all(pattern == MODEL for pattern in patterns):
        raise ValueError(
            f"Name the columns that are models, such as --models {' '.join(map(repr, names[:3]))} ..."
        )
    models = models or [
        name for name in names if all(is_there(pattern.replace(MODEL, name)) for pattern in patterns)
    ]
    if not models:
        raise ValueError(f"No model fits {', '.join(patterns)}; name them with --models.")
    return models


def of_model(columns: Mapping[str, str], model: str) -> dict[str, str]:
    """The mapping of one model of a wide table."""
    return {noun: column.replace(MODEL, model) for noun, column in columns.items()}


def _beside(cell: Any, length: int) -> list[Any]:
    listed = as_list(cell)
    return [cell] * length if listed is None else listed


def _lists_of_steps(cell: Any) -> list[Any]:
    """A list for each sample, which one sample's is not taken apart into."""
    listed = parsed(cell) if isinstance(cell, str) else cell
    return listed if isinstance(listed, list) else [listed]


def _place(label: Any, number: int) -> Any:
    return number if label is None else f"{label}.{number}"


def _between(pattern: str, name: str) -> str | None:
    before, after = pattern.split(MODEL, 1)
    is_fitting = name.startswith(before) and name.endswith(after) and len(name) > len(before) + len(after)
    return name[len(before) : len(name) - len(after)] if is_fitting else None
