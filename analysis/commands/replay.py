"""replay: who should get the compute: allocation, thinking or not, cascades, width against depth."""

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from analysis.commands import arguments, route
from analysis.runs.texts import whole_prompts

if TYPE_CHECKING:
    from analysis.policies.replays import At

EXAMPLES = """\
  isoquant replay results/reference --out figures
  isoquant replay pilot --model qwen3-4b --at-accuracy 0.9     what each policy saves at 90% of the mix's best
"""


def add(commands: arguments.Commands) -> None:
    text = "replay policies on stored outcomes: which prompt should get how many samples, tokens, or another model"
    command = commands.add_parser("replay", help=text, description=text, epilog=EXAMPLES)
    arguments.add_out(command)
    arguments.add_choices(command)
    add = command.add_argument
    add("--model", help="the model whose samples are split among prompts (the largest)")
    add("--folds", type=int, default=5, help="policies are fitted on all folds but one, and scored on that one")
    add("--probe", type=int, default=2, help="samples that the probing policy draws first")
    where = command.add_mutually_exclusive_group()
    of_cost = "compare at this share of the mix's highest cost"
    where.add_argument("--at-cost", type=float, metavar="SHARE", help=of_cost)
    of_accuracy = "compare the cheapest at this share of its best accuracy"
    where.add_argument("--at-accuracy", type=float, metavar="SHARE", help=of_accuracy)


def run(options: argparse.Namespace) -> dict[str, object]:
    """Print what each policy is worth at equal mean cost; draw it into RUN/figures,
    with the CSV behind each figure.
    """
    from analysis.figures import parallel_serial, policies, stopping
    from analysis.figures.save import save
    from analysis.policies import replays
    from analysis.text import replayed

    at = _at(options)
    root = arguments.run_folder(options.run)
    reading = arguments.read(root, options)
    asked = replays.Asked(options.model, options.folds, options.probe)
    texts = whole_prompts(root, reading.asked.task, reading.asked.prompt_ids)
    found = replays.replay(reading, asked, texts=texts)
    print(replayed.render(found, at), end="\n\n")
    if reading.asked.holds_counts:
        order = f"{found.setting.num_samples:,} of each prompt were drawn from them, in a random order"
        print(f"Counts of correct samples do not show their order: {order}.", end="\n\n")
    folder = arguments.written(options, root, "figures")
    drawn = []
    for name, studies in policies.FIGURES.items():
        frame = replays.policies_frame(found, studies=studies)
        if len(frame):
            drawn.append(save(folder, name, frame, policies.draw))
    if len(found.stopping):
        drawn.append(save(folder, "replay_stopping", replays.stopping_frame(found), stopping.draw))
    if len(found.frontiers):
        drawn.append(save(folder, "replay_parallel_serial", replays.frontier_frame(found), parallel_serial.draw))
    print(*drawn, sep="\n")
    if options.along != "budget":
        print("Not replayed: whom to think about, and routers. Both are asked along budgets: leave --along out.")
        rename = reading.words.rename
        found = replace(found, frontiers=rename(found.frontiers), surface=rename(found.surface))
        return {"run": str(root), "figures": drawn, "replay": found, "route": None}
    routed = route.route_if_embedded(root, options)
    return {"run": str(root), "figures": drawn, "replay": found, "route": routed}


def _at(options: argparse.Namespace) -> "At | None":
    """Where policies are compared, None where nothing is asked. Raises ValueError for an impossible share."""
    from analysis.policies.replays import At

    if options.at_cost is not None:
        return At("cost", options.at_cost)
    return None if options.at_accuracy is None else At("accuracy", options.at_accuracy)
