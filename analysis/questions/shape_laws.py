"""What the shape of a model does to its speed, or to another outcome, from a table of models. Knows no files."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis import numerals
from analysis.arrays import Bools, Floats
from analysis.reading.untold import UntoldError
from analysis.stats import shape_law
from analysis.stats.shape_law import ShapeLaw, Shapes, TermName
from analysis.stats.turning_points import Best

SIZE, WIDTH, LENGTH, RATIO = "num_non_embedding_params", "hidden_size", "training_tokens", "mlp_ratio"
NEEDED = (SIZE, WIDTH)
SPEED = "tokens_per_second"
# Of a table of speeds, what makes a timing of another kind, and what of it is told of each law.
CONDITION = (
    *("device", "num_devices", "engine", "engine_version", "settings_digest", "tokens_each"),
    *("batch", "context_tokens"),
)
TOLD = ("batch", "context_tokens")
TIMED = (*CONDITION, "shape", "num_written_tokens", "write_seconds")
# Places of a line that is drawn.
NUM_PLACES = 65
# Outcomes of which less is better, by a part of their name.
LOSSES = ("loss", "perplexity", "bits", "error", "seconds")


class ShapeFinding(NamedTuple):
    """A law under one condition, by its columns. points: a row a model with its value, and the law's of it.

    is_log: the law is of the logarithm of the outcome. dropped: models that stand alone in their family.
    """

    condition: dict[str, object]
    outcome: str
    is_log: bool
    best: Best
    points: pd.DataFrame
    law: ShapeLaw
    dropped: tuple[str, ...]


def fit(table: pd.DataFrame, *, outcome: str | None = None, best: Best | None = None) -> list[ShapeFinding]:
    """A law of tokens a second for each condition of a table of speeds, or one of a column of any table.

    Raises ValueError where a column is missing or holds what it cannot, UntoldError where no law is told.
    """
    if outcome is None:
        _check_columns(table, (*TIMED, *NEEDED))
        findings = [_fit_one(part, SPEED, "highest", of) for of, part in _conditions(table)]
    else:
        _check_columns(table, (*NEEDED, outcome))
        findings = [_fit_one(table, outcome, best or best_of(outcome), {})]
    return findings


def best_of(outcome: str) -> Best:
    """Whether the lowest or the highest is best, by the outcome's name."""
    return "lowest" if any(word in outcome.lower() for word in LOSSES) else "highest"


def _check_columns(table: pd.DataFrame, needed: Sequence[str]) -> None:
    if missing := [name for name in needed if name not in table.columns]:
        has = ", ".join(map(str, table.columns))
        raise ValueError(f"The table has no column {numerals.listed(missing)}, but {has}.")


def _conditions(table: pd.DataFrame) -> Iterator[tuple[dict[str, object], pd.DataFrame]]:
    """Each condition with a row a shape: its tokens a second in the fastest round, since what else runs on a
    machine only takes time.
    """
    seconds = numbers(table, "write_seconds")
    speeds = table.assign(**{SPEED: numbers(table, "num_written_tokens") / seconds})
    for key, part in speeds.groupby(list(CONDITION), dropna=False, sort=True):
        by_shape = part.groupby("config_digest" if "config_digest" in part else "shape", sort=False)
        fastest = by_shape.first().assign(**{SPEED: by_shape[SPEED].max()})
        yield dict(zip(CONDITION, key, strict=True)), fastest.reset_index()


def _fit_one(table: pd.DataFrame, outcome: str, best: Best, condition: dict[str, object]) -> ShapeFinding:
    values = numbers(table, outcome, least=-np.inf)
    is_log = not _is_share(outcome, values) and bool((values > 0).all())
    families = _families(table)
    kept = _not_alone(families)
    part, values = table[kept].reset_index(drop=True), values[kept]
    shapes = _shapes(part, families[kept])
    try:
        law = shape_law.fit(shapes, np.log(values) if is_log else values, best=best)
    except ValueError as error:
        raise UntoldError(f"No law of {outcome} can be told of {numerals.listed(_names(part))}. {error}") from None
    fitted = np.exp(law.fitted) if is_log else law.fitted
    columns = {"shape": _names(part), "family": families[kept], "size": numbers(part, SIZE)}
    columns |= {"x": shapes.x, "r": shapes.r, "g": shapes.g, "value": values, "fitted": fitted}
    names = tuple(np.asarray(_names(table))[~kept])
    return ShapeFinding(condition, outcome, is_log, best, pd.DataFrame(columns), law, names)


