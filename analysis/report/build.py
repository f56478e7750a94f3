"""A run -> its report. Knows the order of the sections, nothing of how each is made."""

import contextlib
from pathlib import Path

from analysis.questions import matches
from analysis.reading.reading import Reading
from analysis.reading.untold import UntoldError
from analysis.report import cells, curves, explorer, frontier, page, provenance, trust, verifier, views, votes
from analysis.report.explorer import Size
from analysis.report.sections import Section
from analysis.runs.outcomes import Outcomes
from analysis.runs.provenance import read as read_provenance
from analysis.text import headline
from results.progress import step

# Texts take what the numbers leave of it.
MAX_BYTES = 14_500_000


def build(root: Path, reading: Reading, every: Reading, *, size: Size, more: list[Section]) -> str:
    """The page of a run as text, equal for equal rows. every: the reading of all its settings; `more` sections
    stand before those of the prompts.

    Raises ValueError where a choice asks for what the run lacks.
    """
    loaded, rule = reading.asked, reading.rule
    step("matching models")
    found = views.measure(reading)
    first = next(iter(found.values()))
    records = read_provenance(root)
    parts = curves.sections(found, loaded, rule=rule)
    step("choosing the best settings")
    # A frontier is chosen on some prompts and read on others.
    if len(loaded.arms) > 1 and len(loaded.prompt_ids) > 1:
        parts.append(
            frontier.section(
                matches.match(reading, every),
                unit=reading.cost.unit,
                rule=rule,
                words=reading.words,
                matched=reading.setting.matched,
            )
        )
    with contextlib.suppress(UntoldError):
        parts.append(votes.section(reading))
    if reading.reads_scores:
        parts.append(verifier.section(reading))
    step("reading what the answers are made of")
    parts += [trust.section(loaded, found, records), *more]
    last = [
        cells.section(root, loaded, first),
        provenance.section(records, grader=(loaded.grader, loaded.grader_version)),
    ]
    words = {
        "title": f"{first.setting.task}: what samples and {reading.words.buys} buy in model size",
        "subtitle": _subtitle(loaded),
        "lead": headline.headline(first, rule=rule),
    }
    room = MAX_BYTES - len(page.render([*parts, *last], **words).encode())
    step("reading the texts that are shown")
    texts = explorer.section(root, reading, size=size, room=room)
    return page.render([*parts, texts, *last], **words)


def _subtitle(loaded: Outcomes) -> str:
    names = [arm.rung.name for arm in loaded.arms]
    models = names[0] if len(names) == 1 else f"{len(names)} models, {names[0]} to {names[-1]}"
    return (
        f"{models} · {_count(len(loaded.prompt_ids), 'prompt')} · {_count(loaded.num_samples, 'sample')} each "
        f"{loaded.along.told(int(loaded.budgets[-1]))}"
    )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
