"""vLLM's pooled scores against transformers', on random checkpoints of the real classes."""

import asyncio
import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.engines.server import Server
from tests.harness.heads import build_tokenizer, load_process_model, write_heads
from tests.harness.pool_all import ITEMS, SETTINGS, pool, scorers
from tests.real_server import serve_model

# An engine a shape.
pytestmark = pytest.mark.long
SHAPES = ("outcome", "tokens", "tags", "causal", "turns", "asked")


@pytest.fixture(scope="session")
def heads(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return write_heads(tmp_path_factory.mktemp("heads"))


@pytest.fixture(scope="session")
def pooled(heads: dict[str, Path]) -> dict[str, Any]:
    root = heads["outcome"].parent
    command = [sys.executable, "-m", "tests.harness.pool_all", str(root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="session")
def models(heads: dict[str, Path]) -> dict[str, Any]:
    """By shape what gives labels of token ids (1, T) by transformers: (1, L), or (1, T, L)."""
    import transformers

    causal = transformers.LlamaForCausalLM.from_pretrained(heads["causal"]).eval()
    outcome = transformers.Qwen3ForSequenceClassification.from_pretrained(heads["outcome"]).eval()
    tokens = transformers.Qwen3ForTokenClassification.from_pretrained(heads["tokens"]).eval()
    pair, words = (build_tokenizer().convert_tokens_to_ids(list(each)) for each in ("-+", "NY"))
    both = {name: lambda ids: causal(ids).logits[..., pair] for name in ("causal", "turns")}
    return {
        "outcome": lambda ids: outcome(ids).logits[:, None],
        "tokens": lambda ids: tokens(ids).logits,
        "tags": load_process_model(heads["tags"]),
        "asked": lambda ids: causal(ids).logits[..., words],
    } | both


@pytest.mark.parametrize("shape", SHAPES)
def test_pooled_scores_are_those_of_transformers(
    shape: str, pooled: dict[str, Any], models: dict[str, Any]
) -> None:
    import torch

    for read, score in pooled[shape][: len(ITEMS)]:
        with torch.no_grad():
            labels_TL = models[shape](torch.tensor([read["token_ids"]]))[0].numpy()
        if shape == "outcome":
            assert score["score"] == pytest.approx(labels_TL[-1, 0], abs=1e-3) and score["step_scores"] is None
            continue
        at_SL = labels_TL[np.array(read["step_ends"] or [len(labels_TL)]) - 1]
        odds_SL = np.exp(at_SL) / np.exp(at_SL).sum(axis=1, keepdims=True)
        if shape == "asked":
            assert score["score"] == pytest.approx(odds_SL[-1, 1], abs=1e-3) and score["step_scores"] is None
            continue
        assert score["step_scores"] == pytest.approx(odds_SL[:, 1], abs=1e-3)
        assert score["score"] == score["step_scores"][-1] and score["step_ends"] == read["step_ends"]
        assert score["num_read_tokens"] == len(read["token_ids"])


@pytest.mark.server
@pytest.mark.parametrize("shape", ["outcome", "causal"])
def test_a_server_scores_as_the_engine_in_this_process(
    shape: str, pooled: dict[str, Any], heads: dict[str, Path], tmp_path: Path
) -> None:
    settings = scorers(heads["outcome"].parent)[shape]
    # The head is the server's own concern, told by the options that it has to be started with.
    options = shlex.split(settings.prepare(SETTINGS).head.written)
    with serve_model(settings.path, log=tmp_path / "log.txt", settings=SETTINGS, options=options) as url:
        found = asyncio.run(pool(settings, Server(url, dtype="float32", retries=1)))
    for (read, score), (ours_read, ours) in zip(found[:-1], pooled[shape][:-1], strict=True):
        assert list(read["token_ids"]) == ours_read["token_ids"]
        assert score["score"] == pytest.approx(ours["score"], abs=1e-5)
        assert list(score["step_scores"] or []) == pytest.approx(ours["step_scores"] or [], abs=1e-5)
    assert "refused a request (400)" in found[-1]


def test_a_reward_is_raw(pooled: dict[str, Any]) -> None:
    scores = [score["score"] for _, score in pooled["outcome"][: len(ITEMS)]]
    assert min(scores) < 0 or max(scores) > 1


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_read_again_has_the_same_score_and_what_is_too_long_is_refused(
    shape: str, pooled: dict[str, Any]
) -> None:
    first, *_, again, refusal = pooled[shape]
    assert again[1]["score"] == pytest.approx(first[1]["score"], abs=1e-5)
    assert "length 600" in refusal and "maximum model length" in refusal


def test_every_step_has_its_score(pooled: dict[str, Any]) -> None:
    # The token head reads the thinking as a step of its own.
    assert [len(read["step_ends"]) for read, _ in pooled["tokens"][: len(ITEMS)]] == [2, 3, 4, 3, 2]
    for shape in ("tags", "causal", "turns"):
        assert [len(read["step_ends"]) for read, _ in pooled[shape][: len(ITEMS)]] == [1, 2, 3, 2, 1]
