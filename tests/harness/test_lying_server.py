"""A server that lies, in every field that is read: a clear line each time,
and nothing false is taken for an answer.
"""

import asyncio
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from harness.engines import transport
from harness.engines.server import Server
from harness.samples import Pending, finish_sample
from harness.types import Completion, EngineFailedError, Model, RequestFailedError
from results import store
from results.cuts import along_budgets
from results.schema import ANSWERS, MODELS, TRACES
from tests import forked
from tests.harness.scripted_server import CONTEXT, NAME, Reply, ScriptedServer, completion, refusal, reply, serve
from tests.harness.test_samples import PLAIN, sample_key
from tests.harness.test_server import REQUEST, answer_requests, use


class Lie(NamedTuple):
    """What is changed in an answer, at the top, in its choice or in its usage, and what is said of it."""

    told: str
    top: dict[str, Any] = {}
    choice: dict[str, Any] = {}
    usage: Any = {}


TWO = [{"finish_reason": "stop", "token_ids": [9]}] * 2
LIES = {
    "usage in words": Lie(
        "usage.prompt_tokens: Input should be a valid integer; got 'three'", usage={"prompt_tokens": "three"}
    ),
    "usage below zero": Lie(
        "prompt_tokens: Input should be greater than or equal to 0; got -3", usage={"prompt_tokens": -3}
    ),
    "usage in parts": Lie("prompt_tokens: Input should be a valid integer; got 3.0", usage={"prompt_tokens": 3.0}),
    "usage beyond all numbers": Lie(
        "read 1180591620717411303424 tokens from a prompt of 3", usage={"prompt_tokens": 2**70}
    ),
    "usage is true": Lie("Input should be a valid integer; got True", usage={"prompt_tokens": True}),
    "usage is a list": Lie("usage: Input should be an object", usage=[1]),
    "another count of tokens": Lie("counts 9 tokens and returns 1", usage={"completion_tokens": 9}),
    "a cache in words": Lie(
        "cached_tokens: Input should be a valid integer", usage={"prompt_tokens_details": {"cached_tokens": "all"}}
    ),
    "a cache larger than the prompt": Lie(
        "found 7 tokens of a prompt of 3", usage={"prompt_tokens_details": {"cached_tokens": 7}}
    ),
    "a cache below zero": Lie(
        "greater than or equal to 0", usage={"prompt_tokens_details": {"cached_tokens": -1}}
    ),
    "another model": Lie("answered as 'gpt-2', but 'scripted' was requested", top={"model": "gpt-2"}),
    "a model that is a number": Lie("model: Input should be a valid string; got 7", top={"model": 7}),
    "no choice": Lie("choices: List should have at least 1 item", top={"choices": []}),
    "two choices": Lie("choices: List should have at most 1 item", top={"choices": TWO}),
    "choices that are none": Lie("choices: Input should be a valid array; got None", top={"choices": None}),
    "a token below zero": Lie(
        "token_ids.0: Input should be greater than or equal to 0", choice={"token_ids": [-1, 9]}
    ),
    "a token beyond all vocabularies": Lie(
        "token_ids.0: Input should be less than 2147483648", choice={"token_ids": [2**31, 9]}
    ),
    "a token in parts": Lie("token_ids.0: Input should be a valid integer", choice={"token_ids": [4.5, 9]}),
    "no token ids": Lie("returns no token ids", choice={"token_ids": None}),
    "more tokens than asked for": Lie(
        "wrote 6 tokens, more than the limit of 4", choice={"token_ids": [4, 4, 4, 4, 4, 9]}
    ),
    "a limit that was not reached": Lie(
        "stopped after 2 of 4 tokens and says that this is the limit",
        choice={"finish_reason": "length", "token_ids": [4, 4]},
    ),
    "on behind the stop": Lie("continued after a token at which it had to stop", choice={"token_ids": [9, 4, 9]}),
    "a stop that was not told": Lie(
        "stopped a completion without a requested stop string", choice={"token_ids": [4]}
    ),
    "no finish reason": Lie("ended a request with 'None'", choice={"finish_reason": None}),
    "an unknown finish reason": Lie("ended a request with 'bored?'", choice={"finish_reason": "bored\x1b"}),
    "a finish reason that is a list": Lie(
        "finish_reason: Input should be a valid string", choice={"finish_reason": ["stop"]}
    ),
    "another prompt": Lie("did not use the token ids", choice={"prompt_token_ids": [5, 6, 8]}),
    "the prompt before the answer": Lie(
        "wrote 7 tokens, more than the limit of 4", choice={"token_ids": [5, 6, 7, 4, 4, 4, 9]}
    ),
}
BODIES = {
    "a page": (Reply(200, b"<html>hello</html>"), "answered without a completion: Invalid JSON: expected value"),
    "nothing": (Reply(200, b""), "answered without a completion: Invalid JSON: EOF"),
    "half an answer": (Reply(200, b'{"choices": [{"token'), "answered without a completion: Invalid JSON: EOF"),
    "a list": (reply(200, [1]), "answered without a completion: Input should be an object"),
    "an answer a hundred thousand deep": (
        Reply(200, b'{"choices":' * 10**5),
        "Invalid JSON: recursion limit exceeded",
    ),
    "bytes that are no text": (Reply(200, b'{"model": "\xff\xfe"}'), "Invalid JSON: invalid unicode code point"),
    "half a letter": (Reply(200, b'{"model": "\\ud800"}'), "Invalid JSON: unexpected end of hex escape"),
    "an error that is no refusal": (
        refusal(200, "out of\nmemory"),
        "without a completion: an error, 'out of memory'",
    ),
    "a number of 5,000 digits": (
        Reply(200, b'{"usage": ' + b"9" * 5000 + b"}"),
        "Invalid JSON: number out of range",
    ),
    "the key is refused": (refusal(401, "Who?"), "refuses the key (401: Who?); set engine.api_key_variable"),
    "nothing here": (refusal(404, "No such\x1b[31m model"), "answered 404: No such?[31m model"),
    "always busy": (refusal(429, "Slow down"), "answered 429, and did so 1 times again: Slow down"),
    "always broken": (refusal(500, "Oops"), "answered 500, and did so 1 times again: Oops"),
    "a reason a hundred thousand deep": (Reply(500, b'{"error":' * 10**5), "answered 500"),
}


