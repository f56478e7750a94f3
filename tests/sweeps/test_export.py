"""An exported task in lm-eval's own hands: the same prompts, and grades of what follows the thinking."""

from pathlib import Path

import pytest

from harness.tasks.reasoning_gym import ReasoningGym
from isoquant.__main__ import main

SIZE = 3


def test_lm_eval_reads_the_same_prompts_and_grades_as_the_task_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from lm_eval.tasks import TaskManager

    words = ["experiment=embedded", "task=reasoning_gym", f"task.size={SIZE}"]
    assert main(["export", str(tmp_path / "out"), *words]) == 0
    assert "--tasks isoquant_chain_sum" in capsys.readouterr().out
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
        (["task=countdwn"], "Could not find 'task/countdwn'"),
        (["task.name=countdwn"], "cannot make task 'countdwn'"),
        (["task.colour=red"], "colour"),
    ],
)
def test_a_mistake_is_told_in_a_line(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(tmp_path / "x"), *words]) == 2
    said = capsys.readouterr().err
    assert message in said and said.startswith("error: ")
