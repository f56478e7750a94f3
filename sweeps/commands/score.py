"""score: the answers of a run that a scorer has not read yet."""

import argparse
from pathlib import Path
from typing import Any

from results.closed import check_open
from results.places import find_folder
from results.shortage import writing_run
from sweeps.compose import Scoring, build_scoring
from sweeps.configs import compose_words
from sweeps.mistakes import find_mistake
from sweeps.score import measure, version_of
from sweeps.scored_with import ROOT, score

MEANING = (
    "scorer=NAME takes a scorer from conf/scorer, and scorer.KEY=VALUE sets its fields. engine.KEY=VALUE sets the "
    "engine that runs it; pools=[evaluation,bins] has it read the samples that sort prompts into bins as well"
)
EXAMPLES = """\
  isoquant score pilot scorer=outcome scorer.path=my-reward-model
  isoquant score pilot scorer=skywork_reward_v2_8b
  isoquant score pilot scorer=qwen25_math_prm_7b --plan       how much it would read; starts nothing
  isoquant score pilot scorer=process scorer.path=my-prm scorer.reads_thinking=true
  isoquant score pilot scorer=mean_logprob                    of a run with sampling.logprobs=true
"""


def add(commands: Any) -> None:
    text = "have a reward model read the answers of a run that it has not read, and store its scores"
    command = commands.add_parser("score", help=text, description=text, epilog=EXAMPLES)
    command.add_argument("run", metavar="RUN", help="a run folder, or a name in results/runs")
    command.add_argument("words", metavar="name=value", nargs="*", help=MEANING)
    command.add_argument("--plan", action="store_true", help="print answers and tokens to read; start nothing")


def run(options: argparse.Namespace) -> dict[str, object]:
    """Score, and print how many answers and tokens that were; with --plan how many they would be."""
    root = find_folder(options.run)
    if flag := next((word for word in options.words if word.startswith("-")), None):
        raise ValueError(f"There is no option {flag}; `isoquant score --help` lists them.")
    if mistake := find_mistake(options.words, config=ROOT):
        raise ValueError(mistake)
    scoring = build_scoring(compose_words(options.words, root=ROOT))
    told = {"run": str(root), "scorer": scoring.scorer.name, "scorer_version": version_of(scoring.scorer)}
    check_open(root)
    if options.plan:
        return told | plan(root, scoring)
    with writing_run(root):
        return told | score(root, scoring)


def plan(root: Path, scoring: Scoring) -> dict[str, object]:
    """Say what would be read."""
    needed = measure(root, scoring.scorer, pools=scoring.pools)
    architecture = scoring.scorer.described.architecture
    matmul = architecture.num_matmul_params if architecture is not None else 0
    print(
        f"{scoring.scorer.name} would read {needed.num_scores - needed.num_refused:,} answers in {root} and "
        f"refuse {needed.num_refused:,}: {needed.num_tokens:,} tokens, the longest {needed.longest:,}, about "
        f"{2 * matmul * needed.num_tokens:.3g} FLOPs"
    )
    return needed._asdict()
