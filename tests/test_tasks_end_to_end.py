"""Tasks of both sources on the embedded ladder's real engine: composed,
drawn, graded and read, by one engine start.
"""

import json
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from results import store
from results.schema import ANSWERS, GRADES, PROMPTS, TRACES
from sweeps.compose import build_job
from sweeps.grade import grade_run
from sweeps.identity import name_task
from sweeps.job import Job, run_job
from tests.borrowed import lend
from tests.conftest import RUNG, Running

pytestmark = pytest.mark.long
SIZE, WIDTH = 4, 2
METHOD = "{_target_: hydra.utils.get_method, path: harness.tasks.reasoning_gym.%s}"
ARITHMETIC = ["task=reasoning_gym", "task.instructions=''", f"task.extract={METHOD % 'read_whole'}"]
ARITHMETIC += [f"+task.render={METHOD % 'render_expression'}"]
TASKS = {
    "countdown": ["task=countdown"],
    "chain_sum": [*ARITHMETIC, "task.name=chain_sum", "+task.params.max_digits=2"],
    "products": [*ARITHMETIC, "task.name=products", "+task.params.max_digits=2"],
    "basic_arithmetic": [*ARITHMETIC, "task.name=basic_arithmetic"],
    "sums": ["task=lm_eval", "task.name=sums"],
}
# In the embedded ladder's alphabet, a worked example included.
SUMS = """
task: sums
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}, train: {data}}}}}
output_type: generate_until
test_split: test
training_split: train
fewshot_config: {{sampler: first_n}}
num_fewshot: 1
doc_to_text: "{{{{a}}}}+{{{{b}}}}="
doc_to_target: "{{{{a + b}}}}"
target_delimiter: ""
fewshot_delimiter: ";"
generation_kwargs: {{until: [";"], do_sample: false}}
metric_list: [{{metric: exact_match, aggregation: mean, higher_is_better: true}}]
metadata: {{version: 1.0}}
"""


def write_sums(folder: Path) -> Path:
    """A task of one's own: a YAML and its documents."""
    folder.mkdir()
    documents = [{"a": 3 * i + 1, "b": 2 * i + 5} for i in range(SIZE + 2)]
    (folder / "sums.jsonl").write_text("".join(json.dumps(document) + "\n" for document in documents))
    (folder / "sums.yaml").write_text(SUMS.format(data=folder / "sums.jsonl"))
    return folder


def compose_job(root: Path, running: Running, overrides: list[str]) -> Job:
    sizes = [f"task.size={SIZE}", f"grid.widths=[1,{WIDTH}]", "grid.budgets=[0,32]", "grid.bin_samples=2"]
    # On prompts that it never learned, the rung closes its thinking rarely.
    sizes += ["probe=false"]
    model = [f"model={RUNG.name}", f"grid.anchor={RUNG.name}", "model.pretraining_source=null"]
    with initialize_config_dir(str(Path("conf").resolve()), version_base="1.3"):
        config = compose("sweep", ["experiment=embedded", *model, *sizes, f"run={root}", *overrides])
    return lend(build_job(config), running)


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory, running: Running) -> tuple[Path, dict[str, Job]]:
    folder = tmp_path_factory.mktemp("tasks")
    root, own = folder / "run", write_sums(folder / "own")
    jobs = {
        name: compose_job(root, running, [*overrides, *([f"task.include_path={own}"] if name == "sums" else [])])
        for name, overrides in TASKS.items()
    }
    for job in jobs.values():
        run_job(job)
    grade_run(root, [job.task for job in jobs.values()])
    return root, jobs


@pytest.mark.parametrize("name", TASKS)
def test_every_sample_of_a_task_is_drawn_answered_and_graded(
    swept: tuple[Path, dict[str, Job]], name: str
) -> None:
    root, jobs = swept
    prompts = {prompt.prompt_id for prompt in jobs[name].task.load()}
    stored = store.scan(root, PROMPTS).to_pylist()
    assert {row["prompt_id"] for row in stored if row["task"] == name_task(jobs[name].task)} == prompts
    for table, least in ((TRACES, SIZE * (WIDTH + 2)), (ANSWERS, SIZE * (2 * WIDTH + 2)), (GRADES, SIZE * 4)):
        rows = [row for row in store.scan(root, table).to_pylist() if row["prompt_id"] in prompts]
        assert len(prompts) == SIZE and len(rows) >= least, table.name
    graded = [row for row in store.scan(root, GRADES).to_pylist() if row["prompt_id"] in prompts]
    answered = [row for row in store.scan(root, ANSWERS).to_pylist() if row["prompt_id"] in prompts]
    assert len(graded) == len(answered)


def test_what_was_never_learned_is_wrong_and_labelled(swept: tuple[Path, dict[str, Job]]) -> None:
    root, _ = swept
    outcomes = {row["outcome"] for row in store.scan(root, GRADES).to_pylist()}
    assert "wrong" in outcomes and outcomes <= {"correct", "wrong", "unparsed", "truncated", "unanswered"}


def test_lm_evals_examples_stand_in_the_prompt(swept: tuple[Path, dict[str, Job]]) -> None:
    _, jobs = swept
    assert [prompt.text for prompt in jobs["sums"].task.load()[:2]] == ["1+5=6;1+5=", "1+5=6;4+7="]


def test_a_prompt_that_the_tokenizer_cannot_write_is_told_with_its_characters(
    tmp_path: Path, running: Running
) -> None:
    job = compose_job(tmp_path / "run", running, ["task=reasoning_gym", "task.name=chain_sum"])
    with pytest.raises(ValueError, match="no tokens for 'S' 't' 'a' 'e'.*in the prompt 'State the final"):
        run_job(job)
