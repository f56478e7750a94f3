"""Any OpenAI-compatible endpoint that takes and returns token ids, such as vLLM's own server.

The key is read from the environment when the engine starts and goes nowhere but into the requests' header.
"""

import contextlib
import os
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from harness.architecture import Architecture
from harness.certainty import NUM_LIKELIEST
from harness.engines.connection import Connection
from harness.engines.pooling import Head, Pooled
from harness.engines.replies import read_completion, read_pooled
from harness.types import Completion, Model, Request, RequestFailedError, Sampling

if TYPE_CHECKING:
    from openai import AsyncOpenAI

CONNECT_SECONDS = 10.0
# Token 0 is in every vocabulary; one token of it shows whether the server takes and returns what is needed.
PROBE = Request((0,), 1, 0, Sampling())
# OpenAI's own limit, which servers hold to; a text that runs on past another string is cut where it is read.
MAX_STOPS = 4


@dataclass(frozen=True)
class Server:
    """Where a model is served. dtype, quantization and options declare what the server was started with.

    They are part of what rows are stored under and are not sent. served_model: the server's name of the model, by
    default model.path. max_num_seqs: requests at once. retries: of a request that the server did not take, each
    after twice the pause of the one before, half a second to eight. api_key_variable: the environment variable of
    the key.
    """

    url: str = "http://127.0.0.1:8000/v1"
    served_model: str | None = None
    dtype: str = "auto"
    quantization: str | None = None
    max_num_seqs: int = 256
    retries: int = 6
    timeout_seconds: float = 3600.0
    api_key_variable: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if "@" in self.url or "?" in self.url:
            raise ValueError(
                "engine.url must not contain a key or password. Put the key in an environment "
                "variable, and give its name as engine.api_key_variable."
            )
        if not is_web_address(self.url):
            raise ValueError(f"engine.url must look like http://127.0.0.1:8000/v1; got {self.url!r}.")
        if self.max_num_seqs < 1:
            raise ValueError(f"engine.max_num_seqs must be at least 1; got {self.max_num_seqs}.")
        if self.retries < 0:
            raise ValueError(f"engine.retries must not be negative; got {self.retries}.")
        if not self.timeout_seconds > 0:
            raise ValueError(f"engine.timeout_seconds must be positive; got {self.timeout_seconds}.")
        # What was given is not repeated: it may be the key itself.
        if self.api_key_variable is not None and not re.fullmatch(
            r"[A-Za-z_][A-Za-z0-9_]*", self.api_key_variable
        ):
            raise ValueError(
                "engine.api_key_variable must be the name of an environment variable, not the key itself."
            )

    @property
    def samples_in_flight(self) -> int:
        return self.max_num_seqs

    @property
    def num_devices(self) -> int:
        """None of this machine's."""
        return 0

    def settle(self, model: Model, architecture: Architecture, *, max_model_len: int) -> Self:
        """These settings; raises ValueError where the key is missing. A model's size is the server's concern."""
        self._read_key()
        return self

    @contextlib.asynccontextmanager
    async def start(
        self, model: Model, *, max_model_len: int, reads_text: bool = False
    ) -> AsyncIterator["ServerEngine"]:
        """Serve requests until the context ends.

        Raises ValueError where the server does not serve this model, long enough contexts or token ids;
        EngineFailedError where it cannot be reached.
        """
        async with self._open_client() as client:
            engine = ServerEngine(self, client, model=self.served_model or model.path, knobs=model.knobs)
            await engine.check_model(max_model_len, way_on="lower grid.budgets")
            with telling_useless():
                await engine.complete(PROBE)
            yield engine

    @contextlib.asynccontextmanager
    async def start_pooling(
        self, model: Model, *, max_model_len: int, head: Head
    ) -> AsyncIterator["ServerPooling"]:
        """Read token ids with a head until the context ends; raises as `start`.

        The server runs it: `vllm serve MODEL --runner pooling`, with `head.arguments` as its own.
        """
        async with self._open_client() as client:
            pooling = ServerPooling(self, client, model=self.served_model or model.path, head=head)
            await pooling.check_model(max_model_len, way_on="leave out longer answers")
            with telling_useless():
                await pooling.pool(PROBE.prompt_ids)
            yield pooling

    def _open_client(self) -> "AsyncOpenAI":
        from openai import AsyncOpenAI, Timeout

        from harness.engines.transport import open_client

        # A request that waits for a free connection is not late.
        timeout = Timeout(self.timeout_seconds, connect=min(CONNECT_SECONDS, self.timeout_seconds), pool=None)
        return AsyncOpenAI(
            base_url=self.url,
            # Without a key given, the client would send the one in OPENAI_API_KEY to whatever server this is.
            api_key=self._read_key() or "none",
            max_retries=self.retries,
            timeout=timeout,
            http_client=open_client(total_seconds=self.timeout_seconds),
        )

    def _read_key(self) -> str | None:
        if self.api_key_variable is None:
            return None
        key = os.environ.get(self.api_key_variable, "").strip()
        if not key or not key.isascii() or not key.isprintable():
            raise ValueError(
                "The environment variable that engine.api_key_variable names is empty. Set it to the key and "
                "export it."
            )
        return key