@pytest.fixture
def scripted() -> Iterator[ScriptedServer]:
    with serve(ScriptedServer()) as server:
        yield server


def tell(lie: Lie, body: dict[str, Any]) -> dict[str, Any]:
    """The answer with the lie in it."""
    told = completion(body)
    told["choices"][0].update(lie.choice)
    usage = {**told["usage"], **lie.usage} if isinstance(lie.usage, dict) else lie.usage
    return told | {"usage": usage} | lie.top


def assert_told(failed: object, told: str) -> None:
    assert isinstance(failed, EngineFailedError | RequestFailedError), failed
    assert told in str(failed) and str(failed).isprintable() and len(str(failed)) < 1000, str(failed)


@pytest.mark.parametrize("name", LIES)
def test_a_lie_in_an_answer_is_told_in_a_line_and_no_completion(scripted: ScriptedServer, name: str) -> None:
    answer_requests(scripted, lambda body: reply(200, tell(LIES[name], body)))
    (failed,) = use(scripted, REQUEST)
    assert_told(failed, LIES[name].told)


@pytest.mark.parametrize("name", BODIES)
def test_an_answer_that_is_none_is_told_in_a_line(scripted: ScriptedServer, name: str) -> None:
    answer, told = BODIES[name]
    answer_requests(scripted, lambda body: answer)
    (failed,) = use(scripted, REQUEST)
    assert_told(failed, told)


@pytest.mark.parametrize(
    "more",
    [{"usage": None}, {"model": None}, {"logprobs": "malformed"}, {"created": "never"}, {"choices_": [[]]}],
    ids=str,
)
def test_what_nothing_reads_may_be_anything(scripted: ScriptedServer, more: dict[str, Any]) -> None:
    answer_requests(scripted, lambda body: reply(200, completion(body, logprobs=[{}], text=["a\x00b"]) | more))
    (done,) = use(scripted, REQUEST)
    assert isinstance(done, Completion) and done.token_ids == (9,)


@pytest.mark.parametrize("text", ["1 ++", "++", "x" * 9, ""])
def test_the_text_that_a_server_claims_ends_nothing_that_its_tokens_do_not(
    scripted: ScriptedServer, text: str
) -> None:
    answer_requests(
        scripted, lambda body: reply(200, completion(body, token_ids=[7], text=text, finish_reason="stop"))
    )

    async def draw() -> None:
        async with Server(scripted.url).start(Model(NAME), max_model_len=CONTEXT) as engine:
            await finish_sample(engine, PLAIN, Pending(sample_key(), along_budgets((32,))))

    with pytest.raises(EngineFailedError, match="stopped a completion without one of the requested stop strings"):
        asyncio.run(draw())


@pytest.mark.parametrize(
    ("models", "told"),
    [
        (
            [{"id": NAME, "max_model_len": "long"}],
            "data.0.max_model_len: Input should be a valid integer; got 'long'",
        ),
        ([{"id": 7}], "data.0.id: Input should be a valid string"),
        ([{"id": "x" * 10_000}], "serves xxx"),
        ([{"id": "a\x1b[2Jb"}], "serves a?[2Jb, not"),
        ([{}], "data.0.id: Field required"),
    ],
)
def test_a_list_of_models_that_is_none_is_told_in_a_line(scripted: ScriptedServer, models: Any, told: str) -> None:
    scripted.script = lambda path, body: reply(200, {"data": models}) if path == "/v1/models" else None
    with pytest.raises(ValueError, match=re.escape(told)) as error:
        use(scripted)
    assert str(error.value).isprintable() and len(str(error.value)) < 1000


