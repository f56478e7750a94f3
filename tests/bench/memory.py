"""(e) Memory of a job as the run grows tenfold; python -m tests.bench.memory ROOT PROMPTS BUDGETS.

The job is a process of its own on a run that is already there: it asks for one budget more, so that everything
stored is compared and every trace is read back, and draws with the scripted engine of the tests.
"""

import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path

from harness.rendering import Renderer
from harness.samples import finish_samples
from harness.traces import Context
from harness.types import Prompt, Sampling, Thinking
from ladder.tokenizer import build_tokenizer
from results.cuts import along_budgets
from sweeps.plan import PoolSpec, iterate_pending, read_states
from sweeps.provenance import Device
from sweeps.writer import Writer
from tests.harness.scripted_engine import ScriptedEngine

NUM_SAMPLES = 16
BUDGETS = (0, 16, 32, 64, 128)
MORE = (0, 16, 32, 48, 64, 128)


def measure(num_prompts: int) -> tuple[float, float]:
    """Peak MiB of a process that asks a run for one budget more:
    at this many prompts, and at ten times as many.
    """
    small, large = (_measure(count) for count in (num_prompts, 10 * num_prompts))
    return small, large


def _measure(num_prompts: int) -> float:
    with tempfile.TemporaryDirectory() as root:
        for budgets in (BUDGETS, MORE):
            command = [sys.executable, "-m", "tests.bench.memory", root, str(num_prompts), *map(str, budgets)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)


def read_peak() -> float:
    """Peak MiB of this process since it began; getrusage would count what its parent had before."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def draw(root: Path, num_prompts: int, budgets: tuple[int, ...]) -> None:
    """One job: plan, draw, append."""
    thinking = Thinking(open="<think>", close="</think>", force="</think>")
    renderer = Renderer(build_tokenizer(), thinking, eos_ids=(0,))
    prompts = [Prompt(f"countdown/{index:06d}", "1 2 3=6", {}) for index in range(num_prompts)]
    states = read_states(root, "identity", prompts, [PoolSpec("evaluation", NUM_SAMPLES, along_budgets(budgets))])
    writer = Writer(root, "model", "identity", device=Device("CPU", 1), samples_in_flight=16, flush_seconds=1.0)
    asyncio.run(
        finish_samples(
            ScriptedEngine(stop_chance=0.02, keep_requests=False),
            Context("identity", renderer, Sampling(max_answer_tokens=8)),
            iterate_pending(root, "identity", prompts, states, renderer=renderer),
            samples_in_flight=256,
            on_sample=writer.add,
        )
    )
    writer.flush()


if __name__ == "__main__":
    draw(Path(sys.argv[1]), int(sys.argv[2]), tuple(map(int, sys.argv[3:])))
    print(read_peak())
