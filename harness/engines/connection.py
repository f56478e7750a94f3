"""A connection to a server of models: what it lists, who waits for a turn,
and what its errors mean in one line.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from harness.engines.output import first_line
from harness.engines.replies import clip, read_models
from harness.types import EngineFailedError, RequestFailedError

if TYPE_CHECKING:
    from openai import APIError, AsyncOpenAI

    from harness.engines.transport import EndlessError

Answer = TypeVar("Answer")
LIST_SECONDS = 30.0
# The statuses that the client tries again.
RETRIED = (408, 409, 429)


class Settings(Protocol):
    """What a connection is told of its server; harness.engines.server.Server."""

    @property
    def url(self) -> str: ...

    @property
    def max_num_seqs(self) -> int: ...

    @property
    def retries(self) -> int: ...

    @property
    def timeout_seconds(self) -> float: ...

    @property
    def api_key_variable(self) -> str | None: ...


class Connection:
    """Asks a server for one model through a client, `max_num_seqs` requests at once."""

    def __init__(self, settings: Settings, client: "AsyncOpenAI", *, model: str) -> None:
        self._settings, self._client, self._model = settings, client, model
        self._names = [model]
        self._turn = asyncio.Semaphore(settings.max_num_seqs)
        # What to do where a server does not know what it is asked for.
        self._when_not_found = ""

    async def check_model(self, max_model_len: int, *, way_on: str) -> None:
        """Raise ValueError where the server does not serve the model, or not with `max_model_len` tokens.

        way_on: what else than a longer context helps.
        """
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
                f"Start it with --max-model-len {max_model_len}, or {way_on}."
            )

    async def _ask(
        self, send: Callable[[], Awaitable[Any]], read: Callable[[bytes, float], Answer], *, route: str, noun: str
    ) -> Answer:
        """What `read` makes of the answer that `send` brings, and of its seconds, once there is a turn.

        read: raises ValueError where the answer of `route` is no `noun`.
        """
        from openai import APIError

        from harness.engines.transport import EndlessError

        async with self._turn:
            started = time.monotonic()
            try:
                reply = await send()
            except (APIError, EndlessError) as error:
                raise self._describe(error, seconds=self._settings.timeout_seconds) from None
            seconds = time.monotonic() - started
        try:
            return read(reply.content, seconds)
        except ValueError as error:
            raise EngineFailedError(f"{route} answered without {noun}: {self._hide_key(str(error))}") from None

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
        hint = f". {self._when_not_found}" if status == 404 and self._when_not_found else ""
        return EngineFailedError(f"{settings.url} answered {status}{patience}: {reason}{hint}")

    def _hide_key(self, text: str) -> str:
        return text.replace(self._client.api_key, "***") if self._settings.api_key_variable else text


def read_reason(error: Any) -> str:
    """What a server said of an error, in one line."""
    body = error.body
    message = body.get("message") if isinstance(body, dict) else body
    return clip(str(message or error.message))
