"""What every engine promises, on the real ones: vLLM in this process, and vLLM's own server on this machine."""

import asyncio
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.certainty import NUM_LIKELIEST
from harness.engines.server import Server
from harness.engines.vllm import CPU_OPTIONS
from harness.types import Completion, Model, Request, RequestFailedError, Sampling
from results import store
from results.schema import ANSWERS, GRADES, TRACES
from sweeps.provenance import list_gpus
from tests.conftest import RUNG, Running

GREEDY = Sampling(temperature=0)
BLOCK = 16 if list_gpus() else CPU_OPTIONS["block_size"]
PROMPTS = tuple(
    f"{problem}<think>"
    for problem in ("1 2 3=6", "4 5 6=26", "9 8 2=34", "7 3 5=16", "2 9 4=22", "6 6 1=36", "8 1 5=40", "3 3 3=27")
)


@pytest.fixture(params=["vllm", pytest.param("server", marks=pytest.mark.server)])
def served(request: pytest.FixtureRequest) -> Running:
    running: Running = request.getfixturevalue({"vllm": "running", "server": "serving"}[request.param])
    return running


def ask(
    served: Running, prompt: str = PROMPTS[0], *, max_tokens: int = 48, sampling: Sampling = GREEDY
) -> Request:
    """A request that stops at nothing."""
    ids = served.renderer.tokenizer.encode(prompt, add_special_tokens=False)
    return Request(tuple(ids), max_tokens, 1, sampling)


def complete(served: Running, request: Request) -> Completion:
    completion: Completion = served.run(served.engine.complete(request))
    return completion


@pytest.mark.server
@pytest.mark.parametrize("sampling", [GREEDY, Sampling()], ids=["greedy", "sampled"])
def test_both_engines_write_the_same_tokens_one_request_at_a_time(
    running: Running, serving: Running, sampling: Sampling
) -> None:
    stops = (running.renderer.close_id, *running.renderer.eos_ids)
    for prompt in PROMPTS:
        request = replace(ask(running, prompt, sampling=sampling, max_tokens=200), stop_ids=stops)
        ours, theirs = complete(running, request), complete(serving, request)
        assert (ours.token_ids, ours.finish_reason) == (theirs.token_ids, theirs.finish_reason)


def test_log_probabilities_change_no_token_and_are_those_of_transformers(served: Running) -> None:
    import torch
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(RUNG.path, dtype=torch.float32).eval()
    for prompt in PROMPTS[:3]:
        request = ask(served, prompt, sampling=Sampling(temperature=1.3, top_k=8))
        done = complete(served, replace(request, sampling=replace(request.sampling, logprobs=True)))
        assert done.token_ids == complete(served, request).token_ids and done.certainty is not None
        with torch.no_grad():
            logits_TV = model(torch.tensor([request.prompt_ids + done.token_ids[:-1]])).logits[0]
        behind_NV = torch.log_softmax(logits_TV[len(request.prompt_ids) - 1 :], dim=-1).numpy()
        drawn = [float(row[token]) for row, token in zip(behind_NV, done.token_ids, strict=True)]
        assert done.certainty.logprobs == pytest.approx(drawn, abs=1e-3)
        likeliest = [-np.sort(row)[-NUM_LIKELIEST:].mean() for row in behind_NV]
        assert done.certainty.confidences == pytest.approx(likeliest, abs=1e-3)


@pytest.mark.parametrize("max_tokens", [1, 7, 33])
def test_without_a_stop_id_exactly_max_tokens_are_written(served: Running, max_tokens: int) -> None:
    completion = complete(served, ask(served, max_tokens=max_tokens))
    assert (len(completion.token_ids), completion.finish_reason) == (max_tokens, "length")


