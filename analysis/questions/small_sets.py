"""Accuracy of one answer for other prompts like these, and on these very prompts. Knows readings, no files."""

import numpy as np
import pandas as pd

from analysis.questions.verifier import columns
from analysis.questions.vote_cells import place_columns, places
from analysis.reading.bins import Bin
from analysis.reading.cells import Row
from analysis.reading.reading import Reading
from analysis.stats import intervals
from analysis.stats.bootstrap import weighted_means
from analysis.stats.posteriors import bayes_at_n


def frame(reading: Reading) -> pd.DataFrame:
    """A row a model and bin, at the full budget and all samples.

    one_sample: accuracy with its interval over resampled prompts, which is of the prompts that these were drawn from;
    bayes: Bayes@N with its posterior interval, which is of these very prompts. Sources:
    `intervals.accuracy_interval`, `posteriors.bayes_at_n`. Raises UntoldError where no model has two samples of each
    prompt.
    """
    return pd.DataFrame([_row(reading, part, at) for part, at in places(reading)])


def _row(reading: Reading, part: Bin, at: int) -> Row:
    right, total = reading.arms[at].tally(-1)
    means = weighted_means(part.weights, (right / total)[:, None])[:, 0]
    inside = part.weights[0] > 0
    counts = np.stack([total - right, right], axis=1)[inside]
    return (
        place_columns(reading, part, at)
        | columns("one_sample", intervals.accuracy_interval(means, reading.num_drawn(part)))
        | columns("bayes", bayes_at_n(counts, [0, 1]))
    )
