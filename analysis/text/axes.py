"""What two axes of a run have in common, in plain text. Knows the question, no files."""

import math

from analysis import numerals
from analysis.questions.axes import Axes, Exponents, Found, Peaks
from analysis.reading.reading import Reading
from analysis.runs.serial import BY_NAME
from analysis.stats.bootstrap import Interval
from analysis.stats.intervals import FALSE_SHARE
from analysis.stats.peaks import MARGIN
from analysis.text import wording
from analysis.text.tables import aligned, filled

# Beyond this a curve is a step, and only that its exponent is large can be told.
STEEP = 20
# A curve that misses a cell by more is not what the outcomes follow.
MISS = 0.05
ABOUT_EXPONENTS = (
    "Accuracy = floor + (ceiling - floor) / (1 + (x / scale)^-exponent). Each axis has a floor, a ceiling and a "
    "scale of its own. Steep: an exponent above {steep}; the curve is a step. Ratio: the exponent along {first} "
    "over that along {second}, where neither may be steep. p: by a likelihood ratio that is resampled over "
    "prompts, how often two exponents would fit as much better if there were one. Miss: the largest distance of a "
    "cell from its curve, in points; above {miss:g} accuracy follows another curve, and the exponents describe it "
    "roughly."
)
ABOUT_PEAKS = (
    "Above: accuracy at the best value before the last, less that at the last, in points. The brackets hold at "
    "all values at once, so that at most 5% of peaks are false. No peak: no value is higher by more than "
    "{margin:g} points."
)
ABOUT_FOUND = (
    "Found: samples that had every gold document among their results, with the fewest calls and with the most. "
    "Explained: the part of the gain in accuracy that goes with finding them, which is the rise in found times "
    "the difference between samples that found them and samples that did not (Kitagawa, Oaxaca, Blinder). Within: "
    "the same with that difference between samples of one prompt, so that easy prompts do not count. What makes a "
    "sample both find and answer is in both. -: all samples found them, or none, or there is no certain gain."
)


def render(found: Axes, along: Reading, thinking: Reading) -> str:
    """Whether one exponent serves both axes, where accuracy peaks, and what found gold explains."""
    first, second = along.words, thinking.words
    parts = [
        f"Accuracy of one answer along {first.steps} ({first.held}) and along {second.steps} ({second.held}). "
        "Brackets are 95% intervals over prompts.",
        aligned([_heads(found), *map(_exponent_row, found.exponents)], num_text=2),
        ABOUT_EXPONENTS.format(first=first.steps, second=second.steps, steep=STEEP, miss=100 * MISS),
        aligned(
            [["rung", "bin", "along", "best before the last", "above", "verdict"], *map(_peak_row, found.peaks)],
            num_text=3,
        ),
        ABOUT_PEAKS.format(margin=100 * MARGIN),
    ]
    if found.found:
        heads = ["rung", "bin", "found", "right if found", "if not", "gain", "explained", "within"]
        parts += [aligned([heads, *map(_found_row, found.found)], num_text=2, is_last_text=False), ABOUT_FOUND]
    elif "calls" in found.axes:
        parts.append("The task names no gold documents, so what calls found is not asked.")
    return filled("\n\n".join(parts))


def _heads(found: Axes) -> list[str]:
    first, second = (BY_NAME[axis].steps for axis in found.axes)
    return ["rung", "bin", f"exponent, {first}", second, "ratio", "p", "miss", "verdict"]


def _exponent_row(row: Exponents) -> list[str]:
    place = [row.model, f"{row.bin} ({row.num_prompts})"]
    if row.test is None:
        return [*place, *["-"] * 5, f"cannot tell: {row.untold}"]
    test = row.test
    first, second = map(_exponent, test.exponents)
    is_steep = any(end > STEEP for interval in test.exponents for end in interval)
    ratio = "-" if is_steep else wording.with_ends(test.ratio, "{:.2f}")
    miss = max(test.own.misses)
    told = [first, second, ratio, numerals.p_value(test.p_value), f"{100 * miss:.1f}"]
    if not (test.own.converged and test.common.converged):
        return [*place, *told, "cannot tell: the search did not end"]
    verdict = "two exponents" if test.p_value <= FALSE_SHARE else "one may serve both"
    return [*place, *told, verdict + (", roughly" if miss > MISS else "")]


def _exponent(interval: Interval) -> str:
    """'1.5 [1.2, 1.9]', '4.1 [2.2, steep]'."""
    estimate, low, high = (
        "steep" if end > STEEP else "-" if math.isnan(end) else f"{end:.2g}" for end in map(float, interval)
    )
    return estimate if estimate == low == high else f"{estimate} [{low}, {high}]"


def _peak_row(row: Peaks) -> list[str]:
    at, low, high = (numerals.points(float(end)) for end in row.peak.excess)
    words = BY_NAME[row.axis]
    most = f"not known: may be {numerals.points(row.peak.most)} points"
    said = {"peak": f"peaks {words.alone(row.value)}", "no peak": "no peak", "not known": most}[row.peak.verdict]
    return [
        row.model,
        f"{row.bin} ({row.num_prompts})",
        words.steps,
        f"{row.value}",
        f"{at} [{low}, {high}]",
        said,
    ]


def _found_row(row: Found) -> list[str]:
    told = row.mediation
    found = " to ".join(map(numerals.percent, told.found))
    gain = "{} [{}, {}]".format(*(numerals.points(float(end)) for end in told.gain))
    right = [numerals.percent(told.right_with), numerals.percent(told.right_without)]
    return [
        row.model,
        f"{row.bin} ({row.num_prompts})",
        found,
        *right,
        gain,
        _share(told.share),
        _share(told.within),
    ]


def _share(interval: Interval) -> str:
    estimate, low, high = (numerals.percent(float(end)) for end in interval)
    return "-" if estimate == "-" else f"{estimate} [{low}, {high}]"
