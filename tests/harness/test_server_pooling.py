"""Scores from a server's /classify and /pooling: raw labels of the token ids that were sent, or a clear line."""

import asyncio
import math
from collections.abc import Iterator
from typing import Any

import pytest

from harness.engines.pooling import Head, Pooled
from harness.engines.server import Server
from harness.types import EngineFailedError, Model, RequestFailedError
from tests.harness.scripted_server import CONTEXT, NAME, Reply, ScriptedServer, refusal, reply, serve

OUTCOME, TOKENS = Head("classify", 1), Head("token_classify", 2)
CAUSAL = Head("token_classify", 2, of_tokens=("-", "+"), architecture="Made")
ROUTES = {OUTCOME: "/classify", TOKENS: "/pooling", CAUSAL: "/pooling"}
IDS = (5, 6, 7)


@pytest.fixture
def scripted() -> Iterator[ScriptedServer]:
    with serve(ScriptedServer()) as server:
        yield server


def answered(head: Head, asked: list[int], **changes: Any) -> dict[str, Any]:
    """What vLLM answers: a text's labels from /classify, and from /pooling a row a token."""
    made = (
        {"probs": [-2.5], "label": "LABEL_0"} if head == OUTCOME else {"data": [[float(i), -0.5] for i in asked]}
    )
    usage = {"prompt_tokens": len(asked), "prompt_tokens_details": {"cached_tokens": 1}}
    return {"model": NAME, "data": [made], "usage": usage} | changes


def pool(server: ScriptedServer, head: Head, answer: Any = None, **settings: Any) -> Pooled | BaseException:
    """What is read of three tokens; answer: the reply to them, where it is not vLLM's own."""

    def script(path: str, body: dict[str, Any]) -> Reply | None:
        if path != ROUTES[head]:
            return None
        is_probe = len(body["input"]) == 1
        return reply(200, answered(head, body["input"])) if is_probe or answer is None else answer

    async def run() -> Pooled | BaseException:
        chosen = Server(**({"url": server.url, "retries": 0, "timeout_seconds": 5} | settings))
        async with chosen.start_pooling(Model(NAME), max_model_len=CONTEXT, head=head) as pooling:
            (found,) = await asyncio.gather(pooling.pool(IDS), return_exceptions=True)
            return found

    server.script = script
    return asyncio.run(run())


@pytest.mark.parametrize("head", [OUTCOME, TOKENS, CAUSAL], ids=["outcome", "tokens", "causal"])
def test_labels_are_raw_and_of_the_tokens_that_were_sent(head: Head, scripted: ScriptedServer) -> None:
    labels = [[-2.5]] if head == OUTCOME else [[5.0, -0.5], [6.0, -0.5], [7.0, -0.5]]
    assert pool(scripted, head) == Pooled(labels, 1)
    path, sent = scripted.requests[-1]
    expected = {"model": NAME, "input": [5, 6, 7], "use_activation": False, "add_special_tokens": False}
    # Beside the OpenAI routes, not among them.
    assert path == ROUTES[head] and expected.items() <= sent.items()
    assert sent.get("task") == (None if head == OUTCOME else "token_classify")


