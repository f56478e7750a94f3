"""Arms that begin with a probe: samples that are drawn whatever follows, and count towards the answer."""

from collections.abc import Sequence

import numpy as np

from analysis.arrays import Floats, Ints
from analysis.costs.cost_models import serial_tokens
from analysis.policies import orders
from analysis.policies.menu import Cell, Menu
from analysis.policies.orders import Pool
from analysis.reading.curves import Rule
from analysis.stats.estimators import pass_at_k


def menu(
    samples: Pool, *, num_probe: int, widths: Sequence[int], rule: Rule, named: Cell, rng: np.random.Generator
) -> Menu:
    """The first `num_probe` samples of each prompt, and from the rest as many more as make each width.

    Widths count the probe. Accuracy and cost are expectations over which of the rest are drawn, the probe's
    samples being as they are, so that features of the probe may decide; pass@k exactly, majority votes over random
    orders. Raises ValueError for widths below the probe's.
    """
    if min(widths) < num_probe:
        raise ValueError(
            f"A probe of {num_probe} samples is drawn in any case; widths {list(widths)} must hold it."
        )
    num_samples = samples.correct.shape[1]
    more = np.asarray(widths) - num_probe
    cells = tuple(Cell(f"{named.name} probed k={width}", named.model, named.budget, width) for width in widths)
    if rule == "pass_at_k":
        accuracy = _any_correct(samples, num_probe, more)
    else:
        drawn = orders.draw(len(samples.correct), num_samples, rng=rng, num_fixed=num_probe)
        accuracy = np.stack([orders.first(samples, drawn, width).worth.mean(axis=1) for width in widths], axis=1)
    probe, rest = samples.cost[:, :num_probe].sum(axis=1), samples.cost[:, num_probe:].mean(axis=1)
    cost = (samples.prefill + probe)[:, None] + rest[:, None] * more
    # What follows a probe waits for it.
    before = samples.tokens[:, :num_probe].max(axis=1)[:, None]
    after = serial_tokens(samples.tokens[:, num_probe:], np.maximum(more, 1).tolist()) * (more > 0)
    return Menu(cells, accuracy, cost, before + after)


def _any_correct(samples: Pool, num_probe: int, more: Ints) -> Floats:
    """1 where the probe holds a correct sample, else pass@k of the rest; k = 0 adds nothing."""
    solved = samples.correct[:, :num_probe].max(axis=1)[:, None] > 0
    rest = samples.correct[:, num_probe:]
    later = pass_at_k(rest.shape[1], rest.sum(axis=1)[:, None], np.maximum(more, 1)) * (more > 0)
    return np.where(solved, 1.0, later)
