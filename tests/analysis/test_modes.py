"""Modal answers: by counting, and as the vote of all samples."""

from collections import Counter

import numpy as np
import pytest
from scipy.stats import beta

from analysis.stats.estimators import maj_at_k
from analysis.stats.modes import SETTLED, modal_answers


def drawn(rng: np.random.Generator, num_prompts: int = 300, num_samples: int = 7) -> tuple[np.ndarray, np.ndarray]:
    """Votes among up to five answers, two of which are right, and some that are none."""
    votes = rng.integers(-1, 5, size=(num_prompts, num_samples))
    return votes, (votes == 0) | (votes == 3)


def test_the_modal_answer_is_the_vote_of_all_samples():
    votes, correct = drawn(np.random.default_rng(0))
    assert modal_answers(votes, correct).worth == pytest.approx(maj_at_k(votes, correct, [7])[:, 0])


def test_ties_and_what_is_settled_are_as_counted_one_by_one():
    votes, correct = drawn(np.random.default_rng(1))
    found = modal_answers(votes, correct)
    for row in range(len(votes)):
        counts = Counter(int(vote) for vote in votes[row] if vote >= 0)
        right = max((counts[vote] for vote in (0, 3)), default=0)
        wrong = max((counts[vote] for vote in (1, 2, 4)), default=0)
        assert found.is_tied[row] == (right == wrong > 0)
        chance = beta.sf(0.5, max(right, wrong) + 1, min(right, wrong) + 1)
        assert found.is_settled[row] == (chance >= SETTLED or not counts)


@pytest.mark.parametrize(
    ("right", "wrong", "settled"), [(4, 0, True), (3, 0, False), (10, 4, False), (10, 3, True), (8, 8, False)]
)
def test_a_lead_is_settled_from_where_chance_makes_it_once_in_twenty(right: int, wrong: int, settled: bool):
    votes = np.array([[0] * right + [1] * wrong])
    assert (
        modal_answers(votes, votes == 0).is_settled[0] == settled == modal_answers(votes, votes == 1).is_settled[0]
    )


def test_where_nobody_votes_the_prompt_is_not_right_and_no_tie():
    found = modal_answers(np.full((1, 4), -1), np.zeros((1, 4)))
    assert (found.worth[0], found.is_tied[0], found.is_settled[0]) == (0, False, True)
