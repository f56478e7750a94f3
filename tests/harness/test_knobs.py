"""Knobs of a backend: they are asked of a server, stored under, and cost what is declared."""

from typing import Any

import pytest

from analysis.costs import cost_models
from analysis.costs.shapes import Shape
from harness.engines.server import write_body
from harness.engines.vllm import Vllm
from harness.knobs import check_knobs, cost_multiplier
from harness.types import Model, Request, Sampling

REQUEST = Request((1, 2), 8, 0, Sampling())


@pytest.mark.parametrize(
    ("knobs", "cost", "expected"),
    [
        ({}, "1", 1.0),
        ({"recurrence": 8}, "1", 1.0),
        ({"recurrence": 8}, "recurrence", 8.0),
        ({"recurrence": 8}, "(2 + 4 * recurrence) / 6", 34 / 6),
        ({"keep": 0.25, "passes": 3}, "0.5 + keep * passes", 1.25),
        ({"recurrence": 2}, "2 ^ recurrence", 4.0),
        ({}, "1.7", 1.7),
        ({}, "1e-3 + 0.5", 0.501),
        ({}, "2.5E+2", 250.0),
        ({"keep": 1e-05}, "keep", 1e-05),
        ({"e3": 1e20}, "e3/1e20", 1.0),
        ({"recurrence": 16}, "sqrt(recurrence)", 4.0),
        ({"round": 16}, "round", 16.0),
    ],
)
def test_a_cost_is_worked_out_over_the_knobs(knobs: dict[str, Any], cost: str, expected: float) -> None:
    assert cost_multiplier(Model("m", knobs=knobs, cost=cost)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("knobs", "cost", "told"),
    [
        ({}, "recurrence", "is no knob with a number; there is none"),
        ({"mode": "fast"}, "mode", "no knob with a number"),
        ({"on": True}, "on", "no knob with a number"),
        ({"r": 8}, "__import__", "no knob with a number"),
        ({"r": 8}, "r +", "cannot be worked out"),
        ({"r": 8}, "r.__class__", "no knob|cannot be worked out"),
        ({"r": 8}, "r - 8", "must be above 0"),
        ({"r": 8}, "9 ** 9 ** 9", "cannot be worked out"),
        ({"r": [8]}, "1", "a number, a text or true or false each"),
        ({"a b": 1}, "1", "a number, a text or true or false each"),
        ({"r": 8}, "10 ^ 7", "below a million"),
        ({"r": float("nan")}, "r", "no knob with a number"),
        ({"r": float("inf")}, "1 / r", "no knob with a number"),
        ({}, "1e999999999", "holds 1e999999999, which is too large"),
        ({}, "1e-999999999", "cannot be worked out|above 0"),
    ],
)
def test_what_is_no_knob_or_no_cost_is_refused_in_a_line(knobs: dict[str, Any], cost: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        check_knobs(Model("m", knobs=knobs, cost=cost))


def test_a_server_is_asked_for_the_knobs_with_every_request_and_for_nothing_that_the_sweep_sets() -> None:
    asked = write_body("m", REQUEST, {"recurrence": 8, "mode": "fast"})["extra_body"]
    plain = write_body("m", REQUEST)["extra_body"]
    assert asked == {**plain, "recurrence": 8, "mode": "fast"}
    for name in ("top_k", "stop", "temperature", "prompt"):
        with pytest.raises(ValueError, match=f"must not have {name}"):
            write_body("m", REQUEST, {name: 1})


def test_vllm_in_this_process_has_no_knobs() -> None:
    with pytest.raises(ValueError, match="engine=server"):
        Vllm().settle(Model("m", knobs={"recurrence": 8}), None, max_model_len=8)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["c1", "c2"])
def test_a_token_that_meets_everything_r_times_costs_r_times(name: str) -> None:
    model, shape = cost_models.choose(name), Shape(1000, 4, 2, 32)
    once, often = (
        (model.prefill(each, 10.0), model.decode(each, 10.0, 20.0)) for each in (shape, shape.repeated(3.5))
    )
    assert often == pytest.approx([3.5 * part for part in once])
