"""Whether the models of a run would come out in the same order again. Knows readings, no files."""

import numpy as np
import pandas as pd

from analysis.questions.interval_rows import columns, interval_at
from analysis.reading.cells import Row
from analysis.reading.reading import Reading
from analysis.stats.bootstrap import percentile_interval
from analysis.stats.rank_stability import split_tau


def frame(reading: Reading) -> pd.DataFrame:
    """A row a bin that all models share, and number of samples: powers of two, to half of the fewest.

    tau: Kendall's tau between the order of the models by so many samples of each prompt, at the full budget, and
    their order by half of all samples, other ones; in expectation over splits, with its 95% interval over prompts.
    Of models with two samples or more; no row where there are not two of these. Source:
    `rank_stability.split_tau`.
    """
    tallies = [arm.tally(-1) for arm in reading.arms if arm.num_samples > 1]
    if len(tallies) < 2:
        return pd.DataFrame()
    right, total = (np.stack(part, axis=1) for part in zip(*tallies, strict=True))
    widths = [2**power for power in range(int(np.log2(total.min() // 2)) + 1)]
    rows: list[Row] = []
    for part in reading.bins:
        if not part.weights[0].any():
            continue
        ends = percentile_interval(split_tau(right, total, part.weights, widths))
        place = {"bin": part.name, "num_prompts": int((part.weights[0] > 0).sum()), "num_models": len(tallies)}
        for at, width in enumerate(widths):
            rows.append(place | {"width": width} | columns("tau", interval_at(ends, at)))
    return pd.DataFrame(rows)
