"""Laws of shape and best shares in plain text. Knows no files."""

import math
from collections.abc import Sequence

import numpy as np

from analysis import numerals
from analysis.questions.best_share import BestShare
from analysis.questions.shape_laws import CONDITION, TOLD, ShapeFinding
from analysis.stats.shape_law import TERMS, HeldOut, TermName
from analysis.text import wording
from analysis.text.tables import aligned, filled

EFFECTS = {"x": "widest over deepest", "r": "most r over least", "g": "most g over least"}
LETTERS = {"x": "d / sqrt(N)", "r": "MLP / attention"}
MEANING = (
    "x = d / sqrt(N), for hidden size d and N weights beside lookup and output head; r: weights of the MLPs over "
    "those of attention; g: query heads a key; over: the outcome at the most of these that was measured over that "
    "at the least. Brackets: 95% intervals, for errors that are normal and of one spread. Held-out error: of each "
    "model forecast from the others, root mean square; beside it the error of the same law without a term of the "
    "shape."
)
FAMILIES = "Of families: each family's models from the other families, its own level apart."


def render(findings: Sequence[ShapeFinding]) -> str:
    """A row a condition: which model is best, the terms, how far they forecast, and where the best shape lies."""
    first = findings[0]
    terms = [name for name in TERMS if any(name in each.law.terms for each in findings)]
    told = [name for name in TOLD if name in first.condition]
    has_families = any(not math.isnan(each.law.family_out.with_shape) for each in findings)
    head = [*(name.replace("_tokens", "") for name in told), "models", "best measured", *terms]
    effects = [letter for letter in EFFECTS if any(letter in each.law.effects for each in findings)]
    head[-len(terms) :] = [*(EFFECTS[letter] for letter in effects), *terms]
    head += ["held-out error", "without shape", *(["of families", "without shape"] if has_families else [])]
    rows = [head, *(_row(each, told, (effects, terms), has_families=has_families) for each in findings)]
    parts = [_what(first), aligned(rows, num_text=0, is_last_text=False), *map(filled, _best_shapes(findings))]
    parts += [filled(line) for line in _left_out(findings)]
    return "\n\n".join([*parts, filled(MEANING), *([FAMILIES] if has_families else [])])


def _what(first: ShapeFinding) -> str:
    """What is fitted, and on what it was measured."""
    law = "log " * first.is_log + first.outcome.replace("_", " ")
    shared = {name: first.condition[name] for name in CONDITION[:4] if name in first.condition}
    where = f", on {shared['device']} ({shared['engine']} {shared['engine_version']})" if shared else ""
    levels = "a level" if sum(name.startswith("level") for name in first.law.names) == 1 else "a level a family"
    controls = [name for name in first.law.names if name in ("log N", "log D")]
    return filled(f"{law} = {' + '.join([levels, *controls, *first.law.terms])}{where}")


def _row(
    each: ShapeFinding, told: Sequence[str], shown: tuple[Sequence[str], Sequence[TermName]], *, has_families: bool
) -> list[str]:
    effects, terms = shown
    points = each.points
    at = points["value"].idxmax() if each.best == "highest" else points["value"].idxmin()
    best = f"{points.loc[at, 'shape']} {points.loc[at, 'value']:.4g}"
    slopes = [wording.with_ends(each.law.slope(n), "{:+.2g}") if n in each.law.terms else "-" for n in terms]
    slopes = [*(_effect(each, letter) for letter in effects), *slopes]
    errors = [*_errors(each.law.one_out, each), *(_errors(each.law.family_out, each) if has_families else [])]
    return [*(str(each.condition[name]) for name in told), str(len(points)), best, *slopes, *errors]


def _effect(each: ShapeFinding, letter: str) -> str:
    """A factor of a logarithm, else a difference."""
    if letter not in each.law.effects:
        return "-"
    ends = each.law.effects[letter]
    if each.is_log:
        return wording.with_ends([math.exp(end) for end in ends], "{:.2f}x")
    return wording.with_ends(ends, "{:+.2g}")


def _errors(held_out: HeldOut, each: ShapeFinding) -> list[str]:
    """Of a logarithm as a percentage, of a share in points."""
    return [
        "-" if math.isnan(error) else f"{100 * math.expm1(error):.1f}%" if each.is_log else f"{error:.3g}"
        for error in held_out
    ]


def _best_shapes(findings: Sequence[ShapeFinding]) -> list[str]:
    """Where the best shape lies, or why that is not given; and where the law forecasts nothing."""
    lines = []
    for each in findings:
        where = ", ".join(
            f"{name.replace('_tokens', '')} {each.condition[name]}" for name in TOLD if each.condition
        )
        begin = f"{where}: " if where else ""
        error = each.law.one_out
        if not error.with_shape < error.without:
            lines.append(f"{begin}the terms of the shape forecast no better than none: do NOT read them.")
            continue
        for letter, point in each.law.optima.items():
            if point.refusal is not None:
                lines.append(f"{begin}no best {LETTERS[letter]} is given: {point.refusal}.")
                continue
            size = float(np.exp(np.log(each.points["size"]).mean()))
            width = (
                f", a hidden size of {float(point.at.estimate) * size**0.5:,.0f} at {numerals.parameters(size)}"
            )
            told = wording.with_ends(point.at, "{:.3g}")
            lines.append(f"{begin}best {LETTERS[letter]} {told}{width if letter == 'x' else ''}.")
    return lines


def _left_out(findings: Sequence[ShapeFinding]) -> list[str]:
    said = {f"Without {name}: {why}." for each in findings for name, why in each.law.left_out.items()}
    alone = {name for each in findings for name in each.dropped}
    lines = [f"Left out, as the only one of its family: {numerals.listed(sorted(alone))}."] if alone else []
    return [*lines, *sorted(said)]


def render_shares(found: Sequence[BestShare], *, ratio: str, outcome: str, best: str, by: str | None) -> str:
    """The best share of each group with its interval, or why there is none."""
    rows = [[*([by] if by else []), "points", f"best {ratio}", f"{outcome} there", "best measured", "bend", ""]]
    for each in found:
        point, reached = each.fit.best, each.fit.outcome_at_best
        bend = [float(end[2]) for end in each.fit.coefficients]
        rows.append(
            [
                *([each.group] if by else []),
                str(len(each.shares)),
                wording.with_ends(point.at, "{:.3g}"),
                "-" if math.isnan(reached) else f"{reached:.4g}",
                f"{each.best_measured:.4g}",
                wording.with_ends(bend, "{:+.2g}"),
                point.refusal or "",
            ]
        )
    text = (
        f"The {ratio} of {best} {outcome}: a parabola in log({ratio} / (1 - {ratio})), by least squares. "
        "Brackets: 95% intervals, for errors that are normal and of one spread; that of the best share is "
        "Fieller's."
    )
    return "\n\n".join([filled(text), aligned(rows, num_text=0)])
