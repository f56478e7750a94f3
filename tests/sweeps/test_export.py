"""An exported task in lm-eval's own hands: the same prompts, and grades of what follows the thinking."""

import subprocess
import sys
from pathlib import Path

import pytest

from harness.tasks.reasoning_gym import ReasoningGym

SIZE = 3


def test_lm_eval_reads_the_same_prompts_and_grades_as_the_task_does(tmp_path: Path) -> None:
    from lm_eval.tasks import TaskManager

    words = [str(tmp_path / "out"), "experiment=embedded", "task=reasoning_gym", f"task.size={SIZE}"]
    done = subprocess.run(
        [sys.executable, "-m", "sweeps", "export", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "--tasks isoquant_chain_sum" in done.stdout
    manager = TaskManager(include_path=str(tmp_path / "out"), include_defaults=False)
    exported = manager.load("isoquant_chain_sum")["tasks"]["isoquant_chain_sum"]
    exported.build_all_requests(rank=0, world_size=1)
    task = ReasoningGym(
        "chain_sum", 2_000_000, SIZE, instructions="\nGive the answer alone between <answer> and </answer>."
    )
    prompts = task.load()
    assert [request.args[0] for request in exported.instances] == [prompt.text + "<think>" for prompt in prompts]
    for prompt, request in zip(prompts, exported.instances, strict=True):
        gold = f"<answer>{prompt.reference['answer']}</answer>"
        graded = [
            exported.process_results(request.doc, [text])["correct"]
            for text in (f"hm</think>{gold}", f"{gold}</think>no", gold)
        ]
        assert graded == [1.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "Usage: python -m sweeps export FOLDER"),
        (["task=countdown"], "Usage: python -m sweeps export FOLDER"),
        (["x", "task=countdwn"], "Could not find 'task/countdwn'"),
        (["x", "task.name=countdwn"], "cannot make task 'countdwn'"),
    ],
)
def test_a_mistake_is_told_in_a_line(words: list[str], message: str, tmp_path: Path) -> None:
    if words[:1] == ["x"]:
        words = [str(tmp_path / "x"), *words[1:]]
    done = subprocess.run(
        [sys.executable, "-m", "sweeps", "export", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0 and message in done.stderr and "Traceback" not in done.stderr
