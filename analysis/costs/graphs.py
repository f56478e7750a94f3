"""What a group of samples costs that works on a prompt together: every call that what is read off depends on."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from analysis.arrays import Floats, Ints
from analysis.costs.cost_models import CostModel
from analysis.costs.shapes import Shape


class Spent(NamedTuple):
    """Tokens of one call: read between what it wrote, and written; P prompts and G groups, (P, G) each."""

    given: Ints
    written: Ints


class Asked(NamedTuple):
    """One text that a model was asked with, its tokens (P, G), and the calls that went on from it.

    is_shared: whether it is the same for every group.
    """

    read: Ints
    calls: Sequence[Spent]
    is_shared: bool


def group_cost(model: CostModel, shape: Shape, asked: Sequence[Asked], num_groups: Sequence[int]) -> Floats:
    """Expected cost a prompt of so many groups; (P, K), in the cost model's unit.

    A text is read once however many calls go on from it, as a prompt is by its samples; one that groups share is
    read once for all of them, and the others cost as often the mean of a group. Source: as
    `cost_models.cell_cost`.
    """
    shared: Floats = np.zeros(())
    own: Floats = np.zeros(())
    for text in asked:
        read = np.asarray(text.read, dtype=float)
        prefill = np.asarray(model.prefill(shape, read), dtype=float)
        if text.is_shared:
            shared = shared + prefill.mean(axis=1)
        else:
            own = own + prefill
        for call in text.calls:
            behind = read + np.asarray(call.given, dtype=float)
            own = own + model.decode(shape, behind, np.asarray(call.written, dtype=float))
            own = own + model.prefill(shape, behind) - prefill
    groups = np.asarray(num_groups, dtype=float)
    cost: Floats = np.asarray(shared)[..., None] + own.mean(axis=1, keepdims=True) * groups
    return cost
