"""How far to trust a run's report: what was checked, what this run lacks, and what no interval covers."""

from collections.abc import Mapping
from typing import NamedTuple

from analysis import numerals
from analysis.questions.exchange_rates import Findings
from analysis.reading import cautions, unread
from analysis.reading.bins import ALL_PROMPTS
from analysis.report import html, provenance
from analysis.report.sections import Section
from analysis.runs.outcomes import Outcomes
from analysis.runs.provenance import Record
from analysis.text import wording

# Intervals of bins of so many prompts keep what `isoquant validate` asks of them; smaller ones are only reported.
PROVEN_PROMPTS = 200
UNREAD_SHARE = 0.05
# Left out, at most so many are named.
MAX_NAMED = 5


class Remark(NamedTuple):
    """One thing to know: whether it is a warning about this run, what it is about, and what there is to say."""

    is_warning: bool
    about: str
    text: str


def section(outcomes: Outcomes, found: Mapping[str, Findings], records: list[Record]) -> Section:
    """Warnings about this run first, then what holds of it, then what holds of every run."""
    first = next(iter(found.values()))
    remarks = [
        *_prompts(first),
        *(Remark(True, caution.about, caution.text) for caution in cautions.read(outcomes)),
        *_left_out(outcomes),
        *_alike(first),
        *_unread(first),
        *_records(records),
        *_open_rates(first),
        *_bins(first),
        *_always(first),
    ]
    rows = "".join(map(_row, sorted(remarks, key=lambda remark: not remark.is_warning)))
    return Section("trust", "How far to trust it", f'<dl class="remarks">{rows}</dl>')


def _row(remark: Remark) -> str:
    flag = '<span class="flag">Caution</span> ' if remark.is_warning else ""
    return f"<div><dt>{flag}{html.escape(remark.about)}</dt><dd>{html.escape(remark.text)}</dd></div>"


def _prompts(found: Findings) -> list[Remark]:
    sizes = found.curves.drop_duplicates("bin").set_index("bin")["num_prompts"]
    least = int(sizes.min())
    listed = ", ".join(f"{name} {size:,}" for name, size in sizes.items())
    text = f"Prompts by bin: {listed}. "
    if least >= PROVEN_PROMPTS:
        text += (
            f"In simulated runs with at least {PROVEN_PROMPTS} prompts a bin, "
            "95% intervals held the truth in 93-97%."
        )
    else:
        text += (
            f"Simulations checked the intervals of bins with at least {PROVEN_PROMPTS} prompts. Intervals of "
            "smaller bins may be too narrow."
        )
    return [Remark(least < PROVEN_PROMPTS, "Number of prompts", text)]


def _left_out(outcomes: Outcomes) -> list[Remark]:
    remarks = []
    if outcomes.dropped:
        named = ", ".join(drop.prompt_id for drop in outcomes.dropped[:MAX_NAMED])
        more = f" and {len(outcomes.dropped) - MAX_NAMED:,} more" if len(outcomes.dropped) > MAX_NAMED else ""
        text = (
            f"{len(outcomes.dropped):,} prompts lack samples of some model, so they are left out of every model: "
            f"{named}{more}."
        )
        remarks.append(Remark(True, "Prompts left out", text))
    if outcomes.unfinished:
        text = f"No graded answers yet: {', '.join(outcomes.unfinished)}. They are not on this page."
        remarks.append(Remark(True, "Models left out", text))
    return remarks or [
        Remark(False, "Left out", "Nothing is left out: all models of the run answer the same prompts.")
    ]


def _alike(found: Findings) -> list[Remark]:
    """Bins in which the reference is right always or not surely ever,
    so that its single answer is a poor target.
    """
    rates = found.exchange_rates
    if rates.empty:
        return []
    of_largest = rates[rates["large"] == rates["large"].iloc[-1]]
    largest, remarks = of_largest["large"].iloc[0], []
    if bins := list(of_largest[of_largest["target_accuracy"] == 1].drop_duplicates("bin")["bin"]):
        text = f"{largest} is always right here: {', '.join(bins)}. A match with it shows little."
        remarks.append(Remark(True, "All right or all wrong", text))
    has_none = of_largest["exchange_rate"].isna() & of_largest["target_accuracy"].notna()
    if bins := list(of_largest[has_none].drop_duplicates("bin")["bin"]):
        text = (
            f"{largest} is not certainly right on any prompt here: {', '.join(bins)}. There is nothing to match."
        )
        remarks.append(Remark(True, wording.NOTHING.capitalize(), text))
    return remarks


