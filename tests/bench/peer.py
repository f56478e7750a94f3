"""(c) The harness against lm_eval: the same model, prompts and number of samples, one budget, since it has one."""

import asyncio
import contextlib
import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from harness.rendering import load_tokenizer
from harness.types import Prompt
from tests.bench.slices import Job, Pair, Spent, Way, draw, measure_pair
from tests.bench.workload import BUDGETS, THINKING, Workload
from tests.real_server import serve_model

# Wide enough that the end of the queue, where few samples are left, is a small part of it.
WIDTH = 32
ANSWER_TOKENS = 32
YAML = """
task: countdown_bench
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}}}}}
test_split: test
output_type: generate_until
doc_to_text: "{{{{text}}}}"
doc_to_target: ""
repeats: {repeats}
generation_kwargs: {{{seed}until: [], do_sample: true, temperature: 1.0, max_gen_toks: {max_tokens}}}
metric_list: [{{metric: exact_match, aggregation: mean, higher_is_better: true}}]
"""


class Written(NamedTuple):
    """One sample of either: its prompt, what it thought, and its tokens."""

    prompt: str
    thought: str
    num_tokens: int


class Speed(NamedTuple):
    """Seconds and tokens a second of one side; how many samples it drew, and how many of them differ."""

    seconds: float
    tokens_a_second: float
    num_samples: int
    num_distinct: int


def measure(pair: Pair, other: Way, *, rounds: int) -> list[tuple[Speed, Speed]]:
    """The harness and lm_eval, round by round, as many requests of either in flight.

    Start-up and loading are not counted.
    """
    return [(_speed(own), _speed(theirs)) for own, theirs in measure_pair(pair, (harness, other), rounds=rounds)]


def _speed(spent: Spent) -> Speed:
    num_tokens = sum(sample.num_tokens for sample in spent.made)
    distinct = {(sample.prompt, sample.thought) for sample in spent.made}
    return Speed(spent.seconds, num_tokens / spent.seconds, len(spent.made), len(distinct))


async def harness(workload: Workload) -> Job:
    """Samples of the largest budget, stored."""
    job = draw(workload, workload.pending(WIDTH, BUDGETS[-1:]))

    async def run(tell: Callable[[], None]) -> list[Written]:
        return [
            Written(rows.key.prompt.text, "".join(trace.text for trace in rows.traces), rows.num_tokens)
            for rows in await job.run(tell)
        ]

    return Job(job.num_samples, run)


async def lm_eval(workload: Workload) -> Job:
    """As it comes: it sends one seed with every request, so that the samples of a prompt are copies of one."""
    return await _ask_lm_eval(workload, seed="")


async def lm_eval_unseeded(workload: Workload) -> Job:
    """Told to send no seed, so that samples differ."""
    return await _ask_lm_eval(workload, seed="seed: null, ")


async def _ask_lm_eval(workload: Workload, *, seed: str) -> Job:
    """lm_eval's own client against vLLM's server, by its `local-completions`; the worker's own engine idles."""
    from lm_eval.models.openai_completions import LocalCompletionsAPI

    path, in_flight, open_resources = workload.path, workload.samples_in_flight, contextlib.ExitStack()
    tokenizer = load_tokenizer(path)
    folder = Path(open_resources.enter_context(tempfile.TemporaryDirectory()))
    requests = _build_requests(folder, workload.prompts, seed=seed)
    url = open_resources.enter_context(serve_model(path, log=folder / "log.txt", settings=workload.settings))
    lm = LocalCompletionsAPI(
        base_url=f"{url}/completions",
        model=path,
        tokenizer=path,
        tokenizer_backend="huggingface",
        num_concurrent=in_flight,
        max_length=320,
    )

    def complete(asked: Sequence[Any]) -> list[Written]:
        texts = lm.generate_until(asked, disable_tqdm=True)
        # The end of text is not in what the server sends.
        counts = [len(tokenizer.encode(text, add_special_tokens=False)) + 1 for text in texts]
        return [Written(request.args[0], *sample) for request, *sample in zip(asked, texts, counts, strict=True)]

    async def run(tell: Callable[[], None]) -> list[Written]:
        lm.set_cache_hook(Hook(tell))
        return await asyncio.to_thread(complete, requests)

    await asyncio.to_thread(complete, requests[:in_flight])
    return Job(len(requests), run, open_resources.close)


class Hook:
    """What lm_eval tells of every response, to be cached."""

    def __init__(self, tell: Callable[[], None]) -> None:
        self._tell = tell

    def add_partial(self, *_: Any) -> None:
        self._tell()


def _build_requests(folder: Path, prompts: Sequence[Prompt], *, seed: str) -> list[Any]:
    """lm_eval's requests of a task in its own YAML on a local file, each repeated as its evaluator does."""
    from lm_eval.tasks import TaskManager

    data = folder / "prompts.jsonl"
    data.write_text("".join(json.dumps({"text": prompt.text + THINKING.open}) + "\n" for prompt in prompts))
    max_tokens = BUDGETS[-1] + ANSWER_TOKENS
    (folder / "countdown.yaml").write_text(YAML.format(data=data, seed=seed, repeats=WIDTH, max_tokens=max_tokens))
    loaded = TaskManager(include_path=str(folder), include_defaults=False).load("countdown_bench")
    (task,) = _leaves(loaded)
    task.build_all_requests(limit=None, rank=0, world_size=1)
    return [request for request in task.instances for _ in range(request.repeats or WIDTH)]


def _leaves(loaded: Any) -> list[Any]:
    """The tasks of what TaskManager.load returns."""
    tasks = loaded["tasks"] if isinstance(loaded, dict) and "tasks" in loaded else loaded
    return list(tasks.values()) if isinstance(tasks, dict) else [tasks]
