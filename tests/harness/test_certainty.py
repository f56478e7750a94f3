"""How sure a model was: of a token by the likeliest ones, of many by their mean or their least sure stretch."""

import math

import numpy as np
import pytest

from harness.certainty import NUM_LIKELIEST, Certainty, confidence, lowest_mean
from harness.scorers.generator import Generator
from harness.scorers.protocol import Item, RefusedError
from harness.types import Prompt

TRACE = Certainty((-1.0, -2.0, -0.5, -4.0), (4.0, 3.0, 5.0, 1.0))
ANSWER = Certainty((-0.25, -8.0), (6.0, 0.5))


def item(trace: Certainty | None = TRACE, answer: Certainty | None = ANSWER) -> Item:
    return Item(Prompt("t/0", "1 + 1?", {}), "", "2", trace, answer)


def test_a_sure_token_has_a_high_confidence() -> None:
    sure, unsure = np.full(50, -15.0), np.full(50, math.log(1 / 50))
    sure[7] = math.log1p(-49 * math.exp(-15))
    assert confidence(sure) > confidence(unsure) == pytest.approx(math.log(50))


def test_only_the_likeliest_count_in_any_order_and_all_of_a_small_vocabulary() -> None:
    values = -np.random.default_rng(0).exponential(size=60)
    assert confidence(values.tolist()) == pytest.approx(-np.sort(values)[-NUM_LIKELIEST:].mean())
    assert confidence(values[:5].tolist()) == pytest.approx(-values[:5].mean())


@pytest.mark.parametrize("window", [1, 2, 7, 40, 41, 2048, None])
def test_the_lowest_mean_is_that_of_every_window(window: int | None) -> None:
    values = np.random.default_rng(1).normal(size=40)
    size = min(window or 40, 40)
    expected = min(values[start : start + size].mean() for start in range(40 - size + 1))
    assert lowest_mean(values.tolist(), window) == pytest.approx(expected)


def test_tokens_that_the_model_did_not_write_are_left_out() -> None:
    given = (*TRACE.first(2).logprobs, math.nan, math.nan, math.nan)
    assert lowest_mean(given, None) == -1.5
    assert lowest_mean((math.nan,), None) is lowest_mean((), 4) is None


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, -15.75 / 6),
        ({"over": "trace"}, -7.5 / 4),
        ({"over": "answer"}, -8.25 / 2),
        ({"measure": "confidence", "over": "trace"}, 13 / 4),
        ({"measure": "confidence", "over": "trace", "window": 2}, 3.0),
        ({"measure": "confidence", "window": 1}, 0.5),
        ({"measure": "confidence", "over": "trace", "window": 2048}, 13 / 4),
    ],
)
def test_a_score_is_of_the_tokens_that_were_asked_for(settings: dict[str, object], expected: float) -> None:
    score = Generator("mine", **settings).read(item())  # type: ignore[arg-type]
    assert score.score == pytest.approx(expected)
    assert (score.num_read_tokens, score.num_written_tokens) == (0, 0)


def test_what_is_not_stored_is_refused_and_what_is_not_wanted_is_not_missed() -> None:
    for lacking in (item(trace=None), item(answer=None)):
        with pytest.raises(RefusedError, match="no log-probabilities"):
            Generator("mine").read(lacking)
    assert Generator("mine", over="answer").read(item(trace=None)).score == pytest.approx(-4.125)
    with pytest.raises(RefusedError, match="wrote no token"):
        Generator("mine", over="trace").read(item(trace=Certainty()))


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"measure": "entropy"}, "scorer.measure is one of logprob, confidence; got 'entropy'"),
        ({"over": "prompt"}, "scorer.over is one of trace, answer, both"),
        ({"window": 0}, "scorer.window must be at least 1"),
    ],
)
def test_settings_that_are_wrong_are_told(settings: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Generator("mine", **settings)  # type: ignore[arg-type]


def test_another_measure_is_another_version() -> None:
    parts = [
        Generator("mine", **settings).described.parts  # type: ignore[arg-type]
        for settings in ({}, {"measure": "confidence"}, {"over": "trace"}, {"window": 3})
    ]
    assert all(parts[at] != other for at in range(4) for other in parts[:at])