def _unread(found: Findings) -> list[Remark]:
    """The cell at full budget with the most answers that nobody could grade as right or wrong."""
    cells = found.cells[found.cells["budget"] == found.setting.max_budget]
    shares = cells[[f"{name}_share" for name in unread.NAMES]].sum(axis=1, min_count=1)
    if shares.isna().all():
        return [Remark(True, "Unread answers", "These outcomes do not show how many answers could not be read.")]
    worst, full = cells.loc[shares.idxmax()], found.setting.words.full
    parts = unread.told({name: worst[f"{name}_share"] for name in unread.NAMES})
    text = (
        f"{full[:1].upper()}{full[1:]} at most {numerals.percent(float(shares.max()))} of a model's answers could "
        f"not be graded as right or wrong ({worst['model']}{': ' + parts if parts else ''}). They count as not "
        "correct."
    )
    return [Remark(bool(shares.max() > UNREAD_SHARE), "Unread answers", text)]


def _records(records: list[Record]) -> list[Remark]:
    """Whether one code, one set of packages and one kind of device drew all rows."""
    if not records:
        return [Remark(True, "Where rows come from", "These rows have no record of code, packages and devices.")]
    kinds = {
        "commits": {str(record.get("commit")) for record in records},
        "sets of packages": {str(sorted(dict(record.get("packages", {})).items())) for record in records},
        "kinds of device": {provenance.device(record) for record in records},
    }
    mixed = ", ".join(f"{len(values)} {name}" for name, values in kinds.items() if len(values) > 1)
    num_dirty = sum(bool(record.get("dirty")) for record in records)
    drawn = (
        f"{mixed} drew these rows"
        if mixed
        else "One commit, one set of packages and one kind of device drew all rows"
    )
    changed = f"{num_dirty} of {len(records)} jobs" if num_dirty else "no job"
    text = f"{drawn}; {changed} ran code with local changes."
    return [Remark(bool(mixed or num_dirty), "Where rows come from", text)]


def _open_rates(found: Findings) -> list[Remark]:
    rates = (
        found.exchange_rates.dropna(subset="exchange_rate") if len(found.exchange_rates) else found.exchange_rates
    )
    if rates.empty:
        return []
    never = int((rates["share_never"] >= 0.95).sum())
    undecided = int(rates["share_never"].between(0.05, 0.95, inclusive="neither").sum())
    text = (
        f"Of {len(rates):,} exchange rates (pairs, bins, rules, samples or {found.setting.words.head}), {never:,} "
        f"are never in at least 95% of replicates. {undecided:,} are never in 5% to 95% of them: this run does "
        "not decide those. "
        "Never: not within the measured grid. p-values test a rate of 1; they are corrected by Holm over all "
        "pairs and bins of a table."
    )
    return [Remark(undecided > len(rates) / 4, "What stays open", text)]


def _bins(found: Findings) -> list[Remark]:
    setting = found.setting
    if setting.bins_are is None:
        text = "No samples were held out for difficulty bins, so all prompts are taken together."
        return [Remark(False, "Difficulty", text)]
    text = f"Bins are {setting.bins_are}. They are drawn again in every replicate."
    leak = found.optimism.dropna()
    if not leak.empty:
        worst = leak.loc[(leak["same_pool"] - leak["fresh"]).abs().idxmax()]
        text += (
            f" Scored on the samples that made the bins, {worst['bin']} prompts would show "
            f"{100 * worst['same_pool']:.1f}% where fresh samples show {100 * worst['fresh']:.1f}%."
        )
    return [Remark(False, "Difficulty", text)]


def _always(found: Findings) -> list[Remark]:
    setting, whole = found.setting, found.curves[found.curves["bin"] == ALL_PROMPTS]
    together = f"prompts of one {setting.cluster}" if setting.cluster else "prompts"
    resampled = (
        f"95%, from {setting.num_replicates:,} paired resamplings of {together}, the same for every model, with "
        "all their samples. Bins and crossings are found again in each. The bands in the figures are for single "
        "cells; the table of the curves has the wider band for a whole curve."
    )
    other = (
        "The intervals do not cover other kinds of prompts, other templates, "
        "or another training run of the same size."
    )
    remarks = [Remark(False, "Intervals", resampled), Remark(False, "Other prompts, other runs", other)]
    if (whole["rule"] == "pass_at_k").any():
        text = (
            "Any of k correct is coverage: it needs an oracle that knows the right answer, "
            "and it counts lucky guesses."
        )
        remarks.append(Remark(False, "Coverage", text))
    return remarks
