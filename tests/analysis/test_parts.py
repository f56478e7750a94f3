import numpy as np
import pytest

from analysis.stats import frontier, parts
from analysis.stats.bootstrap import means_of_each, prompt_weights, weighted_means, weighted_sums
from analysis.stats.difficulty import quantile_bins, quantile_parts
from analysis.stats.pairs import Pairs, area
from analysis.stats.parts import Part, by_label
from analysis.stats.peaks import find_peak

NUM_PROMPTS = 60
RNG = np.random.default_rng(5)
WEIGHTS = prompt_weights(NUM_PROMPTS, num_replicates=2000, rng=RNG)
# Prompts of one score share a bin, which the one of an edge leaves where others are drawn.
SCORES = RNG.integers(0, 6, size=NUM_PROMPTS) / 5
VALUES = RNG.random((NUM_PROMPTS, 4))


@pytest.fixture(params=["at once", "in blocks"])
def bins(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[Part]:
    if request.param == "in blocks":
        monkeypatch.setattr(parts, "BLOCK", 7 * NUM_PROMPTS + 3)
    return quantile_parts(SCORES, WEIGHTS, num_bins=3)


def dense(number: int) -> np.ndarray:
    return np.where(quantile_bins(SCORES, WEIGHTS, num_bins=3) == number, WEIGHTS, 0)


def test_a_part_is_the_weights_of_its_bin_and_zero_elsewhere(bins: list[Part]):
    for number, part in enumerate(bins):
        whole = dense(number)
        assert part.shape == whole.shape and len(part) == len(whole)
        np.testing.assert_array_equal(np.asarray(part), whole)
        for rows in (0, slice(1), slice(3, 11)):
            np.testing.assert_array_equal(part[rows], whole[rows])
        np.testing.assert_array_equal(part.sum(axis=1), whole.sum(axis=1))
        here = SCORES > 0.3
        np.testing.assert_array_equal(np.asarray(part.among(here)), whole[:, here])
        np.testing.assert_array_equal(
            np.asarray(part.among(here).among(VALUES[here, 0] > 0.5))[:, 0],
            whole[:, here][:, VALUES[here, 0] > 0.5][:, 0],
        )


def test_sums_and_means_over_a_part_are_those_over_its_weights(bins: list[Part]):
    for number, part in enumerate(bins):
        whole = dense(number)
        for read in (weighted_sums, weighted_means):
            np.testing.assert_allclose(read(part, VALUES), read(whole, VALUES), rtol=1e-12)
        for one, other in zip(
            means_of_each(part, [VALUES, SCORES[:, None]]), (VALUES, SCORES[:, None]), strict=True
        ):
            np.testing.assert_allclose(one, weighted_means(whole, other), rtol=1e-12)


def test_what_reads_bins_reads_a_part_as_its_weights(bins: list[Part]):
    folds = frontier.draw_folds(NUM_PROMPTS, rng=np.random.default_rng(1))
    cost, pairs = VALUES + np.arange(4), Pairs(SCORES, SCORES + 1)
    for number, part in enumerate(bins):
        found = [
            frontier.cross_fit(VALUES, cost, [1.0, 2.0, 9.0], weights=weights, folds=folds)
            for weights in (part, dense(number))
        ]
        for one, other in zip(*found, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12)
        at = [frontier.read_at(VALUES, found[0].cell, weights=each, folds=folds) for each in (part, dense(number))]
        np.testing.assert_allclose(*at, rtol=1e-12)
        np.testing.assert_allclose(area(pairs, part), area(pairs, dense(number)), rtol=1e-12)
        peaks = [find_peak(VALUES, each) for each in (part, dense(number))]
        assert peaks[0][:2] == peaks[1][:2]


def test_labels_that_never_change_split_the_weights():
    labels = np.arange(NUM_PROMPTS) % 2
    for number, part in enumerate(by_label(WEIGHTS, labels, num_parts=2)):
        np.testing.assert_array_equal(np.asarray(part), np.where(labels == number, WEIGHTS, 0))
