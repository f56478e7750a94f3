"""What the columns of every table mean: one name for one thing, with its unit. docs/columns.md is made of it."""

from collections.abc import Mapping, Sequence


def _with_ends(name: str, meaning: str) -> dict[str, str]:
    """A column and the ends of its interval."""
    ends = {f"{name}_{end}": f"{end} end of the 95% interval of {name}" for end in ("low", "high")}
    return {name: meaning} | ends


COLUMNS = {
    # What a row is about.
    "model": "name of a model; in frontier.csv also `any model`, the best of all",
    "num_params": "parameters of the model that take part in matrix products, from its config; NaN if not known",
    "small": "the smaller model of a pair",
    "large": "the larger model of a pair",
    "size_ratio": "parameters of the larger model over parameters of the smaller",
    "prompt_id": "stable id of a prompt",
    "bin": "difficulty bin, or `all prompts`",
    "num_prompts": "prompts in the bin",
    "budget": "cap on thinking tokens; 2147483647 stands for no cap",
    "width": "samples a prompt, k",
    "sample": "number of the sample of its prompt, from 0",
    "rule": "how k samples are read: `maj_at_k` (majority vote) or `pass_at_k` (any of k correct); by a "
    "verifier's scores `best_of_n`, `weighted_vote` or `filtered_vote`",
    "rate_rule": "the rule under which the exchange rate beside a curve was read",
    "extensions": "how often thinking that closed is extended, at most; with --along extensions in place of "
    "budget",
    "calls": "tool calls, at most; with --along calls in place of budget",
    "path": "what varies along a curve: `width` at the largest budget, or `budget` at one sample; with --along "
    "its "
    "axis in place of budget",
    "kind": "what a row of a figure is: a cell, a frontier, the best of all, a curve, a star, a break-even, "
    "the best of one verifier (line) or of all (split), distinct right answers or any",
    "outcome": "how an answer was graded: correct, wrong, unparsed, unanswered, truncated, timeout, refused",
    "multiple": "compute of a row in full answers: one sample at the full budget",
    "target": "accuracy to reach; in substitution.csv the model whose one answer is to be matched",
    # What is measured.
    "correct": "whether the answer is right",
    "score": "score of the answer, from 0 to 1; only 0 or 1 if it is either right or wrong",
    "vote": "number of the answer within its prompt and model: equal for answers that vote together, -1: none",
    "cut": "whether thinking was still going at the budget",
    "forced": "whether the answer was forced out of a cut or closed trace",
    "thinking_tokens": "thinking tokens of the sample within the budget; in tables of cells their mean",
    "answer_tokens": "tokens of the answer; in tables of cells their mean",
    "decoded_tokens": "all tokens after the prompt: thinking, the closing marker, the answer",
    "prompt_tokens": "tokens of the prompt in the model's own tokenizer",
    "given_tokens": "tokens that were read between what the model wrote: results of tools, and what extends "
    "thinking",
    "total_tokens": "mean tokens a prompt: the prompt once, and all samples",
    "serial_tokens": "mean tokens in series: those of the longest sample",
    "accuracy": "share of prompts answered right under the rule, in expectation over subsets of samples; 0 to 1",
    "cost": "mean cost a prompt, in cost_unit; in frontier.csv the most that a cell may spend",
    "spent": "mean cost of the cell that is best at a level, in cost_unit",
    "accuracy_low": "low end of its 95% interval",
    "accuracy_high": "high end of its 95% interval",
    "low": "low end of a 95% interval over prompts",
    "high": "high end of a 95% interval over prompts",
    "band_low": "low end of a 95% band for the whole curve at once",
    "band_high": "high end of a 95% band for the whole curve at once",
    "draw_error": "standard error that random subsets of samples add to the accuracy; 0 where all were counted",
    "share": "share of a model's samples at a budget that ended so",
    "cut_share": "share of samples that were still thinking at the budget",
    "forced_share": "share of samples whose answer was forced",
    # What a verifier gave.
    "verifier_score": "what the verifier gave the answer, as it gave it; NaN if it refused the answer or never "
    "read it",
    "verifier_refused": "whether the verifier refused to score the answer",
    "verifier_read_tokens": "tokens that the verifier read, in its own; NaN if not known",
    "verifier_written_tokens": "tokens of the verifier's verdicts; NaN if not known",
    "num_mixed": "prompts with right and wrong samples, the only ones that an AUC is made of",
    **_with_ends(
        "auc", "share of pairs of a right and a wrong sample of one prompt with the right one scored higher"
    ),
    **_with_ends("one_sample", "accuracy of one sample"),
    **_with_ends("maj_at_k", "accuracy of the majority vote of all samples"),
    **_with_ends("pass_at_k", "share of prompts with any correct sample"),
    **_with_ends("best_of_n", "accuracy of the sample with the best score"),
    **_with_ends("weighted_vote", "accuracy of the vote in which each sample weighs what its score says"),
    **_with_ends("filtered_vote", "accuracy of the vote of the best-scored samples"),
    **_with_ends("gap", "pass_at_k less best_of_n"),
    "refused": "share of answers that the verifier refused",
    "cost_with_it": "cost of choosing among all samples over that of drawing them; NaN if the reading is not "
    "counted",
    # A budget split between samples and a verifier.
    "verifier": "whose settings a row of splits.csv is the best of: a verifier, `no verifier`, or `any`",
    **_with_ends("verifier_share", "part of the cost that is the verifier's, in the setting that is best"),
    **_with_ends("without", "accuracy of the best setting that no verifier reads, at the same cost"),
    **_with_ends("gain", "accuracy less without"),
    "setting": "what each half of the prompts chose: samples, model, how one is chosen, by which verifier",
    # Whether thinking pays, in the same samples.
    "next_budget": "the budget above: what a row of thinking.csv goes to",
    **_with_ends("lost", "share of samples that are right at the budget and wrong at the next"),
    **_with_ends("gained", "share of samples that are wrong at the budget and right at the next"),
    **_with_ends("change", "accuracy at the next budget less at this one"),
    "change_joint_low": "low end of an interval of change that holds for all models, bins and steps at once",
    "change_joint_high": "its high end",
    "tokens": "thinking tokens that a sample spends more at the next budget, on average",
    **_with_ends("per_500", "accuracy that 500 thinking tokens more buy between the two budgets"),
    "direction": "`rises` or `falls` where the joint interval of change says so, else empty",
    **_with_ends("least", "share of samples for which this budget is the least at which they are right"),
    **_with_ends("solved", "share of samples that are right at this budget or at a smaller one"),
    **_with_ends("distinct", "distinct answers of that many samples; in rows of kind `right` right ones alone"),
    **_with_ends("over", "accuracy lost at this budget on prompts that a smaller one suits better"),
    **_with_ends("under", "accuracy lost at this budget on prompts that a larger one suits better"),
    # Exchange rates.
    "exchange_rate": "cost of the smaller model at equal accuracy over that of the larger; inf: never within the "
    "grid; NaN: nothing to match",
    "rate_low": "low end of the 95% interval of the exchange rate",
    "rate_high": "high end of the 95% interval of the exchange rate",
    "step": "samples (path width), thinking tokens (path budget), extensions or calls at which the smaller model "
    "matches; inf: never",
    "step_low": "low end of the 95% interval of step",
    "step_high": "high end of the 95% interval of step",
    "max_step": "the end of the measured path: the most samples, or the largest budget",
    "crossing_cost": "cost of the smaller model where it matches, in cost_unit",
    "target_accuracy": "accuracy of one full answer of the larger model",
    "target_cost": "cost of one full answer of the larger model, in cost_unit",
    "at_or_below": "whether the cheapest cell already matches, so that the value is an upper bound",
    "share_never": "share of bootstrap replicates with no match",
    "share_at_or_below": "share of replicates in which the cheapest cell already matches",
    "p_value": "two-sided p-value that the exchange rate is 1",
    "p_holm": "the same after Holm's correction over all pairs and bins that one figure shows",
    "p_bh": "the same after the correction of Benjamini and Hochberg",
    "cost_low": "low end of the 95% interval of cost",
    "cost_high": "high end of the 95% interval of cost",
    "counted_as": "cost model of a row",
    "counted_label": "what that cost model counts, in words",
    "counted_unit": "its unit",
    "workload": "inference tokens served over pretraining tokens; in a break-even row R*, below which the smaller "
    "model is cheaper",
    "multiplier": "Snell's m(R): samples of the smaller model that a workload pays for",
    # Grids, frontiers, forecasts.
    "chosen": "the model that is best at a level; empty where the two halves of the prompts disagree",
    "is_best": "whether no cheaper cell is as accurate; in parallel.csv the best budget of a level",
    "share_best": "share of replicates in which no cheaper cell is as accurate",
    "coverage": "share of prompts that any of k samples answers right",
    "power_law": "coverage that a power law forecasts from num_drawn samples",
    "scaled_beta": "coverage that a scaled beta distribution of solve rates forecasts",
    "nonparametric": "coverage that a free distribution of solve rates forecasts",
    "last_miss": "the scaled beta's forecast at the largest width, minus the observed value",
    "num_drawn": "samples a prompt that forecasts are made from",
    "is_held_out": "whether the width is larger than num_drawn",
    "is_point": "whether the width is drawn as a point",
    # Votes.
    "num_votes": "samples that every prompt of the model has: the most votes that are measured",
    **_with_ends(
        "rho", "intraclass correlation of right and wrong answers to one prompt; NaN if all are right, or wrong"
    ),
    **_with_ends(
        "effective", "independent answers that num_votes of them are worth, num_votes / (1 + (num_votes - 1) rho)"
    ),
    **_with_ends("modal", "share of prompts whose most frequent answer is right, ties split; NaN of counts"),
    **_with_ends("moved", "modal less the accuracy of the vote of half of the samples"),
    "tied": "share of prompts where a right and a wrong answer tie for the most frequent",
    "settled": "share of prompts where the better of the two leads in truth with a chance of 95% or more",
    **_with_ends("lower", "least accuracy of a vote of right against wrong, of two samples' moments"),
    **_with_ends("upper", "largest accuracy of that vote"),
    **_with_ends("least_gain", "lower less the accuracy of one answer"),
    **_with_ends("most_gain", "upper less the accuracy of one answer"),
    **_with_ends("measured", "accuracy of that vote over subsets of the samples; NaN beyond num_votes"),
    **_with_ends("voted", "accuracy of the vote over answers; NaN beyond num_votes and of counts"),
    "num_models": "models that are put in order",
    **_with_ends(
        "tau", "Kendall's tau of the models' order by width samples with that by half of all, other ones"
    ),
    **_with_ends("bayes", "Bayes@N: accuracy of one sample on these very prompts, under a uniform prior"),
    # What a caption says, the same in every row.
    "task": "name of the task",
    "difficulty": "what makes the bins: anchor, own, agreement, score or label",
    "bins_are": "the bins in words",
    "anchor": "the model whose held-out samples make the bins",
    "bin_samples": "held-out samples a prompt that make the bins",
    "bin_budget": "their thinking budget",
    "rank_agreement": "Spearman correlation of the scores that make the bins with fresh samples of the anchor",
    "rank_low": "low end of its 95% interval",
    "rank_high": "high end of its 95% interval",
    "predictor_tokens": "mean tokens a prompt that the scores took",
    "total_prompts": "prompts that every model has",
    "num_dropped": "prompts left out, because some model lacks samples of them",
    "num_samples": "samples a prompt that every model is read at",
    "max_budget": "the largest budget",
    "max_extensions": "in place of max_budget with --along extensions: the most extensions",
    "max_calls": "in place of max_budget with --along calls: the most tool calls",
    "along": "the axis that is read, where it is not thinking budgets: extensions or calls",
    "held": "what the axes that are not read are held at, where that does not go without saying",
    "matched": "where a larger model's answer is matched, with --match-at",
    "among": "what tells the settings apart that best ones are chosen among, where a run varies several axes",
    "down": "which axis the rows of a map over two axes are, in grid_*.csv",
    "across": "which axis its columns are",
    "num_replicates": "replicates of the bootstrap",
    "cluster": "label whose prompts are resampled together",
    "cost_model": "cost model that everything else is counted in",
    "cost_label": "what it counts, in words",
    "cost_unit": "its unit",
    "most_samples": "samples of the model that has most, if models have unequal numbers",
    "cautions": "cautions that concern all numbers, if there are any",
    "bins_aside": "bins left out, because all their prompts are in one half",
    "models_aside": "models left out of a figure",
}


