"""A goal whose first decisions came with the run: they lift no cap, and ask for no more than the user allows."""

from pathlib import Path
from typing import Any

import pytest

from analysis.goals.settings import Accuracy
from analysis.runs.spending import Spent, Written
from results import decisions
from sweeps import goals
from sweeps.goals import Pursuit, plan_round, words_of_round

MODELS = ("small", "large")
SPENT = Spent({name: Written(1000, 20, 0, 10, 500) for name in MODELS}, 0, 36.0)


def pursuit(root: Path, **caps: float) -> Pursuit:
    prices = {name: {"prompt": 1.0, "decoded": 2.0} for name in MODELS}
    return Pursuit(root, "task", Accuracy(**caps), MODELS, 40, (1, 2), prices)  # type: ignore[arg-type]


def first(pursued: Pursuit, **amounts: Any) -> dict[str, Any]:
    """Store a first decision; as it is read back."""
    return goals._enter(pursued, goals._pilot(pursued, SPENT) | amounts)


def test_what_was_spent_is_never_below_0(tmp_path: Path) -> None:
    told = {"num_tokens": 5000, "device_seconds": 1e9, "usd": 1e6}
    assert pursuit(tmp_path).used(told, SPENT) == {"tokens": 0, "device_hours": 0.0, "usd": 0.0}
    used = pursuit(tmp_path).used({"num_tokens": 500, "device_seconds": 0.0, "usd": 0.0}, SPENT)
    assert used == {"tokens": 1500, "device_hours": 0.01, "usd": pursuit(tmp_path).count_usd(SPENT)}


@pytest.mark.parametrize(
    ("amounts", "caps"),
    [
        ({"num_tokens": 10_000}, {}),
        ({"num_tokens": 10_000}, {"max_tokens": 3000}),
        ({"device_seconds": 37.0}, {"max_device_hours": 1.0}),
        ({"usd": 9.0}, {"max_usd": 1.0}),
    ],
)
def test_a_first_decision_above_what_is_stored_is_refused(
    amounts: dict[str, float], caps: dict[str, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analysis.runs.spending.read", lambda root: SPENT)
    pursued = pursuit(tmp_path, **caps)
    first(pursued, **amounts)
    with pytest.raises(ValueError, match="what is stored comes to") as told:
        plan_round(pursued)
    assert "\n" not in str(told.value)


def test_a_first_decision_of_what_is_stored_goes_on(tmp_path: Path) -> None:
    pursued = pursuit(tmp_path, max_tokens=9000)
    # Without a cap in dollars their price is nobody's matter.
    stored = first(pursued, usd=9.0)
    assert goals._read_stored(pursued, SPENT) == [stored]


def test_decisions_on_other_models_are_refused(tmp_path: Path) -> None:
    pursued = pursuit(tmp_path)
    first(pursued, targets={"small": (10, 2), "other": (10, 2)})
    with pytest.raises(ValueError, match="of other models"):
        goals._read_stored(pursued, SPENT)


def test_no_round_draws_more_prompts_than_the_most(tmp_path: Path) -> None:
    pursued = pursuit(tmp_path)
    row = first(pursued, targets={"small": (2**30, 2), "large": (20, 2)})
    words = words_of_round(pursued, [row], {}, (), SPENT)
    assert [words[name][0] for name in MODELS] == ["task.size=40", "task.size=20"]


def test_what_was_spent_stays_spent_though_rows_were_lost(tmp_path: Path) -> None:
    from analysis.commands.goal import Advice
    from analysis.goals.planner import Action

    pursued = pursuit(tmp_path)
    before = first(pursued, num_tokens=3000)
    advice = Advice([], {}, Action({name: (10, 2) for name in MODELS}, 0.0, "", 0.0, 0.0), SPENT, [])  # type: ignore
    after = goals._enter(pursued, goals._row(pursued, advice, before))
    assert (after["round"], after["num_tokens"]) == (1, 3000)
    assert decisions.read(tmp_path, pursued.digest) == [before, after]
