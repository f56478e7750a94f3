"""A task as a folder that lm-eval runs: its YAML, its prompts as JSON lines, and a module that grades as we do."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.types import Sampling, Task, Thinking
from results.whole import write_whole

YAML = """# Written by `isoquant export`; run from the checkout, whose graders it uses:
# python -m lm_eval --include_path {folder} --tasks {name} --model ...
task: {name}
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}}}}}
output_type: generate_until
test_split: test
doc_to_text: text
doc_to_target: ""
process_results: !function {module}.process_results
metric_list:
  - {{metric: correct, aggregation: mean, higher_is_better: true}}
  - {{metric: score, aggregation: mean, higher_is_better: true}}
generation_kwargs: {{until: {until}, do_sample: false, temperature: 0.0, max_gen_toks: {max_tokens}}}
metadata: {{version: 1.0}}
"""
GRADE = '''"""Grades {name} as its own task does. Written by `isoquant export`."""

import json

from sweeps.compose import build

TASK = build(json.loads({part!r}), "task")
CLOSE = {close!r}
PROMPTS = {{prompt.prompt_id: prompt for prompt in TASK.load()}}


def process_results(doc, results):
    """The grade of what follows the thinking; thinking that never closed has no answer."""
    answer = results[0] if CLOSE is None else results[0].partition(CLOSE)[2]
    grade = TASK.grade(PROMPTS[doc["prompt_id"]], answer)
    return {{"correct": float(grade.correct), "score": grade.score}}
'''


def export_task(
    task: Task, part: Mapping[str, Any], *, thinking: Thinking, sampling: Sampling, budget: int, folder: Path
) -> str:
    """Write the task for lm-eval, with one answer a prompt after at most `budget` thinking tokens; return its
    name.

    part: the task's config, by which it is made again to grade. Thinking is opened at the end of a plain prompt;
    where there is a chat template (`--apply_chat_template`), opening it is the template's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name, data = f"isoquant_{task.name}", folder.resolve() / f"isoquant_{task.name}.jsonl"
    opened = "" if thinking.chat else thinking.open
    rows = [{"prompt_id": prompt.prompt_id, "text": prompt.text + opened} for prompt in task.load()]
    fields = {
        "name": name,
        "folder": folder,
        "data": json.dumps(str(data)),
        "module": f"{name}_grade",
        "until": json.dumps(list(task.until)),
        "max_tokens": budget + sampling.max_answer_tokens,
    }
    grade = GRADE.format(name=task.name, part=json.dumps(part), close=thinking.close)
    write_whole(data, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode())
    write_whole(folder / f"{name}_grade.py", grade.encode())
    write_whole(folder / f"{name}.yaml", YAML.format(**fields).encode())
    return name
