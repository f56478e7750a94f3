"""The server engine against an endpoint that errs in every way: one clear line each, and never the key."""

import asyncio
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.certainty import NUM_LIKELIEST, Certainty
from harness.checkpoint import read_checkpoint
from harness.engines.server import Server, ServerEngine
from harness.types import Completion, EngineFailedError, Model, Request, RequestFailedError, Sampling
from tests import forked
from tests.conftest import RUNG
from tests.harness.scripted_server import CONTEXT, NAME, Reply, ScriptedServer, completion, refusal, reply, serve

KEY = "sk-top-secret-7f3a"
REQUEST = Request((5, 6, 7), 4, 1, Sampling(), (9,))
COMPLETIONS = "/v1/completions"


@pytest.fixture
def scripted() -> Iterator[ScriptedServer]:
    with serve(ScriptedServer()) as server:
        yield server


def use(
    server: ScriptedServer,
    *requests: Request,
    before: Callable[[], None] = lambda: None,
    max_model_len: int = CONTEXT,
    **settings: Any,
) -> list[Completion | BaseException]:
    """What an engine makes of `requests`, after `before` was called; raises what its start raises."""
    model = Model(settings.pop("path", NAME))

    async def run() -> list[Completion | BaseException]:
        chosen = Server(**({"url": server.url, "retries": 1, "timeout_seconds": 5} | settings))
        async with chosen.start(model, max_model_len=max_model_len) as engine:
            before()
            return await asyncio.gather(*map(engine.complete, requests), return_exceptions=True)

    return asyncio.run(run())


def answer_requests(server: ScriptedServer, answer: Callable[[dict[str, Any]], Reply | None]) -> None:
    """Script the completions of all requests but the probe."""
    server.script = lambda path, body: answer(body) if path == COMPLETIONS and body["prompt"] != [0] else None


def test_a_request_is_sent_by_vllms_names_and_read_back(scripted: ScriptedServer) -> None:
    sampling = Sampling(temperature=0.7, top_p=0.9, top_k=20, min_p=0.05)
    (done,) = use(scripted, Request((5, 6, 7), 4, 2**61, sampling, (9,)))
    sent = scripted.requests[-1][1]
    assert isinstance(done, Completion)
    assert (done.token_ids, done.finish_reason, done.num_cached_tokens) == ((9,), "stop", 0)
    expected = {"model": NAME, "prompt": [5, 6, 7], "max_tokens": 4, "seed": 2**61, "stop_token_ids": [9]}
    expected |= {"temperature": 0.7, "top_p": 0.9, "top_k": 20, "min_p": 0.05, "repetition_penalty": 1.0}
    expected |= {"return_token_ids": True, "add_special_tokens": False, "skip_special_tokens": False}
    assert expected.items() <= sent.items()


def test_no_more_strings_to_stop_at_are_sent_than_servers_take(scripted: ScriptedServer) -> None:
    use(scripted, Request((5,), 4, 0, Sampling(), (9,), ("a", "b", "c", "d", "e")))
    assert scripted.requests[-1][1]["stop"] == ["a", "b", "c", "d"]


def test_cached_tokens_are_null_where_the_server_does_not_tell(scripted: ScriptedServer) -> None:
    answer_requests(scripted, lambda body: reply(200, completion(body) | {"usage": None}))
    (done,) = use(scripted, REQUEST)
    assert isinstance(done, Completion) and done.num_cached_tokens is None


def no_token_ids(path: str, body: dict[str, Any]) -> Reply | None:
    return reply(200, completion(body, token_ids=None)) if path == COMPLETIONS else None


def on(path: str, answer: Reply) -> Callable[[str, dict[str, Any]], Reply | None]:
    return lambda asked, body: answer if asked == path else None


