"""(c) The harness against lm_eval: the same model, prompts and number of samples, one budget, since it has one."""

import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from harness.samples import Pending
from harness.types import Prompt
from tests.bench.workload import BUDGETS, THINKING, Workload
from tests.real_server import serve_model

WIDTH = 16
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
generation_kwargs: {{until: [], do_sample: true, temperature: 1.0, max_gen_toks: {max_tokens}}}
metric_list: [{{metric: exact_match, aggregation: mean, higher_is_better: true}}]
"""


class Peer(NamedTuple):
    """What lm_eval took for its samples, requests in flight as many as ours, and how many of them differ."""

    seconds: float
    num_samples: int
    num_distinct: int


def measure_lm_eval(path: str, prompts: Sequence[Prompt], *, samples_in_flight: int) -> Peer:
    """lm_eval's own client against vLLM's server, by its `local-completions`; start-up and loading are not counted."""
    from lm_eval.models.openai_completions import LocalCompletionsAPI

    with tempfile.TemporaryDirectory() as folder:
        requests = _build_requests(Path(folder), prompts)
        with serve_model(path, log=Path(folder) / "log.txt", max_num_seqs=samples_in_flight) as url:
            lm = LocalCompletionsAPI(
                base_url=f"{url}/completions",
                model=path,
                tokenizer=path,
                tokenizer_backend="huggingface",
                num_concurrent=samples_in_flight,
                max_length=320,
            )
            lm.generate_until(requests[:samples_in_flight], disable_tqdm=True)
            started = time.perf_counter()
            texts = lm.generate_until(requests, disable_tqdm=True)
            seconds = time.perf_counter() - started
    by_prompt = [(request.args[0], text) for request, text in zip(requests, texts, strict=True)]
    return Peer(seconds, len(texts), len(set(by_prompt)))


async def measure_harness(workload: Workload) -> float:
    """Seconds of the harness for as many samples of the largest budget, stored."""
    pending = [[Pending(key, BUDGETS[-1:]) for key in keys] for keys in workload.keys(WIDTH)]
    with tempfile.TemporaryDirectory() as root:
        return (await workload.named("peer").finish(pending, root=Path(root))).seconds


def _build_requests(folder: Path, prompts: Sequence[Prompt]) -> list[Any]:
    """lm_eval's requests of a task in its own YAML on a local file, each repeated as its evaluator does."""
    from lm_eval.tasks import TaskManager

    data = folder / "prompts.jsonl"
    data.write_text("".join(json.dumps({"text": prompt.text + THINKING.open}) + "\n" for prompt in prompts))
    max_tokens = BUDGETS[-1] + ANSWER_TOKENS
    (folder / "countdown.yaml").write_text(YAML.format(data=data, repeats=WIDTH, max_tokens=max_tokens))
    loaded = TaskManager(include_path=str(folder), include_defaults=False).load("countdown_bench")
    (task,) = _leaves(loaded)
    task.build_all_requests(limit=None, rank=0, world_size=1)
    return [request for request in task.instances for _ in range(request.repeats or WIDTH)]


def _leaves(loaded: Any) -> list[Any]:
    """The tasks of what TaskManager.load returns."""
    tasks = loaded["tasks"] if isinstance(loaded, dict) and "tasks" in loaded else loaded
    return list(tasks.values()) if isinstance(tasks, dict) else [tasks]