def _shapes(table: pd.DataFrame, families: Floats) -> Shapes:
    controls = [SIZE, *([LENGTH] if LENGTH in table else [])]
    size = numbers(table, SIZE)
    return Shapes(
        x=numbers(table, WIDTH) / np.sqrt(size),
        r=_over(table, RATIO, "num_mlp_params", "num_attention_params"),
        g=_over(table, "heads_per_key", "num_heads", "num_kv_heads"),
        family=np.unique(families, return_inverse=True)[1].astype(float),
        controls=np.log(np.stack([numbers(table, name) for name in controls], axis=1)),
        control_names=tuple("log N" if name == SIZE else "log D" for name in controls),
    )


def _over(table: pd.DataFrame, name: str, above: str, below: str) -> Floats:
    """A column, or one over another where it is not there; NaN where those are not either."""
    if name in table:
        return numbers(table, name)
    if {above, below} <= set(table.columns):
        return np.asarray(numbers(table, above) / numbers(table, below))
    return np.full(len(table), np.nan)


def _families(table: pd.DataFrame) -> Floats:
    return np.asarray(table["family"].astype(str) if "family" in table else [""] * len(table), dtype=object)


def _not_alone(families: Floats) -> Bools:
    """Models of families of two or more; all where no family has two: then none has a level of its own."""
    names, counts = np.unique(families, return_counts=True)
    several = np.isin(families, names[counts > 1])
    if not several.any():
        families[:] = ""
        return np.ones(len(families), dtype=bool)
    return np.asarray(several)


def _names(table: pd.DataFrame) -> list[str]:
    column = next((name for name in ("shape", "model") if name in table), None)
    return [str(name) for name in (table[column] if column else table.index + 1)]


def _is_share(outcome: str, values: Floats) -> bool:
    return bool(((values >= 0) & (values <= 1)).all()) and best_of(outcome) == "highest"


def numbers(table: pd.DataFrame, name: str, *, least: float = 0.0) -> Floats:
    """A column of finite numbers above `least`, (n,). Raises ValueError that names the first row without one."""
    values: Floats = pd.to_numeric(table[name], errors="coerce").to_numpy(dtype=float)
    wrong = ~(np.isfinite(values) & (values > least))
    if wrong.any():
        what = "positive number" if least == 0 else "number"
        row = int(np.argmax(wrong)) + 1
        raise ValueError(
            f"{wrong.sum()} of {len(table)} rows have no {what} in {name}, the first of them row {row}."
        )
    return values


def frame(found: Sequence[ShapeFinding]) -> pd.DataFrame:
    """A row a condition, ratio (x or r) and model, or place on the law's line: the outcome with all else of the
    law taken away, over the mean of the models (a factor of a logarithm, else a difference).
    """
    parts = [_drawn(each, letter) for each in found for letter in ("x", "r")]
    return pd.concat([part for part in parts if part is not None], ignore_index=True)


def _drawn(each: ShapeFinding, letter: str) -> pd.DataFrame | None:
    names = [name for name in each.law.terms if name.endswith(letter)]
    if not names:
        return None
    at, points = each.points[letter].to_numpy(dtype=float), each.points
    value, fitted = (np.log(points[name]) if each.is_log else points[name] for name in ("value", "fitted"))
    places = np.geomspace(at.min(), at.max(), NUM_PLACES)
    mean = _of_terms(each, names, at).mean()
    line = _of_terms(each, names, places) - mean
    models = _of_terms(each, names, at) - mean + (value - fitted).to_numpy(dtype=float)
    shown = np.exp if each.is_log else np.asarray
    shared = {"condition": _condition(each), "ratio": letter, "outcome": each.outcome, "is_log": each.is_log}
    shared |= {"num_models": len(points)}
    rows = [
        pd.DataFrame({**shared, "shape": points["shape"], "at": at, "relative": shown(models)}),
        pd.DataFrame({**shared, "shape": "", "at": places, "relative": shown(line)}),
    ]
    return pd.concat(rows, ignore_index=True)


def _of_terms(each: ShapeFinding, names: Sequence[TermName], values: Floats) -> Floats:
    """What these terms add to the outcome at values of their ratio."""
    parts = [
        float(each.law.slope(name).estimate) * (np.log(values) if name.startswith("log") else 1 / values)
        for name in names
    ]
    return np.asarray(np.sum(parts, axis=0))


def _condition(each: ShapeFinding) -> str:
    if not each.condition:
        return each.outcome
    return f"batch {each.condition['batch']}, context {each.condition['context_tokens']}"