@pytest.mark.parametrize(
    ("script", "kind", "message"),
    [
        (
            on("/v1/models", refusal(401, "Unauthorized")),
            EngineFailedError,
            "refuses the key .401: Unauth.*set engine",
        ),
        (
            on("/v1/models", refusal(404, "Not Found")),
            ValueError,
            "no list of models. engine.url usually ends in /v1",
        ),
        (on("/v1/models", Reply(200, b"<html>hello")), ValueError, "did not answer with a list of models"),
        (on("/v1/models", reply(200, [])), ValueError, "did not answer with a list of models"),
        (on("/v1/models", refusal(500, "Oops")), EngineFailedError, "answered 500.*Oops"),
        (no_token_ids, EngineFailedError, "returns no token ids.*return_token_ids"),
        (on(COMPLETIONS, Reply(200, b"{")), EngineFailedError, "answered without a completion"),
        (on(COMPLETIONS, reply(200, {"choices": []})), EngineFailedError, "answered without a completion"),
        (on(COMPLETIONS, refusal(400, "Unknown: top_k")), ValueError, "not a server that isoquant can use.*top_k"),
        (on(COMPLETIONS, refusal(404, "No such model")), EngineFailedError, "answered 404: No such model"),
    ],
    ids=range(10),
)
def test_a_server_that_cannot_be_used_is_told_at_the_start(
    scripted: ScriptedServer, script: Any, kind: type[Exception], message: str
) -> None:
    scripted.script = script
    with pytest.raises(kind, match=message) as error:
        use(scripted, retries=0)
    assert "\n" not in str(error.value)


def test_a_server_that_says_nothing_is_told_at_the_start(scripted: ScriptedServer) -> None:
    scripted.script = on("/v1/models", refusal(200, "", delay=2))
    with pytest.raises(EngineFailedError, match="did not answer within 0.2 seconds"):
        use(scripted, timeout_seconds=0.2, retries=0)


def test_a_model_that_is_not_served_is_told_with_those_that_are(scripted: ScriptedServer) -> None:
    with pytest.raises(ValueError, match="serves scripted, not 'another'. Set engine.served_model"):
        use(scripted, path="another")
    use(scripted, path="another", served_model=NAME)


def test_a_context_too_short_is_told_with_the_flag_that_lengthens_it(scripted: ScriptedServer) -> None:
    with pytest.raises(ValueError, match=f"contexts of {CONTEXT} tokens.*--max-model-len {CONTEXT + 1}"):
        use(scripted, max_model_len=CONTEXT + 1)
    scripted.script = on("/v1/models", reply(200, {"data": [{"id": NAME}]}))
    use(scripted, max_model_len=CONTEXT + 1)


def test_nothing_at_the_url_is_told_at_once() -> None:
    with pytest.raises(EngineFailedError, match="No server answers at http://127.0.0.1:9/v1"):
        use(ScriptedServer(url="http://127.0.0.1:9/v1"), retries=6)


def test_a_request_that_is_refused_fails_alone(scripted: ScriptedServer) -> None:
    answer_requests(scripted, lambda body: refusal(400, "Prompt too long") if len(body["prompt"]) > 3 else None)
    refused, done = use(scripted, Request((1,) * 9, 4, 1, Sampling(), (9,)), REQUEST)
    assert isinstance(refused, RequestFailedError) and "(400): Prompt too long" in str(refused)
    assert isinstance(done, Completion)


@pytest.mark.parametrize(
    ("changes", "kind", "message"),
    [
        ({"finish_reason": "abort"}, RequestFailedError, "ended a request with 'abort'"),
        (
            {"finish_reason": "stop", "token_ids": [4]},
            EngineFailedError,
            "stopped a completion without a requested stop string",
        ),
        (
            {"finish_reason": "length", "token_ids": []},
            EngineFailedError,
            "stopped a completion without a requested stop string",
        ),
        ({"token_ids": ["a"]}, EngineFailedError, "token_ids.0: Input should be a valid integer; got 'a'"),
        ({"token_ids": None}, EngineFailedError, "returns no token ids"),
    ],
)
def test_a_completion_that_is_none_is_refused(
    scripted: ScriptedServer, changes: dict[str, Any], kind: type[Exception], message: str
) -> None:
    answer_requests(scripted, lambda body: reply(200, completion(body, **changes)))
    (failed,) = use(scripted, REQUEST)
    assert type(failed) is kind and message in str(failed)