@pytest.mark.parametrize(("root", "is_alias"), [("/models/it", True), ("/models/other", False), (None, False)])
def test_another_name_of_the_model_is_its_own_and_that_of_another_is_not(
    scripted: ScriptedServer, root: str | None, is_alias: bool
) -> None:
    models = [{"id": NAME, "root": root and "/models/it"}, {"id": "alias", "root": root}]
    scripted.script = lambda path, body: reply(
        200, {"data": models} if path == "/v1/models" else completion(body) | {"model": "alias"}
    )
    if is_alias:
        assert isinstance(use(scripted, REQUEST)[0], Completion)
        return
    with pytest.raises(EngineFailedError, match="answered as 'alias', but 'scripted' was requested"):
        use(scripted, REQUEST)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("path", ["/v1/models", "/v1/completions"])
def test_a_redirect_is_not_followed_and_the_key_goes_nowhere_else(
    scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch, status: int, path: str
) -> None:
    monkeypatch.setenv("MY_KEY", "sk-secret")
    with serve(ScriptedServer()) as thief:
        away = Reply(status, b"", headers={"Location": thief.url + path.removeprefix("/v1")})
        scripted.script = lambda asked, body: away if asked == path else None
        with pytest.raises(
            EngineFailedError, match=f"redirects requests to {thief.url}.*no key and no prompt is sent"
        ):
            use(scripted, REQUEST, api_key_variable="MY_KEY", retries=0)
        assert thief.requests == [] and thief.keys == []


def test_an_answer_without_an_end_is_told_and_not_read_on(
    scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "LARGEST_BYTES", 2**20)
    answer_requests(scripted, lambda body: Reply(200, b" " * (2**20 + 2)))
    (failed,) = use(scripted, REQUEST)
    assert_told(failed, "The server's answer has over 1 MiB, too many for an answer")
    assert len(scripted.prompts) == 1, "it is not asked for again"


def test_a_packed_answer_is_told_and_not_unpacked(scripted: ScriptedServer) -> None:
    answer_requests(scripted, lambda body: Reply(200, b"\x1f\x8b", headers={"Content-Encoding": "gzip"}))
    (failed,) = use(scripted, REQUEST)
    assert_told(failed, "compresses its answers, although it was asked not to")


def test_an_answer_that_drips_is_late(scripted: ScriptedServer) -> None:
    answer_requests(scripted, lambda body: Reply(200, json.dumps(completion(body)).encode(), drip_seconds=0.1))
    started = time.monotonic()
    (failed,) = use(scripted, REQUEST, timeout_seconds=1, retries=0)
    assert_told(failed, "did not answer within 1 seconds")
    assert time.monotonic() - started < 10


def test_a_connection_that_is_cut_each_time_is_told_after_the_retries(scripted: ScriptedServer) -> None:
    answer_requests(scripted, lambda body: Reply(200, b"{", missing=9))
    (failed,) = use(scripted, REQUEST)
    assert_told(failed, "No server answers at")
    assert len(scripted.prompts) == 2


SMALL = ("model=countdown-33k", "task.size=2", "grid.widths=[1,2]", "grid.budgets=[0,64]", "hydra.mode=RUN")


def sweep(server: ScriptedServer, root: Path, *words: str) -> forked.Ended:
    settings = [f"engine.url={server.url}", f"engine.served_model={NAME}", "engine.retries=0"]
    command = ["engine=server", *settings, *SMALL, f"run={root}/run", f"hydra.run.dir={root}/hydra", *words]
    return forked.run("sweeps", *command)


@pytest.mark.parametrize("lie", ["usage in words", "another model", "a token below zero", "no finish reason"])
def test_of_a_lying_server_a_sweep_stores_no_row(scripted: ScriptedServer, tmp_path: Path, lie: str) -> None:
    answer_requests(scripted, lambda body: reply(200, tell(LIES[lie], body)))
    ended = sweep(scripted, tmp_path, "probe=false")
    assert ended.code != 0 and "Traceback" not in ended.err
    assert LIES[lie].told.split(";")[0].split(" where")[0] in ended.err
    assert [store.scan(tmp_path / "run", table).num_rows for table in (TRACES, ANSWERS)] == [0, 0]


def test_a_token_that_the_tokenizer_does_not_know_is_stored_by_no_sweep(
    scripted: ScriptedServer, tmp_path: Path
) -> None:
    def answer(body: dict[str, Any]) -> Reply:
        return reply(200, completion(body, token_ids=[90_000] * body["max_tokens"], finish_reason="length"))

    answer_requests(scripted, answer)
    ended = sweep(scripted, tmp_path, "probe=false")
    assert ended.code != 0 and "Traceback" not in ended.err
    assert "The engine wrote token 90,000, but the tokenizer has only" in ended.err
    assert [store.scan(tmp_path / "run", table).num_rows for table in (TRACES, ANSWERS)] == [0, 0]
    assert store.scan(tmp_path / "run", MODELS).num_rows == 1


def test_the_kinds_of_lies_are_many() -> None:
    assert len(LIES) + len(BODIES) >= 20
