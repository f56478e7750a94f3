"""Shapes timed one after the other, each in a process of its own: one that crashes takes no other with it."""

import asyncio
import dataclasses
import multiprocessing
import signal
import tempfile
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from harness.architecture import LONGEST_REASON
from harness.children import die_with_parent
from harness.engines.vllm import Vllm
from harness.shapes import Counts, Shape, count, write_config
from harness.speed import Cell, Speed, measure
from harness.types import Model


class Work(NamedTuple):
    """What is to be timed of one shape: cells, tokens that every sequence writes, and on what engine."""

    shape: Shape
    cells: tuple[Cell, ...]
    tokens_each: int
    settings: Vllm


class Timed(NamedTuple):
    """One timing of the shape at this place of the list, its counts, and the settings as they were settled."""

    place: int
    counts: Counts
    settings: Vllm
    speed: Speed


class Ended(NamedTuple):
    """The shape at this place is done; reason: why it is not, where it is not."""

    place: int
    reason: str | None


def time_all(works: Sequence[Work]) -> Iterator[Timed | Ended]:
    """Every timing as it is made, and the end of every shape. What is started ends with this process.

    One process imports what an engine takes, which is most of its start, and is forked for each shape.
    """
    if not works:
        return
    spawn = multiprocessing.get_context("spawn")
    receiver, sender = spawn.Pipe(duplex=False)
    process = spawn.Process(target=_serve, args=(tuple(works), sender))
    process.start()
    sender.close()
    place = 0
    try:
        while place < len(works):
            try:
                said = receiver.recv()
            except EOFError:
                process.join()
                reason = _explain(process.exitcode)
                yield from (Ended(each, reason) for each in range(place, len(works)))
                return
            yield said
            place += isinstance(said, Ended)
    finally:
        process.kill()
        process.join()


def _serve(works: Sequence[Work], sender: Connection) -> None:
    die_with_parent()
    # A terminal tells every process; the command ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    fork = multiprocessing.get_context("fork")
    works[0].settings.import_early()
    for place, work in enumerate(works):
        receiver, told = fork.Pipe(duplex=False)
        process = fork.Process(target=_time_shape, args=(place, work, sender, told))
        process.start()
        told.close()
        process.join()
        sender.send(Ended(place, _receive(receiver) or _explain(process.exitcode)))


def _receive(receiver: Connection) -> str | None:
    """What a process that has ended said, None where it said nothing."""
    try:
        said: str = receiver.recv()
    except EOFError:
        return None
    return said


def _time_shape(place: int, work: Work, sender: Connection, told: Connection) -> None:
    """Send every timing of the shape; tell in a line what went wrong."""
    die_with_parent()
    try:
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(_time_cells(place, work, sender, Path(folder)))
    except Exception as error:  # whatever a shape meets, the next is timed all the same
        told.send(" ".join((str(error) or type(error).__name__).split())[:LONGEST_REASON])


async def _time_cells(place: int, work: Work, sender: Connection, folder: Path) -> None:
    write_config(work.shape, folder)
    counts = count(folder, work.shape.config)
    length = max(cell.context_tokens for cell in work.cells) + work.tokens_each
    model = Model(str(folder), name=work.shape.name)
    asked = dataclasses.replace(
        work.settings,
        max_num_seqs=work.settings.max_num_seqs or max(cell.batch for cell in work.cells),
        options={**work.settings.options, "load_format": "dummy"},
    )
    settings = asked.settle(model, counts.architecture, max_model_len=length)
    num_words = int(work.shape.config.get("text_config", work.shape.config)["vocab_size"])
    async with settings.start(model, max_model_len=length) as engine:
        async for speed in measure(engine, work.cells, num_words=num_words, tokens_each=work.tokens_each):
            sender.send(Timed(place, counts, settings, speed))


def _explain(exit_code: int | None) -> str | None:
    if not exit_code:
        return None
    if exit_code < 0:
        name = signal.Signals(-exit_code).name
        return f"its process was ended by {name}" + (", probably for want of memory" if exit_code == -9 else "")
    return f"its process ended with status {exit_code} and no reason"
