"""Any OpenAI-compatible endpoint that takes and returns token ids, such as vLLM's own server.

The key is read from the environment when the engine starts and goes nowhere but into the requests' header.
"""

import asyncio
import contextlib
import os
import re
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from harness.architecture import Architecture
from harness.engines.output import first_line
from harness.engines.replies import clip, read_completion, read_models
from harness.types import Completion, EngineFailedError, Model, Request, RequestFailedError, Sampling

if TYPE_CHECKING:
    from openai import APIError, AsyncOpenAI

    from harness.engines.transport import EndlessError

CONNECT_SECONDS = 10.0
LIST_SECONDS = 30.0
# The statuses that the client tries again.
RETRIED = (408, 409, 429)
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
        from openai import AsyncOpenAI, Timeout

        from harness.engines.transport import open_client

        # A request that waits for a free connection is not late.
        timeout = Timeout(self.timeout_seconds, connect=min(CONNECT_SECONDS, self.timeout_seconds), pool=None)
        # Without a key given, the client would send the one in OPENAI_API_KEY to whatever server this is.
        key = self._read_key() or "none"
        http_client = open_client(total_seconds=self.timeout_seconds)
        async with AsyncOpenAI(
            base_url=self.url, api_key=key, max_retries=self.retries, timeout=timeout, http_client=http_client
        ) as client:
            engine = ServerEngine(self, client, model=self.served_model or model.path)
            await engine.check_model(max_model_len)
            try:
                await engine.complete(PROBE)
            except RequestFailedError as error:
                raise ValueError(f"engine.url is not a server that isoquant can use: {error}") from None
            yield engine

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


class ServerEngine:
    """Completes token ids through a client, `max_num_seqs` at once."""

    def __init__(self, settings: Server, client: "AsyncOpenAI", *, model: str) -> None:
        self._settings, self._client, self._model = settings, client, model
        self._names = [model]
        self._turn = asyncio.Semaphore(settings.max_num_seqs)

    async def check_model(self, max_model_len: int) -> None:
        """Raise ValueError where the server does not serve the model, or not with `max_model_len` tokens."""
        from openai import APIError, NotFoundError

        from harness.engines.transport import EndlessError

        url = self._settings.url
        seconds = min(LIST_SECONDS, self._settings.timeout_seconds)
        # A server that is not there is told at once.
        client = self._client.with_options(max_retries=0, timeout=seconds)
        try:
            served = read_models((await client.models.with_raw_response.list()).content)
        except NotFoundError as error:
            raise ValueError(f"{url} has no list of models. engine.url usually ends in /v1.") from error
        except (APIError, EndlessError) as error:
            raise self._describe(error, seconds=seconds) from None
        except ValueError as error:
            raise ValueError(f"{url}/models did not answer with a list of models: {error}") from None
        if self._model not in served:
            raise ValueError(
                f"{url} serves {clip(', '.join(sorted(served))) or 'nothing'}, not {self._model!r}. "
                "Set engine.served_model, or start the server with that model."
            )
        asked = served[self._model]
        # A server may answer by another name of the same model.
        self._names += [name for name, model in served.items() if model.root and model.root == asked.root]
        context = asked.max_model_len
        if context is not None and context < max_model_len:
            raise ValueError(
                f"{url} serves contexts of {context} tokens, and the longest request needs {max_model_len}. "
                f"Start it with --max-model-len {max_model_len}, or lower grid.budgets."
            )

    async def complete(self, request: Request) -> Completion:
        from openai import APIError

        from harness.engines.transport import EndlessError

        async with self._turn:
            started = time.monotonic()
            try:
                reply = await self._client.completions.with_raw_response.create(**write_body(self._model, request))
            except (APIError, EndlessError) as error:
                raise self._describe(error, seconds=self._settings.timeout_seconds) from None
            seconds = time.monotonic() - started
        try:
            return read_completion(reply.content, request, names=self._names, seconds=seconds)
        except ValueError as error:
            reason = self._hide_key(str(error))
            raise EngineFailedError(
                f"{self._settings.url}/completions answered without a completion: {reason}"
            ) from None

    def _describe(
        self, error: "APIError | EndlessError", *, seconds: float
    ) -> EngineFailedError | RequestFailedError:
        """The exception that tells in one line what a request met that had `seconds`; the key is not in it."""
        from openai import APIConnectionError, APIStatusError, APITimeoutError

        from harness.engines.transport import EndlessError

        settings = self._settings
        if isinstance(error, APITimeoutError):
            return EngineFailedError(
                f"{settings.url} did not answer within {seconds:g} seconds; it may be overloaded. Lower "
                "engine.max_num_seqs or raise engine.timeout_seconds."
            )
        if isinstance(error, EndlessError):
            return EngineFailedError(f"{settings.url}: {error}")
        if isinstance(error, APIConnectionError):
            reason = self._hide_key(first_line(error.__cause__ or error))
            return EngineFailedError(
                f"No server answers at {settings.url} ({reason}). Is the server running? Is engine.url right?"
            )
        if not isinstance(error, APIStatusError):
            return EngineFailedError(f"{settings.url}: {self._hide_key(first_line(error))}")
        status, reason = error.status_code, self._hide_key(read_reason(error))
        if 300 <= status < 400:
            place = self._hide_key(clip(error.response.headers.get("location", "")))
            return EngineFailedError(
                f"{settings.url} redirects requests to {place or 'another place'} ({status}). For safety, no key "
                "and no prompt is sent there. Set engine.url to the address that serves the model."
            )
        if status in (401, 403):
            way_on = (
                "is the key in its variable right?"
                if settings.api_key_variable
                else "set engine.api_key_variable."
            )
            return EngineFailedError(f"{settings.url} refuses the key ({status}: {reason}); {way_on}")
        if status in (400, 413, 422):
            return RequestFailedError(f"{settings.url} refused a request ({status}): {reason}")
        patience = f", and did so {settings.retries} times again" if status >= 500 or status in RETRIED else ""
        return EngineFailedError(f"{settings.url} answered {status}{patience}: {reason}")

    def _hide_key(self, text: str) -> str:
        return text.replace(self._client.api_key, "***") if self._settings.api_key_variable else text


def is_web_address(url: str) -> bool:
    """Whether a URL names a host to ask by HTTP, at a port from 1 to 65535."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # of a port out of range, or an address that is none
        return False


def write_body(model: str, request: Request) -> dict[str, Any]:
    """A request as the client takes it, by OpenAI's names and, in extra_body, by vLLM's."""
    sampling = request.sampling
    return {
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
        },
    }


def read_reason(error: Any) -> str:
    """What a server said of an error, in one line."""
    body = error.body
    message = body.get("message") if isinstance(body, dict) else body
    return clip(str(message or error.message))
