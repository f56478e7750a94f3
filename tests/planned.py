"""The plan of a job that is composed already: what the command prints and ends with, for `forked.call`."""

import sys

from harness import trial
from results.shortage import tell_refusal
from sweeps.job import Job
from sweeps.launchers.plan import show_plan


def plan(job: Job, seconds: int) -> None:
    """seconds: what a chat template may take of the processor."""
    trial.SECONDS = seconds
    try:
        show_plan([job])
    except ValueError as error:
        sys.exit(tell_refusal(error))
