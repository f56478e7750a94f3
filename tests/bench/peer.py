"""(c) The harness against lm_eval: the same model, prompts and number of samples, one budget, since it has one."""

import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from harness.rendering import load_tokenizer
from harness.samples import Pending
from harness.types import Prompt
from tests.bench.workload import BUDGETS, THINKING, Workload, reset_cache
from tests.real_server import serve_model

WIDTH = 16
ANSWER_TOKENS = 32
# Each side is as fast as its best try.
TRIES = 3
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


class Speed(NamedTuple):
    """The best try: its seconds and tokens a second; how many samples it drew, and how many of them differ."""

    seconds: float
    tokens_a_second: float
    num_samples: int
    num_distinct: int


def measure_lm_eval(path: str, prompts: Sequence[Prompt], *, samples_in_flight: int) -> Speed:
    """lm_eval's own client against vLLM's server, by its `local-completions`; start-up and loading are not counted.

    As many requests are in flight as of ours.
    """
    from lm_eval.models.openai_completions import LocalCompletionsAPI

    tokenizer = load_tokenizer(path)
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
            tries = []
            for _ in range(TRIES):
                started = time.perf_counter()
                texts = lm.generate_until(requests, disable_tqdm=True)
                tries.append((time.perf_counter() - started, texts))
    seconds, texts = min(tries)
    by_prompt = [(request.args[0], text) for request, text in zip(requests, texts, strict=True)]
    # The marker and the end of text are not in what the server sends.
    num_tokens = sum(len(tokenizer.encode(text, add_special_tokens=False)) + 2 for text in texts)
    return Speed(seconds, num_tokens / seconds, len(texts), len(set(by_prompt)))


async def measure_harness(workload: Workload) -> Speed:
    """The harness on as many samples of the largest budget, stored."""
    pending = [[Pending(key, BUDGETS[-1:]) for key in keys] for keys in workload.keys(WIDTH)]
    tries = []
    for number in range(TRIES):
        await reset_cache(workload)
        with tempfile.TemporaryDirectory() as root:
            tries.append(await workload.named(f"peer-{number}").finish(pending, root=Path(root)))
    best = min(tries, key=lambda spent: spent.seconds / spent.num_tokens)
    written = {(rows.key.prompt.prompt_id, sum((t.token_ids for t in rows.traces), ())) for rows in best.sampled}
    return Speed(best.seconds, best.num_tokens / best.seconds, len(best.sampled), len(written))


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
