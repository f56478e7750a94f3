"""python -m sweeps WORDS hydra.mode=RUN: one job, as a launcher starts it. People type `isoquant sweep`."""

import sys

from results.shortage import tell_refusal
from results.stopping import stopping_in_a_line
from sweeps.start import STOPPED, start

if __name__ == "__main__":
    with stopping_in_a_line(STOPPED):
        try:
            start(sys.argv[1:])
        except ValueError as error:
            sys.exit(tell_refusal(error))