# Of them those that stand in a table only where a run is read along another axis, or over several.
OF_OTHER_AXES = (
    *("extensions", "calls", "max_extensions", "max_calls", "along", "held", "matched", "among", "down", "across"),
)


def page(tables: Mapping[str, Sequence[str]]) -> str:
    """The page in markdown: the columns of each table, those that every figure's table has in common apart.

    Raises KeyError for a column without a meaning.
    """
    figures = [set(columns) for name, columns in tables.items() if name.endswith(".csv")]
    common = set.intersection(*figures) if figures else set()
    lines = [
        "# Columns",
        "",
        "What every column means: of the frames of `isoquant.load(RUN)`, and of the CSV beside each figure. This "
        "page",
        "is made from the code by `python -m isoquant.columns`. Infinity means never within the measured grid; an",
        "empty cell is not known. The labels of the prompts are further columns of `answers()`; those that begin "
        "with",
        "`verifier_` are there if a verifier scored the run.",
    ]
    for name, columns in tables.items():
        shown = [column for column in columns if column not in common or not name.endswith(".csv")]
        lines += ["", f"## {name}", "", "| column | meaning |", "|---|---|"]
        lines += [f"| `{column}` | {COLUMNS[column]} |" for column in shown]
    lines += ["", "## Along other axes", "", "| column | meaning |", "|---|---|"]
    lines += [f"| `{column}` | {COLUMNS[column]} |" for column in OF_OTHER_AXES]
    lines += ["", "## In the CSV of every figure", "", "| column | meaning |", "|---|---|"]
    shared = [column for column in COLUMNS if column in common]
    return "\n".join([*lines, *(f"| `{column}` | {COLUMNS[column]} |" for column in shared), ""])