def test_a_completion_ends_with_the_first_stop_id_it_meets(served: Running) -> None:
    free = complete(served, ask(served)).token_ids
    stop = free[len(free) // 2]
    completion = complete(served, replace(ask(served), stop_ids=(stop,)))
    assert completion.token_ids == free[: free.index(stop) + 1]
    assert completion.finish_reason == "stop"


def test_the_end_of_text_stops_where_it_is_a_stop_id_and_nowhere_else(served: Running) -> None:
    (eos,) = served.renderer.eos_ids
    request = ask(served, PROMPTS[0] + "</think>")
    free = complete(served, request).token_ids
    assert eos in free[:-1]
    completion = complete(served, replace(request, stop_ids=(eos,)))
    assert completion.token_ids == free[: free.index(eos) + 1]
    assert completion.finish_reason == "stop"


def test_a_completion_ends_with_the_token_that_brings_a_string_to_stop_at(served: Running) -> None:
    free = complete(served, ask(served)).token_ids
    # Of the text of two tokens in the middle: it begins in the one and ends in the other.
    text = served.renderer.decode(free[20:22])
    assert len(text) >= 2
    completion = complete(served, replace(ask(served), stop=(text,)))
    first = next(n for n in range(1, len(free) + 1) if text in served.renderer.decode(free[:n]))
    assert completion.token_ids == free[:first]
    assert completion.finish_reason == "stop"


def test_of_several_strings_the_first_that_is_met_stops_and_one_that_never_comes_does_not(served: Running) -> None:
    free = complete(served, ask(served)).token_ids
    late, soon = served.renderer.decode(free[30:33]), served.renderer.decode(free[8:11])
    first = next(
        n for n in range(1, len(free) + 1) if any(s in served.renderer.decode(free[:n]) for s in (late, soon))
    )
    assert complete(served, replace(ask(served), stop=(late, soon))).token_ids == free[:first]
    never = complete(served, replace(ask(served), stop=("no rung writes this",)))
    assert (never.token_ids, never.finish_reason) == (free, "length")


def test_a_stop_id_and_a_string_to_stop_at_each_end_a_completion(served: Running) -> None:
    free = complete(served, ask(served)).token_ids
    string, stop_id = served.renderer.decode(free[10:12]), free[40]
    both = replace(ask(served), stop=(string,), stop_ids=(stop_id,))
    by_string = next(n for n in range(1, len(free) + 1) if string in served.renderer.decode(free[:n]))
    assert complete(served, both).token_ids == free[: min(by_string, free.index(stop_id) + 1)]


def test_a_string_in_the_prompt_stops_nothing(served: Running) -> None:
    request = ask(served)
    free = complete(served, request)
    assert complete(served, replace(request, stop=("<think>",))).token_ids == free.token_ids


def test_a_seed_repeats_its_completion_alone_and_another_does_not(served: Running) -> None:
    request = ask(served, sampling=Sampling(temperature=1.5))
    first, again = complete(served, request), complete(served, request)
    assert first.token_ids == again.token_ids != complete(served, replace(request, seed=2)).token_ids


@pytest.mark.parametrize(
    "sampling", [Sampling(top_k=1), Sampling(top_p=1e-6), Sampling(min_p=1.0)], ids=["top_k", "top_p", "min_p"]
)
def test_the_likeliest_token_alone_is_greedy(served: Running, sampling: Sampling) -> None:
    for prompt in PROMPTS[:3]:
        greedy = complete(served, ask(served, prompt)).token_ids
        assert complete(served, ask(served, prompt, sampling=sampling)).token_ids == greedy


def test_sixty_four_requests_at_once_finish(served: Running) -> None:
    requests = [
        replace(ask(served, PROMPTS[i % 8], sampling=Sampling(), max_tokens=32), seed=i) for i in range(64)
    ]

    async def draw() -> list[Completion]:
        return await asyncio.gather(*map(served.engine.complete, requests))

    completions = served.run(draw())
    assert [len(completion.token_ids) for completion in completions] == [32] * 64
    assert len({completion.token_ids for completion in completions}) > 32


@pytest.mark.parametrize("length", [BLOCK, BLOCK + 1, 3 * BLOCK, 3 * BLOCK + 5])
def test_a_prefix_that_comes_again_is_cached_in_whole_blocks(served: Running, length: int) -> None:
    # A prompt that no other test begins with.
    prompt = (3 + length % 11, 4, *[5 + i % 7 for i in range(length - 2)])
    first, again = (complete(served, Request(prompt, 1, 1, GREEDY)) for _ in range(2))
    assert first.num_cached_tokens is not None and first.num_cached_tokens < length
    assert again.num_cached_tokens == (length - 1) // BLOCK * BLOCK


def test_a_prompt_that_is_too_long_fails_alone(served: Running) -> None:
    before = complete(served, ask(served))
    with pytest.raises(RequestFailedError, match=r"320"):
        complete(served, Request((5,) * 400, 4, 1, GREEDY))
    assert complete(served, ask(served)).token_ids == before.token_ids


@pytest.mark.server
def test_a_model_that_the_server_does_not_know_is_refused(server_url: str) -> None:
    async def start() -> None:
        async with Server(server_url).start(Model("another"), max_model_len=320):
            pass

    with pytest.raises(ValueError, match=f"serves {RUNG.path}, not 'another'"):
        asyncio.run(start())


@pytest.mark.server
def test_a_sweep_through_a_server_stores_what_it_asked_for(server_url: str, tmp_path: Path) -> None:
    settings = [f"engine.url={server_url}", "engine.dtype=float32", f"model={RUNG.name}", f"run={tmp_path}/run"]
    small = ["task.size=4", "grid.widths=[1,2]", "grid.budgets=[0,16,64]", "grid.bin_samples=2"]
    command = [sys.executable, "-m", "sweeps", "engine=server", *settings, *small, f"grid.anchor={RUNG.name}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    stored = {table.name: store.scan(tmp_path / "run", table).to_pylist() for table in (TRACES, ANSWERS, GRADES)}
    assert len(stored["traces"]) == 4 * (2 + 2)
    assert len(stored["grades"]) == len(stored["answers"]) >= 4 * 2
    assert all(row["num_cached_tokens"] is not None for row in stored["answers"])
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "no samples to draw" in again.stdout
