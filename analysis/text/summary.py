"""The short table at the end of a sweep, in plain text. Knows findings, no files."""

import math

import pandas as pd

from analysis import numerals
from analysis.questions.exchange_rates import Findings
from analysis.reading import cautions, unread
from analysis.reading.curves import CHOSEN_RULES, Rule
from analysis.runs import serial
from analysis.runs.arms import is_outside
from analysis.runs.outcomes import Outcomes
from analysis.text import headline, wording
from analysis.text.tables import aligned, filled


def render(outcomes: Outcomes, findings: Findings, *, rule: Rule) -> str:
    """The headline, a row a rung and bin with its exchange rate against the largest,
    and the health of the answers.
    """
    rates = _rate_rows(findings, rule)
    nothing = wording.nothing(findings.cells["model"].iloc[-1], [row[-1] for row in rates])
    parts = [
        "\n".join(headline.sentences(findings, rule=rule)),
        aligned(rates, num_text=2),
        *_beside(findings, rule),
        "\n".join([_legend(findings, rule), *nothing]),
        aligned(_health_rows(findings), num_text=1, is_last_text=False),
        *_left_out(outcomes),
    ]
    return filled("\n\n".join(parts))


def _rate_rows(findings: Findings, rule: Rule) -> list[list[str]]:
    """Header and a row a rung and bin, bins set apart: one answer, the widest vote, tokens, the exchange rate.

    Without the vote where each has one sample, and without the rate where there is no larger model.
    """
    rates = headline.against_largest(findings, rule)
    known = {(row["small"], row["bin"]): row for _, row in rates.iterrows()}
    part = findings.curves[(findings.curves["rule"] == rule) & (findings.curves["path"] == "width")]
    widest = part.groupby("model")["width"].max().unique().tolist()
    votes = {"vote": numerals.samples(widest[0]) if len(widest) == 1 else "all samples"} if widest != [1] else {}
    matched = {} if rates.empty else {"matched": f"to match one answer of {rates['large'].iloc[-1]}"}
    header = (
        {"rung": "rung", "bin": "bin", "prompts": "prompts", "one": "one answer"} | votes | {"tokens": "tokens"}
    )
    header |= matched
    rows = [list(header.values())]
    for (model, name), cells in part.groupby(["model", "bin"], sort=False):
        if len(rows) > 1 and name != rows[-1][1]:
            rows.append([""] * len(rows[0]))
        one, last = cells.iloc[0], cells.iloc[-1]
        told = {"rung": str(model), "bin": str(name), "prompts": str(one["num_prompts"]), "one": _share(one)}
        told["vote"] = _share(last) + (f" at {last['width']:,}" if len(widest) > 1 else "")
        told["tokens"] = _tokens(one["total_tokens"])
        is_small = (model, name) in known
        told["matched"] = _exchange(known[model, name], findings.setting.cost_unit) if is_small else "-"
        rows.append([told[column] for column in header])
    return rows


def _beside(findings: Findings, rule: Rule) -> list[str]:
    """What the same samples yield without the verifier, and what its reading adds;
    nothing of a rule without one.
    """
    if rule not in CHOSEN_RULES:
        return []
    curves = findings.curves[findings.curves["path"] == "width"]
    rows = [
        ["rung", "bin", *(wording.RULES[each] for each in dict.fromkeys((*curves["rule"], rule))), "cost with it"]
    ]
    for (model, name), cells in curves.groupby(["model", "bin"], sort=False):
        if len(rows) > 1 and name != rows[-1][1]:
            rows.append([""] * len(rows[0]))
        widest = cells.groupby("rule", sort=False).tail(1).set_index("rule")
        shares = [f"{_share(row)} at {row['width']:,}" for _, row in widest.iterrows()]
        dearer = widest["cost"][rule] / widest["cost"]["pass_at_k"]
        rows.append([str(model), str(name), *shares, f"{dearer:.2f}x" if dearer > 0 else "-"])
    note = (
        "Beside the verifier, from the same samples without it (any of k correct: the most that it could choose)."
    )
    return [f"{note}\n{aligned(rows, num_text=2)}"]


def _exchange(row: pd.Series, unit: str) -> str:
    spent = f"{wording.steps(row['step'], row['path'])}, " if math.isfinite(row["step"]) else ""
    return spent + wording.rate(
        exchange_rate=row["exchange_rate"],
        low=row["low"],
        high=row["high"],
        at_or_below=row["at_or_below"],
        target_accuracy=row["target_accuracy"],
        axis=row["path"],
        max_step=row["max_step"],
        unit=unit,
    )


def _tokens(count: float) -> str:
    return "-" if math.isnan(count) else f"{count:.0f}"


def _share(row: pd.Series) -> str:
    if math.isnan(row["accuracy"]):
        return "-"
    low, high = (numerals.percent(row[end]).rstrip("%") for end in ("low", "high"))
    return f"{numerals.percent(row['accuracy'])} [{low}, {high}]"


