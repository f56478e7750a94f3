"""What the embedded verifiers learn from, and how they are trained and judged."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from transformers import Qwen3ForSequenceClassification

from harness.scorers.protocol import Item
from ladder.verifiers import (
    VERIFIERS,
    Reading,
    auc_within_prompts,
    batches,
    load_answers,
    load_readings,
    score,
    train,
)
from results import store
from results.schema import GRADES

RUNGS = Path("ladder/checkpoints")
BY_NAME = {verifier.name: verifier for verifier in VERIFIERS}


@pytest.fixture(scope="module")
def run() -> Path:
    return Path("results/reference")


@pytest.fixture(scope="module")
def answers(run: Path) -> list[tuple[Item, bool]]:
    """All of them, as if other seeds were for evaluation: reading them takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ladder.verifiers.EVALUATION_SEEDS", range(5, 6))
        return list(load_answers(run))


def reading(prompt_id: str, length: int, *, is_right: bool = True) -> Reading:
    return Reading(prompt_id, tuple(range(3, 3 + length)), (length - 1,), is_right)


class Fixed:
    """Scores each reading by its first token."""

    def __init__(self) -> None:
        self.score = torch.nn.Identity()

    def model(self, input_ids: torch.Tensor, use_cache: bool) -> SimpleNamespace:
        first = input_ids[:, :1].float()
        return SimpleNamespace(last_hidden_state=first[:, None, :].expand(-1, input_ids.shape[1], -1))


def test_problems_of_evaluation_seeds_teach_no_verifier(run: Path) -> None:
    # The reference run is drawn from them.
    assert list(load_answers(run)) == []


def test_answers_come_with_the_thinking_that_they_saw_and_their_grade(
    run: Path, answers: list[tuple[Item, bool]]
) -> None:
    assert {type(is_right) for _, is_right in answers} == {bool}
    assert all("</think>" not in item.thinking for item, _ in answers)
    # A model may write a marker into its trace, which is then one token and seven characters.
    lengths = {len(item.thinking) for item, _ in answers if "<" not in item.thinking}
    assert {0, 16, 32} <= lengths and max(lengths) <= 256
    graded = store.scan(run, GRADES, columns=["correct"])["correct"].to_pylist()
    share = np.mean([is_right for _, is_right in answers])
    assert share == pytest.approx(np.mean(graded), abs=0.02)


@pytest.mark.parametrize("name", BY_NAME)
def test_a_verifier_is_scored_where_it_is_read(
    name: str, run: Path, answers: list[tuple[Item, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ladder.verifiers.load_answers", lambda _: answers[:500])
    for each in load_readings(run, BY_NAME[name], RUNGS):
        assert each.scored[-1] == len(each.ids) - 1, "the last position is that of the answer's last token"
        assert list(each.scored) == sorted(set(each.scored)) and each.scored[0] >= 0
        text = "".join(TOKENS[token] for token in each.ids)
        if BY_NAME[name].kind == "outcome":
            assert not set("<>") & set(text[each.scored[0] :]) and text[each.scored[0] - 1] in "<>"
        else:
            steps = [
                part for part in text.partition("<")[2].replace("<", ";").replace(">", ";").split(";") if part
            ]
            assert len(each.scored) == len(steps)


# One letter a token: the markers' are < and >.
TOKENS = ["$", "<", ">", *" 0123456789+-*/()=;"]


def test_every_reading_is_in_one_batch_an_epoch_and_batches_are_drawn_anew_alike() -> None:
    readings = [reading(str(number), 1 + number % 50) for number in range(300)]
    drawn = batches(readings, seed=3, tokens_per_batch=200)
    num_tokens, epoch = 0, []
    while num_tokens < sum(len(each.ids) for each in readings):
        epoch.append(next(drawn))
        num_tokens += sum(len(each.ids) for each in epoch[-1])
    assert sorted(each.prompt_id for part in epoch for each in part) == sorted(each.prompt_id for each in readings)
    assert max(sum(len(each.ids) for each in part) for part in epoch) <= 200 + 50
    again = batches(readings, seed=3, tokens_per_batch=200)
    assert [next(again) for _ in epoch] == epoch
    assert next(again) != epoch[0]


def test_padding_changes_no_score() -> None:
    torch.manual_seed(0)
    # As training reads it: in the bfloat16 that it is stored in, sums depend on what they are summed beside.
    model: Any = Qwen3ForSequenceClassification.from_pretrained(
        RUNGS / "countdown-33k", num_labels=1, dtype=torch.float32
    )
    torch.nn.init.normal_(model.score.weight)
    several = [reading("a", 5), reading("b", 11), reading("c", 2)]
    alone = torch.cat([score(model, [each]) for each in several])
    assert torch.allclose(score(model, several), alone, atol=1e-5)


def test_pairs_are_within_prompts_and_ties_count_half() -> None:
    rows = [("a", 9, True), ("a", 5, False), ("a", 9, False), ("b", 1, True), ("b", 8, False), ("c", 30, True)]
    readings = [Reading(prompt, (first, 4), (1,), right) for prompt, first, right in rows]
    # Of the three pairs one is won and one tied; prompt c has none.
    assert auc_within_prompts(Fixed(), readings) == pytest.approx(0.5)


def test_training_lowers_the_loss_and_resumes(tmp_path: Path) -> None:
    # Right where the last token is even: a few steps are enough to tell.
    rng = np.random.default_rng(0)
    readings = [
        Reading(str(number // 2 % 40), (*rng.integers(3, 20, 6).tolist(), 4 + number % 2), (6,), number % 2 == 0)
        for number in range(800)
    ]
    verifier = BY_NAME["verifier-33k"]
    short = type(verifier)(verifier.name, verifier.kind, verifier.rung, num_steps=60)
    train(short, readings, rungs=RUNGS, out=tmp_path / "out", cache=tmp_path / "cache")
    record = (tmp_path / "out" / verifier.name / "training.json").read_text()
    assert '"held_out_auc_within_prompts": 1.0' in record
    assert (tmp_path / "out" / verifier.name / "model.safetensors").stat().st_size < 100_000