# What a server may say instead, and what is told of it.
LIES: list[tuple[Head, dict[str, Any], str]] = [
    (OUTCOME, {"model": "another"}, "answered as 'another', but 'scripted' was requested"),
    (OUTCOME, {"usage": {"prompt_tokens": 4}}, "read 4 tokens from a prompt of 3 token ids"),
    (OUTCOME, {"usage": {"prompt_tokens": "3"}}, "usage.prompt_tokens: .*valid integer"),
    (OUTCOME, {"data": []}, "data: .*at least 1 item"),
    (OUTCOME, {"data": [{"probs": [1.0]}, {"probs": [2.0]}]}, "data: .*at most 1 item"),
    (OUTCOME, {"data": [{"probs": []}]}, "at least 1 item"),
    (OUTCOME, {"data": [{}]}, "data.0 holds no labels"),
    (OUTCOME, {"data": [{"probs": ["1.0"]}]}, "probs.0: .*valid number"),
    (OUTCOME, {"data": [{"probs": [math.nan]}]}, "finite number"),
    (OUTCOME, {"data": [{"probs": [math.inf]}]}, "finite number"),
    (OUTCOME, {"data": [{"probs": [10**400]}]}, "finite number"),
    (OUTCOME, {"data": [{"probs": [3.5e38]}]}, "less than or equal to"),
    (TOKENS, {"data": [{"data": [[1.0, -3.5e38]] * 3}]}, "greater than or equal to"),
    (OUTCOME, {"data": [{"probs": [0.5, 0.5]}]}, "rows of 2 labels where 1 were due.*this checkpoint"),
    (TOKENS, {"data": [{"data": [[1.0]] * 3}]}, "rows of 1 labels where 2 were due"),
    (TOKENS, {"data": [{"data": [[1.0] * 5000] * 3}]}, "rows of 5000 labels where 2 were due"),
    (OUTCOME, {"data": [{"data": [[1.0], [2.0], [3.0]]}]}, "3 rows of labels where 1 were due.*--runner pooling"),
    # What a row of one label says is its value, and of two a chance.
    (OUTCOME, {"data": [{"probs": [1.0, 2.0]}]}, "rows of 2 labels where 1 were due"),
    (TOKENS, {"data": [{"data": [[1.0]] * 3}]}, "rows of 1 labels where 2 were due"),
    (TOKENS, {"data": [{"data": [[1.0, 2.0, 3.0]] * 3}]}, "rows of 3 labels where 2 were due"),
    (TOKENS, {"data": [{"data": [1.0, 2.0]}]}, "1 rows of labels where 3 were due.*tok_pooling_type.*ALL"),
    (TOKENS, {"data": [{"data": [[1.0, 2.0]] * 2}]}, "2 rows of labels where 3 were due"),
    (TOKENS, {"data": [{"data": [[1.0, 2.0], [1.0], [1.0, 2.0]]}]}, "rows of 1, 2 labels where 2 were due"),
    (TOKENS, {"data": [{"data": "AAAA"}]}, "data.0.data"),
    (TOKENS, {"usage": {"prompt_tokens_details": {"cached_tokens": 9}}}, "9 tokens of a prompt of 3 in its cache"),
    (CAUSAL, {"data": [{"data": [[1.0, 2.0, 3.0]] * 3}]}, "rows of 3 labels.*classifier_from_token"),
    (TOKENS, {"error": {"message": "out of memory"}, "data": None}, "an error, 'out of memory'"),
]


@pytest.mark.parametrize(("head", "changes", "told"), LIES)
def test_what_a_server_says_of_scores_is_not_believed_without_a_look(
    head: Head, changes: dict[str, Any], told: str, scripted: ScriptedServer
) -> None:
    found = pool(scripted, head, reply(200, answered(head, list(IDS), **changes)))
    assert isinstance(found, EngineFailedError)
    with pytest.raises(EngineFailedError, match=told):
        raise found


def test_a_text_that_a_server_refuses_fails_alone(scripted: ScriptedServer) -> None:
    found = pool(scripted, OUTCOME, refusal(400, "longer than the maximum model length"))
    assert isinstance(found, RequestFailedError) and "maximum model length" in str(found)


def test_a_server_that_does_not_pool_is_told_at_the_start(
    scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ROUTES, OUTCOME, "/nowhere")
    with pytest.raises(
        EngineFailedError, match=r"/v1 answered 404: Not Found. It has to be started with --runner pooling"
    ):
        pool(scripted, OUTCOME)
    monkeypatch.setenv("KEY_OF_MINE", "secret")
    monkeypatch.setitem(ROUTES, OUTCOME, "/classify")
    found = pool(scripted, OUTCOME, reply(200, {"error": "secret is wrong"}), api_key_variable="KEY_OF_MINE")
    assert "*** is wrong" in str(found) and "secret" not in str(found)
    assert scripted.keys[-1] == "Bearer secret"


def test_a_scorer_whose_texts_are_too_long_for_the_server_is_told_at_the_start(scripted: ScriptedServer) -> None:
    async def start() -> None:
        async with Server(scripted.url).start_pooling(Model(NAME), max_model_len=CONTEXT + 1, head=OUTCOME):
            pass

    with pytest.raises(ValueError, match=f"contexts of {CONTEXT} tokens.*leave out longer answers"):
        asyncio.run(start())
