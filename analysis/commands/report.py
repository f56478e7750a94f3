"""report: everything a run says as one HTML file."""

import argparse
import contextlib
from pathlib import Path

from analysis.commands import arguments, goal, search, strategies, thinking
from analysis.reading.reading import Reading
from analysis.reading.untold import UntoldError
from analysis.report import build
from analysis.report.explorer import Size
from analysis.report.sections import Section
from analysis.runs.pairing import Source
from analysis.runs.texts import whole_prompts
from results import decisions
from results.whole import write_text

EXAMPLES = """\
  isoquant report pilot --out report.html --gpu H100 --replay --claims --new mine:my-model
"""


def add(commands: arguments.Commands) -> None:
    text = "write all results of a run as one HTML file, RUN/report.html, that opens from disk"
    command = commands.add_parser("report", help=text, description=text, epilog=EXAMPLES)
    arguments.add_choices(command)
    arguments.add_match_at(command)
    default = Size()
    add = command.add_argument
    add("--prompts", type=int, default=default.num_prompts, help="most prompts whose texts are shown")
    add("--samples", type=int, default=default.num_samples, help="most samples whose texts are shown of each")
    add("--replay", action="store_true", help="add the policies of `isoquant replay`: who should get the compute")
    add("--claims", action="store_true", help="add the verdicts of `isoquant claims`")
    add(
        "--new",
        metavar="NEW",
        help="add the comparison of RUN:MODEL, as `isoquant compare` prints it",
    )
    add("--out", type=Path, metavar="FILE", help="file for the page, instead of RUN/report.html")
    command.set_defaults(every_cost=True)


def run(options: argparse.Namespace) -> dict[str, object]:
    """Write the report of a run; print where it lies and how large it is."""
    root = arguments.run_folder(options.run)
    if min(options.prompts, options.samples) < 1:
        raise ValueError("--prompts and --samples must be at least 1.")
    reading = arguments.read(root, options)
    size = Size(options.prompts, options.samples)
    every = arguments.everywhere(root, reading, options)
    text = build.build(root, reading, every, size=size, more=_more(root, reading, options))
    path = write_text(arguments.written(options, root, "report.html"), text)
    num_bytes = path.stat().st_size
    print(f"{path}: {num_bytes / 1e6:.1f} MB, opens in any browser")
    for line in arguments.other_axes(reading):
        print(line)
    return {"run": str(root), "report": path, "num_bytes": num_bytes}


def _more(root: Path, reading: Reading, options: argparse.Namespace) -> list[Section]:
    """The sections that are asked for."""
    sections = _of_verifiers(root, reading, options) if reading.reads_scores else []
    with contextlib.suppress(UntoldError):
        from analysis.report import thinking as section_of_thinking

        sections.append(section_of_thinking.section(thinking.measure(root, reading, None), reading))
    if asked := search.of_run(root, reading, options):
        from analysis.report import search as section_of_search

        sections.append(section_of_search.section(asked))
    if (of_run := strategies.of_run(root, reading)) is not None:
        from analysis.report import strategies as section_of_strategies

        sections.append(section_of_strategies.section(*of_run))
    if rows := decisions.read(root):
        from analysis.report import goal as section_of_goal

        with contextlib.suppress(UntoldError):
            sections.append(section_of_goal.section(rows, goal.frame(root, rows)))
    if options.claims:
        from analysis.commands import claims
        from analysis.report import claims as section_of_claims

        sections.append(section_of_claims.section(claims.of_run(root, reading), options.run))
    if options.new:
        from analysis.report import compare

        sections.append(
            compare.draw(arguments.compared(Source(root, None), arguments.source(options.new), options))
        )
    if options.replay:
        from analysis.policies import replays
        from analysis.report import replays as section

        texts = whole_prompts(root, reading.asked.task, reading.asked.prompt_ids)
        sections.append(section.section(replays.replay(reading, replays.Asked(), texts=texts)))
    return sections


def _of_verifiers(root: Path, reading: Reading, options: argparse.Namespace) -> list[Section]:
    """What a budget buys with each verifier of the run, and up to which workload, as far as the run can tell."""
    from analysis.report import splits

    sections = [splits.of_workloads(reading)]
    with contextlib.suppress(UntoldError):
        sections.insert(0, splits.section(arguments.split(root, reading, options)))
    return [each for each in sections if each is not None]
