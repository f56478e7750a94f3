"""A folder of lm-eval's tasks is code: what it would run is named, and does not run before it is trusted."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from jinja2 import StrictUndefined

from harness.tasks.lm_eval import LmEval
from harness.tasks.lm_eval_code import OWN_TASKS, find_shipped, list_code
from tests import forked

PLAIN = """
task: sums
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}}}}}
output_type: generate_until
test_split: test
doc_to_text: "{{{{a}}}}+{{{{b}}}}="
doc_to_target: "{{{{a + b}}}}"
metric_list: [{{metric: exact_match, aggregation: mean, higher_is_better: true}}]
"""
# What a task's YAML can have run, by what is said of it.
CODE = {
    "runs evil.f of": "process_results: !function evil.f",
    "runs os.system": "process_results: !function os.system",
    "runs evil.Task": "class: !function evil.Task",
    "runs evil.g": "filter_list: [{name: f, filter: [{function: custom, filter_fn: !function evil.g}]}]",
    "runs evil.h": "metric_list: [{metric: !function evil.h, aggregation: mean, higher_is_better: true}]",
    "runs evil.i": "custom_dataset: !function evil.i",
    "runs evil.j": "fewshot_config: {sampler: !function evil.j}",
    "runs evil.k": "doc_to_text: !function evil.k",
    "runs evil.l": "base: &b {deep: [[{x: !function evil.l}]]}\nother: *b",
    "runs evil.p": "metadata: {? !function evil.p : 1}",
    "runs evil.q": "metadata: !function evil.q\nmetadata: {version: 1}",
    "runs evil.r": "metadata: !!set {? !function evil.r}",
    "runs evil.s": "metadata: {<<: {version: !function evil.s}, version: 1}",
    "runs evil.t": "metadata: !<!function> evil.t",
    "runs something that it calls a function": "metadata: !function {=: evil.u}",
    "twice.yml runs evil.v": "include: twice.yml",
    "sets trust_remote_code": "dataset_kwargs: {trust_remote_code: true}",
    "loads its documents with the script of docs.py": "dataset_path: docs.py",
    "loads its documents with the script of scripts": "dataset_path: scripts",
    "scores with the script of the metric ./evil": "metric_list: [{metric: ./evil}]",
    "scores with the script of the metric exact_match": "metric_list: [{metric: exact_match, hf_evaluate: true}]",
    "included.yml runs evil.m": "include: included.yml",
    "far.yml runs evil.n": "include: [../far.yml]",
}


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    return tmp_path / "canary"


@pytest.fixture
def write(tmp_path: Path, canary: Path) -> Callable[[str], Path]:
    """A folder with a task of this YAML beside the plain one's,
    and modules that leave the canary where they run.
    """
    root = tmp_path / "own"

    def write(text: str) -> Path:
        (root / "scripts").mkdir(parents=True)
        for path in (root / "evil.py", root / "docs.py", root / "scripts" / "scripts.py"):
            path.write_text(f"open({str(canary)!r}, 'w')\ndef f(doc, results): return {{'exact_match': 1}}\n")
        (root / "included.yml").write_text("process_results: !function evil.m\n")
        (root / "twice.yml").write_text("metadata: !function evil.v\nmetadata: {}\n")
        (tmp_path / "far.yml").write_text("process_results: !function evil.n\n")
        data = tmp_path / "sums.jsonl"
        data.write_text("".join(json.dumps({"a": i, "b": 10 * i}) + "\n" for i in range(4)))
        lines = [line for line in PLAIN.format(data=data).splitlines() if line.split(":")[0] not in text]
        (root / "sums.yaml").write_text("\n".join([*lines, text]) + "\n")
        return root

    return write


@pytest.mark.parametrize("said", CODE)
def test_a_folder_with_code_is_refused_by_its_name_and_nothing_of_it_runs(
    said: str, write: Callable[[str], Path], canary: Path
) -> None:
    folder = write(CODE[said])
    with pytest.raises(ValueError, match=rf"{re.escape(said)}.*give task\.trust=true") as refused:
        LmEval("sums", 4, include_path=str(folder)).load()
    assert "\n" not in str(refused.value) and not canary.exists()


def test_a_folder_that_is_trusted_runs_and_says_what(write: Callable[[str], Path], canary: Path) -> None:
    folder = write(CODE["runs evil.f of"])
    task = LmEval("sums", 4, include_path=str(folder), trust=True)
    assert len(task.load()) == 4 and canary.exists()
    assert task.code == [f"sums.yaml runs evil.f of {folder / 'evil.py'}"]


def test_a_folder_without_code_needs_no_trust(write: Callable[[str], Path], canary: Path) -> None:
    task = LmEval("sums", 4, include_path=str(write("")))
    assert task.load()[1].text == "1+10=" and not task.code and not canary.exists()


def test_what_is_installed_with_us_is_trusted() -> None:
    assert list_code(OWN_TASKS) == list_code(find_shipped() / "gsm8k") == list_code(find_shipped() / "mgsm") == []


def test_what_is_installed_behind_a_link_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tasks").symlink_to(find_shipped().resolve())
    monkeypatch.setattr("harness.tasks.lm_eval_code.find_shipped", lambda: tmp_path / "tasks")
    assert list_code(tmp_path / "tasks" / "humaneval") == []


def test_a_copy_of_what_is_installed_is_not(tmp_path: Path) -> None:
    for path in OWN_TASKS.glob("*.yaml"):
        (tmp_path / path.name).write_text(path.read_text())
    assert list_code(tmp_path) == ["math500.yaml runs harness.tasks.scoring.score_boxed"]


@pytest.mark.parametrize(
    "template", ["{{ ''.__class__.__mro__ }}", "{{ cycler.__init__.__globals__.os.getcwd() }}"]
)
def test_a_template_is_filled_in_the_sandbox(template: str, write: Callable[[str], Path]) -> None:
    with pytest.raises(ValueError, match=r"access to attribute '__\w+__' of .* is unsafe"):
        LmEval("sums", 4, include_path=str(write(f'doc_to_text: "{template}"'))).load()


def test_the_sandbox_has_all_that_lm_evals_own_environment_has() -> None:
    import lm_eval.utils
    from jinja2 import Environment

    from harness.tasks.lm_eval_load import fence_templates

    fence_templates()
    fenced, plain = lm_eval.utils.env, Environment(undefined=StrictUndefined, keep_trailing_newline=True)
    assert fenced.sandboxed and set(fenced.filters) == {*plain.filters, "regex_replace"}
    told = (
        "undefined",
        "keep_trailing_newline",
        "trim_blocks",
        "lstrip_blocks",
        "autoescape",
        "block_start_string",
    )
    assert [getattr(fenced, name) for name in told] == [getattr(plain, name) for name in told]


def test_pipes_devices_and_links_to_nothing_are_told_at_once(write: Callable[[str], Path]) -> None:
    folder = write("")
    for make in (
        os.mkfifo,
        lambda path: os.symlink("/dev/zero", path),
        lambda path: os.symlink("/no/where", path),
    ):
        make(folder / "pipe.yaml")
        with pytest.raises(ValueError, match=r"pipe\.yaml cannot be read as a task file"):
            LmEval("sums", 4, include_path=str(folder)).load()
        (folder / "pipe.yaml").unlink()


def test_a_plan_refuses_code_and_says_what_it_trusts(write: Callable[[str], Path], canary: Path) -> None:
    folder = write(CODE["runs evil.f of"])
    words = (
        f"experiment=embedded model=countdown-33k run={canary.parent}/run task=lm_eval task.name=sums task.size=4"
    )
    named = f"task.include_path={folder} task.extract=textwrap.dedent"
    refused = forked.run("isoquant", "plan", *words.split(), *named.split())
    assert refused.code == 2 and "give task.trust=true" in refused.err and not canary.exists()
    told = forked.run("isoquant", "plan", *words.split(), *named.split(), "task.trust=true", "grid.budgets=[0]")
    # Lines are folded where paths are long.
    said = " ".join(told.out.split())
    assert "task.extract=textwrap.dedent; by task.trust=true, sums.yaml runs evil.f of" in said, told
