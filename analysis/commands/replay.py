"""replay: who should get the compute: allocation, thinking or not, cascades, width against depth."""

import argparse
from dataclasses import replace

from analysis.commands import arguments, route
from analysis.runs.texts import whole_prompts

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
    route.add_at(command, "mix")


def run(options: argparse.Namespace) -> dict[str, object]:
    """Print what each policy is worth at equal mean cost; draw it into RUN/figures,
    with the CSV behind each figure.
    """
    from analysis.figures import parallel_serial, policies, stopping
    from analysis.figures.save import save
    from analysis.policies import replays
    from analysis.text import replayed

    at = route.asked_at(options)
    root = arguments.run_folder(options.run)
    reading = arguments.read(root, options)
    asked = replays.Asked(options.model, options.folds, options.probe)
    texts = whole_prompts(root, reading.asked.task, reading.asked.prompt_ids)
    found = replays.replay(reading, asked, texts=texts)
    print(replayed.render(found, at), end="\n\n")
    if reading.asked.holds_counts:
        order = f"{found.setting.num_samples:,} of each prompt were drawn from them, in a random order"
        print(f"Counts of correct samples do not show their order: {order}.", end="\n\n")
    told = {} if at is None else {"first": replayed.first_lines(found, at)}
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
        return {"run": str(root), "figures": drawn, "replay": found, "route": None} | told
    routed = route.route_if_embedded(root, options)
    return {"run": str(root), "figures": drawn, "replay": found, "route": routed} | told
