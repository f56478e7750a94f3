"""Tools in processes that can be killed: whatever a call does, it ends as a result,
and the next finds them again.
"""

import asyncio
import contextlib
import json
import multiprocessing
import signal
import socket
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from multiprocessing.context import ForkContext, ForkProcess

from harness.grading import STOPS
from harness.messages import LONGEST_LINE
from harness.tools.protocol import MAX_CALL_CHARS, Result, Tool, ToolFailedError
from harness.tools.serving import READY, TIMED_OUT, Limits, fail, read_result, serve

# Beside what its call may take, a worker may need so long to start and to be ended on a busy machine.
SLACK_SECONDS = 60.0
SHOWN_CHARS = 60
# What becomes of a keeper that ends, or is ended, in the middle of a call.
LOST = (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError, ValueError)


@contextlib.asynccontextmanager
async def start_workers(
    tools: Mapping[str, Tool], *, num_workers: int = 2, limits: Limits | None = None
) -> AsyncIterator["Workers"]:
    """Workers for these tools, as many calls at once as there are of them.

    They are forked from this process and live as long as the thread that starts them; begin before an engine does.
    Raises ToolFailedError where this machine cannot start them.
    """
    workers = [_Worker(tools, limits or Limits()) for _ in range(num_workers)]
    try:
        try:
            async with asyncio.timeout(SLACK_SECONDS):
                for worker in workers:
                    await worker.begin()
        except LOST as error:
            raise ToolFailedError(
                f"The processes that tools run in cannot be started ({type(error).__name__} {error}); the machine "
                "may have too little memory."
            ) from error
        yield Workers(tools, workers)
    finally:
        for worker in workers:
            worker.stop()


class Workers:
    """Calls wait for a worker that is idle, in the order in which they came."""

    def __init__(self, tools: Mapping[str, Tool], workers: list["_Worker"]) -> None:
        self.tools = tools
        self._idle: asyncio.Queue[_Worker] = asyncio.Queue()
        for worker in workers:
            self._idle.put_nowait(worker)

    async def call(self, name: str, query: str) -> Result:
        """What the tool says to the query. No tool makes this raise; trouble says what went wrong."""
        if name not in self.tools:
            return fail(f"there is no tool {ascii(name[:SHOWN_CHARS])}")
        if len(query) > MAX_CALL_CHARS:
            return fail(f"a query has at most {MAX_CALL_CHARS} characters")
        worker = await self._idle.get()
        try:
            return await worker.ask(json.dumps([name, query]).encode())
        finally:
            self._idle.put_nowait(worker)


class _Worker:
    """One keeper of the tools (serving.py), started when it is asked and stopped where it does not answer."""

    def __init__(self, tools: Mapping[str, Tool], limits: Limits) -> None:
        self.tools, self.limits = tools, limits
        self.context: ForkContext = multiprocessing.get_context("fork")
        self.process: ForkProcess | None = None
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, line: bytes) -> Result:
        """The result of a call; where the keeper itself is lost, that is trouble of the call."""
        started = time.monotonic()
        try:
            async with asyncio.timeout(self.limits.wall_seconds + SLACK_SECONDS):
                reader, writer = await self.begin()
                writer.write(line + b"\n")
                await writer.drain()
                told = await reader.readuntil(b"\n")
            return read_result(told, time.monotonic() - started)
        except BaseException as error:
            # Also of a call that is given up: its answer would be read as the next one's.
            self.stop()
            if not isinstance(error, LOST):
                raise
            is_late = isinstance(error, TimeoutError)
            lost = Result(TIMED_OUT, trouble="timeout") if is_late else fail("its worker was lost")
            return replace(lost, seconds=time.monotonic() - started)

    async def begin(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """The streams of the keeper, which is forked where none is; raises one of LOST where it is not ready."""
        if self.streams is not None:
            return self.streams
        ours, theirs = socket.socketpair()
        with theirs:
            self.process = self.context.Process(target=serve, args=(theirs, self.tools, self.limits), daemon=True)
            # It is killed when this process is told to stop; before that a word of its own would only be in the
            # way.
            before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
            try:
                self.process.start()
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self.streams = await asyncio.open_connection(sock=ours, limit=LONGEST_LINE)
        if await self.streams[0].readuntil(b"\n") != READY + b"\n":
            raise EOFError
        return self.streams

    def stop(self) -> None:
        streams, self.streams = self.streams, None
        process, self.process = self.process, None
        if process is not None and process.pid is not None:
            process.kill()
            process.join()
        if streams is not None:
            streams[1].close()
