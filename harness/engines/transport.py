"""A connection to a server that may go on for ever: no redirect is followed, no answer is read without an end."""

import time
from collections.abc import AsyncIterator

import httpx2
from openai import DefaultAsyncHttpxClient, OpenAIError

# A hundred thousand tokens with their texts are a few MB.
LARGEST_BYTES = 64 * 2**20


class EndlessError(OpenAIError):
    """An answer that is too large, or packed; the client does not ask for it again."""


def open_client(*, total_seconds: float) -> httpx2.AsyncClient:
    """A client that follows no redirect: keys and prompts are for the server that was named.

    total_seconds: what an answer may take from its first byte to its last, however steadily it drips.
    """
    return DefaultAsyncHttpxClient(
        transport=Bounded(total_seconds=total_seconds),
        follow_redirects=False,
        headers={"Accept-Encoding": "identity"},
    )


class Bounded(httpx2.AsyncHTTPTransport):
    """A transport whose answers have an end."""

    def __init__(self, *, total_seconds: float) -> None:
        # What limits requests at once is engine.max_num_seqs.
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
        super().__init__(limits=limits)
        self._total_seconds = total_seconds

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        if response.headers.get("content-encoding", "identity") != "identity":
            await response.aclose()
            raise EndlessError(
                "The server compresses its answers, although it was asked not to. Turn its compression off."
            )
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = BoundedStream(response.stream, total_seconds=self._total_seconds)
        return response


class BoundedStream(httpx2.AsyncByteStream):
    """The bytes of an answer, up to a number of them and a time."""

    def __init__(self, stream: httpx2.AsyncByteStream, *, total_seconds: float) -> None:
        self._stream, self._total_seconds = stream, total_seconds

    async def __aiter__(self) -> AsyncIterator[bytes]:
        started, num_bytes = time.monotonic(), 0
        async for part in self._stream:
            num_bytes += len(part)
            if num_bytes > LARGEST_BYTES:
                raise EndlessError(
                    f"The server's answer has over {LARGEST_BYTES // 2**20} MiB, too many for an answer."
                )
            if time.monotonic() - started > self._total_seconds:
                raise httpx2.ReadTimeout("The answer arrives too slowly.")
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()