CERTAIN = Request((5, 6, 7), 2, 1, Sampling(logprobs=True), ())
TOLD = {
    "token_logprobs": [-1.0, 0.0],
    "top_logprobs": [{"token_id:7": -1.0, "token_id:8": -3.0}, {"token_id:7": 0.0}],
}


def test_log_probabilities_are_asked_for_and_read(scripted: ScriptedServer) -> None:
    answer_requests(scripted, lambda body: reply(200, completion(body, logprobs=TOLD)))
    (done,) = use(scripted, CERTAIN)
    assert isinstance(done, Completion) and done.certainty == Certainty((-1.0, 0.0), (2.0, 0.0))
    asked = scripted.requests[-1][1]
    assert asked["logprobs"] == NUM_LIKELIEST and asked["return_tokens_as_token_ids"]
    (plain,) = use(scripted, dataclasses.replace(CERTAIN, sampling=Sampling()))
    assert isinstance(plain, Completion) and plain.certainty is None
    assert not {"logprobs", "return_tokens_as_token_ids"} & scripted.requests[-1][1].keys()


@pytest.mark.parametrize(
    ("told", "message"),
    [
        (None, "returned no log-probabilities for its 2 tokens"),
        ({"token_logprobs": [-1.0, 0.0]}, "returned no log-probabilities"),
        (TOLD | {"token_logprobs": [-1.0]}, "returned no log-probabilities for its 2 tokens"),
        (TOLD | {"top_logprobs": [{"a": -1.0}] * 3}, "returned no log-probabilities for its 2 tokens"),
        (TOLD | {"token_logprobs": [0.5, 0.0]}, "less than or equal to 0.001; got 0.5"),
        (TOLD | {"token_logprobs": [None, 0.0]}, "token_logprobs.0: Input should be a valid number"),
        (TOLD | {"top_logprobs": [{"a": "b"}, {"a": 0.0}]}, "Input should be a valid number"),
        (TOLD | {"top_logprobs": [{}, {"a": 0.0}]}, "should have at least 1 item"),
    ],
)
def test_log_probabilities_that_are_none_are_refused(scripted: ScriptedServer, told: Any, message: str) -> None:
    answer_requests(scripted, lambda body: reply(200, completion(body, logprobs=told)))
    (failed,) = use(scripted, CERTAIN)
    assert isinstance(failed, EngineFailedError) and message in str(failed)


def test_a_server_that_adds_tokens_to_the_prompt_is_refused(scripted: ScriptedServer) -> None:
    answer_requests(scripted, lambda body: reply(200, completion(body) | {"usage": {"prompt_tokens": 4}}))
    (failed,) = use(scripted, REQUEST)
    assert isinstance(failed, EngineFailedError) and "read 4 tokens from a prompt of 3" in str(failed)


@pytest.mark.parametrize("first", [refusal(503, "Busy"), refusal(429, "Slow down"), Reply(200, b"{", missing=9)])
def test_a_request_that_the_server_did_not_take_is_sent_again(scripted: ScriptedServer, first: Reply) -> None:
    answer_requests(scripted, lambda body: first if len(scripted.prompts) == 1 else None)
    (done,) = use(scripted, REQUEST)
    assert isinstance(done, Completion)
    assert scripted.prompts == [[5, 6, 7]] * 2


def test_an_error_that_does_not_pass_ends_the_engine_after_the_retries(scripted: ScriptedServer) -> None:
    answer_requests(scripted, lambda body: refusal(500, "EngineCore\nencountered an issue"))
    (failed,) = use(scripted, REQUEST, retries=2)
    assert isinstance(failed, EngineFailedError)
    assert str(failed).endswith("answered 500, and did so 2 times again: EngineCore encountered an issue")
    assert len(scripted.prompts) == 3


def test_an_answer_that_is_late_ends_the_engine(scripted: ScriptedServer) -> None:
    answer_requests(scripted, lambda body: reply(200, completion(body), delay=6))
    (failed,) = use(scripted, REQUEST, timeout_seconds=2, retries=0)
    assert isinstance(failed, EngineFailedError) and "did not answer within 2 seconds" in str(failed)