def _legend(findings: Findings, rule: Rule) -> str:
    setting = findings.setting
    lines = [
        f"Task {setting.task}: {setting.total_prompts} prompts, "
        f"{numerals.samples_each(setting.num_samples, setting.most_samples)}, "
        f"{setting.words.at(setting.max_budget)}; "
        f"read by {wording.RULES[rule]}.",
        "Tokens: the prompt, thinking and one answer. Brackets: 95% intervals over prompts.",
    ]
    if not findings.exchange_rates.empty:
        lines.append(
            f"1.00x: the same {setting.cost_unit} as {wording.one_answer('the larger model', setting.matched)} "
            f"({setting.cost_label}). Below 1x, the smaller model is cheaper."
        )
    lines += _drawn(findings, rule)
    if setting.bins_are is not None:
        at = "" if setting.bin_budget is None else f", {serial.BUDGET.at(setting.bin_budget)}"
        lines.append(f"Bins: {setting.bins_are}{at}.")
    if not math.isnan(setting.rank_agreement):
        lines.append(
            "Spearman correlation of these scores with fresh samples of the anchor: "
            f"{setting.rank_agreement:.2f} [{setting.rank_low:.2f}, {setting.rank_high:.2f}]. They cost "
            f"{setting.predictor_tokens:.0f} tokens a prompt."
        )
    return "\n".join(lines + wording.together(setting.cluster))


def _drawn(findings: Findings, rule: Rule) -> list[str]:
    """A line on the error of random subsets, where some pools have too many answers to count all."""
    error = findings.curves.loc[findings.curves["rule"] == rule, "draw_error"].max()
    if not error > 0:
        return []
    return [
        "Some prompts have too many answers to count every subset: random subsets add a standard error of at most "
        f"{100 * error:.2g} points."
    ]


def optimism(findings: Findings) -> str:
    """What the bins would read from the very samples that made them, beside what fresh samples say."""
    if findings.optimism.empty:
        return "These bins are not made from samples, so no optimism can arise."
    rows = [["bin", "same samples", "fresh samples", "optimism"]]
    for _, row in findings.optimism.iterrows():
        points = f"{100 * (row['same_pool'] - row['fresh']):+z.1f} points"
        rows.append([str(row["bin"]), f"{100 * row['same_pool']:.1f}%", f"{100 * row['fresh']:.1f}%", points])
    return "Accuracy of the anchor in bins made from its own scored samples:\n" + aligned(rows, num_text=1)


def diversity(findings: Findings) -> str:
    """Distinct right answers of every rung at its widest, per sample and per cost."""
    if findings.diversity.empty:
        return "Which answers were distinct is not known: this run holds only counts of correct samples."
    unit = findings.setting.cost_unit
    rows = [
        [
            "rung",
            "samples",
            "distinct right answers",
            "per sample",
            f"per {unit[:-1] if unit[-1] == 's' else unit}",
        ]
    ]
    for _, row in findings.diversity.groupby("model", sort=False).tail(1).iterrows():
        per_sample = f"{row['per_sample']:.3f} [{row['per_sample_low']:.3f}, {row['per_sample_high']:.3f}]"
        per_cost = f"{row['per_cost']:.3g} [{row['per_cost_low']:.3g}, {row['per_cost_high']:.3g}]"
        rows.append([str(row["model"]), str(row["width"]), f"{row['distinct']:.2f}", per_sample, per_cost])
    return aligned(rows, num_text=1)


def _health_rows(findings: Findings) -> list[list[str]]:
    """Header and a row a rung at full budget: how its thinking and its answers ended."""
    rows = [
        [
            "rung",
            "accuracy",
            "thinking tokens",
            "answer tokens",
            "cut",
            "forced",
            "answer cap",
            *unread.NAMES,
        ]
    ]
    for _, cell in findings.cells[findings.cells["budget"] == findings.setting.max_budget].iterrows():
        tokens = [_tokens(cell[name]) for name in ("thinking_tokens", "answer_tokens")]
        shares = [f"{name}_share" for name in ("cut", "forced", "capped", *unread.NAMES)]
        rows.append(
            [
                cell["model"],
                numerals.percent(cell["accuracy"]),
                *tokens,
                *(numerals.percent(cell[name]) for name in shares),
            ]
        )
    return rows


def _left_out(outcomes: Outcomes) -> list[str]:
    """Lines for what is to be borne in mind,
    the dropped prompts and the unfinished models, where there are any.
    """
    lines = cautions.lines(outcomes)
    if outcomes.dropped:
        listed = ", ".join(f"{drop.prompt_id} ({', '.join(drop.lacking)})" for drop in outcomes.dropped[:5])
        more = f" and {len(outcomes.dropped) - 5} more" if len(outcomes.dropped) > 5 else ""
        way_on = "" if is_outside(outcomes.grader) else " `isoquant sweep` draws them."
        lines.append(f"Left out of every model, because these lack samples: {listed}{more}.{way_on}")
    if outcomes.unfinished:
        lines.append(f"No graded answers yet: {', '.join(outcomes.unfinished)}.")
    return lines