class ServerEngine(Connection):
    """Completes token ids. knobs: what every request asks beside the usual."""

    def __init__(
        self, settings: Server, client: "AsyncOpenAI", *, model: str, knobs: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(settings, client, model=model)
        self._knobs = dict(knobs or {})

    async def complete(self, request: Request) -> Completion:
        return await self._ask(
            lambda: self._client.completions.with_raw_response.create(
                **write_body(self._model, request, self._knobs)
            ),
            lambda content, seconds: read_completion(content, request, names=self._names, seconds=seconds),
            route=f"{self._settings.url}/completions",
            noun="a completion",
        )


class ServerPooling(Connection):
    """Reads token ids. As harness.engines.pooling.Pooling."""

    def __init__(self, settings: Server, client: "AsyncOpenAI", *, model: str, head: Head) -> None:
        super().__init__(settings, client, model=model)
        self._head = head
        # vLLM has these beside its OpenAI routes, not among them.
        place = settings.url.rstrip("/").removesuffix("/v1")
        self._route = f"{place}/{'classify' if head.task == 'classify' else 'pooling'}"
        self._when_not_found = f"It has to be started with {head.written}"

    async def pool(self, token_ids: tuple[int, ...]) -> Pooled:
        from httpx2 import Response

        body = write_pooling(self._model, token_ids, self._head)
        return await self._ask(
            lambda: self._client.post(self._route, body=body, cast_to=Response),
            lambda content, _: read_pooled(content, token_ids, self._head, names=self._names),
            route=self._route,
            noun="scores",
        )


@contextlib.contextmanager
def telling_useless() -> Iterator[None]:
    """What a server does not take of the first request, it takes of none."""
    try:
        yield
    except RequestFailedError as error:
        raise ValueError(f"engine.url is not a server that isoquant can use: {error}") from None


def is_web_address(url: str) -> bool:
    """Whether a URL names a host to ask by HTTP, at a port from 1 to 65535."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # of a port out of range, or an address that is none
        return False


def write_body(model: str, request: Request, knobs: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A request as the client takes it, by OpenAI's names and, in extra_body, by vLLM's and those of the knobs.

    Raises ValueError for a knob that the request sets by itself.
    """
    sampling = request.sampling
    body: dict[str, Any] = {
        "model": model,
        "prompt": list(request.prompt_ids),
        "max_tokens": request.max_tokens,
        "seed": request.seed,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "extra_body": {
            "top_k": sampling.top_k,
            "min_p": sampling.min_p,
            # The model's own generation config, which servers read by default, may say otherwise.
            "repetition_penalty": 1.0,
            "stop_token_ids": list(request.stop_ids),
            "stop": list(request.stop[:MAX_STOPS]),
            "include_stop_str_in_output": True,
            # Of the ends of text, those count that are among the stop ids.
            "ignore_eos": True,
            "add_special_tokens": False,
            "skip_special_tokens": False,
            "return_token_ids": True,
            # By their numbers, since several tokens may be the same text.
            **({"return_tokens_as_token_ids": True} if sampling.logprobs else {}),
        },
    } | ({"logprobs": NUM_LIKELIEST} if sampling.logprobs else {})
    if taken := sorted((knobs or {}).keys() & {*body, *body["extra_body"]}):
        raise ValueError(f"model.knobs must not have {', '.join(taken)}: the sweep sets that in every request.")
    body["extra_body"] |= knobs or {}
    return body


def write_pooling(model: str, token_ids: Sequence[int], head: Head) -> dict[str, Any]:
    """What /pooling and /classify of vLLM are asked: raw labels of these token ids and no others."""
    body = {"model": model, "input": list(token_ids), "use_activation": False, "add_special_tokens": False}
    return body if head.task == "classify" else body | {"task": head.task, "encoding_format": "float"}