def test_a_connection_that_is_gone_ends_the_engine() -> None:
    async def run() -> None:
        with serve(ScriptedServer()) as server:
            starting = Server(server.url, retries=1).start(Model(NAME), max_model_len=CONTEXT)
            engine: ServerEngine = await starting.__aenter__()
        with pytest.raises(EngineFailedError, match="No server answers at"):
            await engine.complete(REQUEST)
        await starting.__aexit__(None, None, None)

    asyncio.run(run())


def test_no_more_requests_are_under_way_than_max_num_seqs(scripted: ScriptedServer) -> None:
    answer_requests(scripted, lambda body: reply(200, completion(body), delay=0.02))
    done = use(scripted, *[REQUEST] * 40, max_num_seqs=8)
    assert all(isinstance(each, Completion) for each in done)
    assert 4 <= scripted.most_at_once <= 8


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"url": "127.0.0.1:8000"}, "engine.url must look like"),
        ({"url": "http://127.0.0.1:99999/v1"}, "engine.url must look like"),
        ({"url": "http://[::1/v1"}, "engine.url must look like"),
        ({"url": f"http://me:{KEY}@host/v1"}, "must not contain a key"),
        ({"url": f"http://host/v1?key={KEY}"}, "must not contain a key"),
        ({"api_key_variable": KEY}, "name of an environment variable, not the key"),
        ({"max_num_seqs": 0}, "max_num_seqs must be at least 1"),
        ({"retries": -1}, "retries must not be negative"),
        ({"timeout_seconds": 0}, "timeout_seconds must be positive"),
        ({"timeout_seconds": float("nan")}, "timeout_seconds must be positive"),
    ],
)
def test_a_bad_setting_is_told_without_what_may_be_a_key(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        Server(**settings)
    assert KEY not in str(error.value)


@pytest.mark.parametrize("value", [None, "", " \n", "schlüssel"])
def test_a_variable_without_a_key_is_told_before_anything_is_written(
    monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    monkeypatch.delenv("MY_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("MY_KEY", value)
    with pytest.raises(ValueError, match="is empty. Set it to the key and export it"):
        Server(api_key_variable="MY_KEY").settle(RUNG, read_checkpoint(RUNG).architecture, max_model_len=64)


def test_the_key_is_sent_where_a_variable_is_named_and_none_else(
    scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    use(scripted, REQUEST)
    assert set(scripted.keys) == {"Bearer none"}
    scripted.keys.clear()
    use(scripted, REQUEST, api_key_variable="OPENAI_API_KEY")
    assert set(scripted.keys) == {f"Bearer {KEY}"}


@pytest.mark.parametrize("status", [400, 401, 500])
def test_a_server_that_repeats_the_key_does_not_make_it_known(
    scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    answer_requests(scripted, lambda body: refusal(status, f"Incorrect API key provided: {KEY}"))
    (failed,) = use(scripted, REQUEST, api_key_variable="MY_KEY", retries=0)
    assert isinstance(failed, EngineFailedError | RequestFailedError)
    assert "provided: ***" in str(failed)
    # What a traceback would print.
    assert failed.__cause__ is None and failed.__suppress_context__


def test_a_sweep_through_a_server_leaves_the_key_in_no_file_and_no_line(
    scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    settings = [f"engine.url={scripted.url}", f"engine.served_model={NAME}", "engine.api_key_variable=MY_KEY"]
    small = [
        "model=countdown-33k",
        "task.size=2",
        "grid.widths=[1,2]",
        "grid.budgets=[0,8]",
        f"run={tmp_path}/run",
    ]
    command = ["engine=server", *settings, *small, f"hydra.run.dir={tmp_path}/hydra", "hydra.mode=RUN"]
    done = forked.run("sweeps", *command, environment={"MY_KEY": KEY})
    assert done.code == 0, done.err
    assert "4 samples" in done.out and len(scripted.prompts) >= 8
    assert f"Bearer {KEY}" in scripted.keys
    written = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert any(b"MY_KEY" in content for content in written.values())
    assert [path for path, content in written.items() if KEY.encode() in content] == []
    assert KEY not in done.out + done.err
