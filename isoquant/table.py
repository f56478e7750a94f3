"""Every command: its group, the module that knows its options, and half a line about it. Imports nothing of ours.

A module of a command has `add(commands)`, which adds its parser, and `run(options)`, which does the work, prints
what people read and returns what `--json` prints: values, tables and named tuples as they were computed, or None.
"""

from typing import NamedTuple


class Command(NamedTuple):
    """module: dotted; text: half a line."""

    module: str
    text: str


DRAWN = "Stopped. What was drawn and graded is kept; run the same command again to go on."
STORED = "Stopped. What was stored is kept; run the same command again to go on."
READ = "Stopped. A file that was not complete is not kept."
GROUPS: dict[str, dict[str, Command]] = {
    "draw": {
        "sweep": Command(
            "isoquant.sweep", "draw the missing samples of a grid, grade them, print the table, draw figures"
        ),
        "plan": Command("sweeps.commands.plan", "what `sweep` would draw with the same options, and its cost"),
        "grade": Command("sweeps.commands.grade", "grade answers that the current graders have not graded"),
        "score": Command(
            "sweeps.commands.score", "have a reward model read the answers of a run, store its scores"
        ),
        "export": Command("sweeps.commands.export", "write a task as a folder that lm-eval runs"),
        "unroll": Command("sweeps.commands.unroll", "write a looped model as an ordinary checkpoint"),
        "probe": Command("isoquant.probe", "time models of any shape without weights; which shape is best"),
    },
    "bring in": {
        "ingest": Command("results.ingest.command", "read lm-eval's or Inspect's logs, or a table, into a run"),
        "embed": Command("results.embed.command", "store embeddings of a run's prompts, for routers"),
    },
    "read": {
        "summary": Command("analysis.commands.summary", "accuracy, tokens and exchange rates"),
        "match": Command("analysis.commands.match", "what a smaller model needs to match the largest"),
        "compare": Command("analysis.commands.compare", "what a new model gains and loses on the same prompts"),
        "laws": Command("analysis.commands.laws", "which curves and laws accuracy follows"),
        "votes": Command("analysis.commands.votes", "what several answers to one prompt are worth together"),
        "axes": Command(
            "analysis.commands.axes", "whether tool calls scale as thinking tokens do, and what they found"
        ),
        "power": Command(
            "analysis.commands.power", "how many prompts and samples show a difference of two models"
        ),
        "health": Command(
            "analysis.commands.health", "how answers end in every cell: cut, forced, unparsed, seconds"
        ),
        "thinking": Command(
            "analysis.commands.thinking",
            "whether models think well: flips, too much or too little, stops, lengths",
        ),
        "verifier": Command(
            "analysis.commands.verifier", "how well scores tell right answers from wrong, and what they gain"
        ),
        "search": Command(
            "analysis.commands.search", "whether search against a verifier beats samples of the same compute"
        ),
        "strategies": Command(
            "analysis.commands.strategies", "whether rounds of calls beat the vote of samples of the same compute"
        ),
        "claims": Command(
            "analysis.commands.claims", "which claims about inference compute a run supports or refutes"
        ),
        "goal": Command(
            "analysis.commands.goal", "what a sweep with a goal knew after each round, and drew for it"
        ),
        "serve": Command(
            "analysis.commands.serve", "train a larger model or sample a smaller one: which is cheaper"
        ),
    },
    "draw figures": {
        "figures": Command("analysis.commands.figures", "every figure of a run, with the table behind it"),
        "report": Command("analysis.commands.report", "all results of a run as one HTML file"),
        "replay": Command("analysis.commands.replay", "who should get the compute, replayed on stored outcomes"),
        "route": Command("analysis.commands.route", "routers over models, budgets and widths, against mixtures"),
    },
    "check": {
        "validate": Command(
            "analysis.commands.validate", "simulate known truths: how often intervals contain them"
        ),
    },
    "share": {
        "merge": Command("results.travel.commands.merge", "make one run of two of the same ladder"),
        "pack": Command("results.travel.commands.pack", "write a run as one file that any machine can read"),
        "unpack": Command("results.travel.commands.unpack", "turn a packed run back into a folder"),
    },
    "shell": {
        "completion": Command("isoquant.completion", "tab completion for bash, zsh or fish"),
    },
}
HEAD = (
    "usage: isoquant COMMAND [options]    COMMAND --help: options, examples    "
    "RUN: a folder, or a name in results/runs"
)
# Not listed: one makes what this project itself shows, one does for old runs what jobs do by themselves.
HIDDEN = {
    "gallery": Command("analysis.commands.gallery", "make the pictures and text of docs/gallery.md again"),
    "compact": Command("results.compacting", "merge the small files of a run into few large ones"),
}
COMMANDS = {name: command for group in GROUPS.values() for name, command in group.items()} | HIDDEN
STOPPED = (
    dict.fromkeys(GROUPS["draw"], DRAWN)
    | {"score": STORED, "probe": STORED}
    | dict.fromkeys(GROUPS["bring in"], STORED)
)
# Those that read a run whole, and say nothing of how far they are themselves.
TOLD = ({*GROUPS["read"], *GROUPS["draw figures"]}) - {"route"}


def overview() -> str:
    """What `isoquant --help` prints: every command by its group, in a screen."""
    rows = [
        f"{title if first else '':<14}{name:<12}{command.text}"
        for title, group in GROUPS.items()
        for first, (name, command) in zip([True] + [False] * len(group), group.items(), strict=False)
    ]
    return "\n".join([HEAD, *rows])
