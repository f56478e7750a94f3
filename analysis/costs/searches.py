"""What a path of a search costs: every way on that was drawn for it, its answer, and each text that was read."""

from typing import NamedTuple

import numpy as np

from analysis.arrays import Floats, Ints
from analysis.costs.cost_models import CostModel
from analysis.costs.shapes import Shape


class Spent(NamedTuple):
    """Tokens of a prompt's paths, P prompts and M paths, the prompt itself left out.

    Of each of N ways on: its place among the P x M paths in rows, where it starts behind the prompt, what was
    written for it. Of each of R readings: the place, and the tokens in the verifier's own. Of each path (P, M):
    where its answer starts and what was written for it.
    """

    way_path: Ints
    way_start: Ints
    way_tokens: Ints
    read_path: Ints
    read_tokens: Ints
    answer_start: Ints
    answer_tokens: Ints


def path_cost(model: CostModel, shape: Shape, verifier: Shape, *, prompt_tokens: Ints, spent: Spent) -> Floats:
    """Cost of each path beside the prompt's one reading, in the cost model's unit; (P, M).

    A beginning that the model wrote or read before is in its cache; the verifier reads each text whole, since
    token-wise pooling finds no beginning cached. Source: as `cost_models.cell_cost`.
    """
    num_paths = spent.answer_start.shape[1]
    prompt = np.asarray(prompt_tokens, dtype=float)
    ways = model.decode(shape, prompt[spent.way_path // num_paths] + spent.way_start, _float(spent.way_tokens))
    answers = model.decode(shape, prompt[:, None] + spent.answer_start, _float(spent.answer_tokens))
    readings = model.prefill(verifier, _float(spent.read_tokens))
    return (
        answers + _summed(spent.way_path, ways, answers.shape) + _summed(spent.read_path, readings, answers.shape)
    )


def search_cost(model: CostModel, shape: Shape, paths: Floats, *, prompt_tokens: Ints, num_paths: Ints) -> Floats:
    """Expected cost of so many paths: the prompt once, and as many times the mean path; (P, M), (K,) -> (P, K).

    Source: by definition; random subsets of paths that know nothing of each other are exchangeable.
    """
    prefill = model.prefill(shape, np.asarray(prompt_tokens, dtype=float))[:, None]
    cost: Floats = prefill + paths.mean(axis=1, keepdims=True) * num_paths
    return cost


def _summed(at: Ints, values: Floats, shape: tuple[int, ...]) -> Floats:
    sums: Floats = np.bincount(at, weights=values, minlength=int(np.prod(shape))).astype(float)
    return sums.reshape(shape)


def _float(tokens: Ints) -> Floats:
    return np.asarray(tokens, dtype=float)
