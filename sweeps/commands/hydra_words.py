"""Words of Hydra's after a command: whatever argparse does not know is one, in its order."""

import argparse
import textwrap

WIDTH = 100
WORDS = "name=value ..."
MEANING = (
    "experiment=NAME takes what to draw from conf/experiment. model.path=FOLDER (or a hub id) draws one model "
    "with the settings of its checkpoint. Set any value of the config as name=value; --cfg job prints all of "
    "them. RUN in front goes on from a run with the words it was made with; add only what is new: +task.size=8 "
    "for 8 more prompts."
)


def add_words(command: argparse.ArgumentParser) -> None:
    """Have a command take Hydra's words."""
    command.usage = f"{command.prog} [RUN] [{WORDS}] [options]"
    command.add_argument_group(
        "name=value", textwrap.fill(MEANING, WIDTH, initial_indent="  ", subsequent_indent="  ")
    )
    # Hydra's flags are no abbreviations of ours.
    command.allow_abbrev = False
    command.set_defaults(words=[])
