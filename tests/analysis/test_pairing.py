"""What may be compared with what: the same prompts, the same words,
the same grader; and what is said where not.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.runs import pairing
from analysis.runs.pairing import Pairing, Source
from results import schema, store
from tests.analysis import conftest
from tests.analysis.conftest import LADDER

NUM_PROMPTS = 6
Make = Callable[..., Path]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three rungs on six prompts, whose texts are recorded."""
    root = tmp_path_factory.mktemp("pairing") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conftest, "BUDGETS", (0, 256))
        conftest.write_run(root, LADDER[-3:], num_prompts=NUM_PROMPTS, num_samples=2, bin_samples=2)
    ask(root, {f"planted/{number:04d}": f"hash {number}" for number in range(NUM_PROMPTS)})
    return root


def ask(root: Path, hashes: dict[str, str]) -> None:
    rows = [
        {"task": "planted", "prompt_id": name, "prompt_hash": value, "dials": "{}"}
        for name, value in hashes.items()
    ]
    store.append(root, schema.PROMPTS, rows, writer="prompts")


def rewrite(root: Path, table: schema.Table, change: Callable[[dict], dict | None]) -> None:
    """Every row of a table as `change` makes it; None takes it out."""
    rows = store.scan(root, table).to_pylist()
    shutil.rmtree(root / table.name)
    store.append(root, table, [row for row in map(change, rows) if row is not None], writer="again")


@pytest.fixture
def copy(original: Path, tmp_path: Path) -> Make:
    def make(name: str = "new") -> Path:
        return Path(shutil.copytree(original, tmp_path / name))

    return make


def read(base: Path, new: Path, **options: bool) -> Pairing:
    return pairing.read(Source(base, "0.4m"), Source(new, "1.1m"), **options)


def test_two_copies_of_a_run_are_paired_on_all_prompts(original: Path, copy: Make):
    paired = read(original, copy())
    assert paired.base.prompt_ids.tolist() == [f"planted/{number:04d}" for number in range(NUM_PROMPTS)]
    assert [arm.rung.name for arm in paired.base.arms] == ["0.4m"] and paired.new.rung.name == "1.1m"
    assert paired.num_samples == 2 and paired.base.budgets.tolist() == [0, 256]


def test_the_new_model_is_left_out_of_the_ladder_of_its_own_run(original: Path):
    paired = pairing.read(Source(original, None), Source(original, "0.4m"))
    assert [arm.rung.name for arm in paired.base.arms] == ["125k", "1.1m"]
    assert paired.base.bins is not None and paired.base.bins.rung.name == "1.1m"


def test_a_copy_of_a_rung_is_compared_with_the_whole_ladder(original: Path, copy: Make):
    paired = pairing.read(Source(original, None), Source(copy(), "0.4m"))
    assert [arm.rung.name for arm in paired.base.arms] == ["125k", "0.4m", "1.1m"]
    assert paired.new.rung.name == "0.4m (new)"


def test_a_run_of_several_models_has_to_be_told_which(original: Path):
    with pytest.raises(ValueError, match="NEW must be one model; .*125k, 0.4m, 1.1m"):
        pairing.read(Source(original, "0.4m"), Source(original, None))
    with pytest.raises(ValueError, match="No model 'x'.*125k, 0.4m, 1.1m"):
        pairing.read(Source(original, "x"), Source(original, "0.4m"))


def test_a_prompt_in_other_words_is_refused_and_left_out_of_the_overlap(original: Path, copy: Make):
    other = copy()
    rewrite(
        other, schema.PROMPTS, lambda row: row | ({"prompt_hash": "x"} if row["prompt_id"][-1] in "03" else {})
    )
    with pytest.raises(
        ValueError,
        match="same prompts and settings: 2 prompts are different under the same id; --overlap .* the 4 ",
    ):
        read(original, other)
    paired = read(original, other, is_overlap=True)
    assert paired.base.prompt_ids.tolist() == [f"planted/{number:04d}" for number in (1, 2, 4, 5)]
    assert paired.new.samples.correct.shape[1] == 4 and "different under the same id" in paired.notes[0]


def test_prompts_of_one_side_alone_are_counted(original: Path, copy: Make):
    other = copy()
    rewrite(other, schema.PROMPTS, lambda row: None if row["prompt_id"].endswith("0") else row)
    with pytest.raises(ValueError, match="1 prompts are only in .*run; --overlap compares the 5"):
        read(original, other)
    assert len(read(original, other, is_overlap=True).base.prompt_ids) == 5


def test_where_no_words_are_shared_there_is_nothing_to_overlap(original: Path, copy: Make):
    other = copy()
    rewrite(other, schema.PROMPTS, lambda row: row | {"prompt_hash": "x"})
    with pytest.raises(ValueError, match="6 prompts are different under the same id.$"):
        read(original, other)
    with pytest.raises(ValueError, match="share no finished prompt"):
        read(original, other, is_overlap=True)


def test_another_task_or_template_is_refused_with_what_differs(original: Path, copy: Make):
    base, other = copy("base"), copy()
    for root, shots in ((base, 0), (other, 5)):
        task = "planted" if root == base else "planted-2"
        parts = json.dumps(
            {"task": {"name": "planted", "num_fewshot": shots}, "sampling": {}, "weights": str(root)}
        )
        rewrite(
            root, schema.MODELS, lambda row, task=task, parts=parts: row | {"task": task, "identity_parts": parts}
        )
        rewrite(root, schema.PROMPTS, lambda row, task=task: row | {"task": task})
    with pytest.raises(ValueError, match="planted and planted-2 .task.num_fewshot is 0 in BASE and 5 in NEW"):
        read(base, other)


def test_another_version_of_the_grader_is_refused_and_the_newest_of_both_overlaps(original: Path, copy: Make):
    other = copy()
    rows = store.scan(other, schema.GRADES).to_pylist()
    store.append(
        other, schema.GRADES, [row | {"grader_version": "2", "correct": True} for row in rows], writer="again"
    )
    with pytest.raises(
        ValueError, match="graded by planted 1 and planted 2, and `isoquant grade` grades them again"
    ):
        read(original, other)
    paired = read(original, other, is_overlap=True)
    assert (
        not paired.new.samples.correct.all() and "planted 1, the latest grader that both have" in paired.notes[0]
    )


def test_settings_beside_the_weights_are_noted_not_refused(original: Path, copy: Make):
    base, other = copy("base"), copy()
    for root, temperature in ((base, 0.6), (other, 1.0)):
        parts = json.dumps({"task": {}, "sampling": {"temperature": temperature}, "chat_template": str(root)})
        rewrite(root, schema.MODELS, lambda row, parts=parts: row | {"identity_parts": parts})
    assert read(base, other).notes == ("sampling.temperature is 0.6 in BASE and 1.0 in NEW",)


def ask_each(root: Path, temperatures: dict[str, float]) -> None:
    """Records another temperature for each model of a run."""

    def change(row: dict) -> dict:
        return row | {"identity_parts": json.dumps({"sampling": {"temperature": temperatures[row["model"]]}})}

    rewrite(root, schema.MODELS, change)


def test_models_of_one_run_that_were_asked_differently_are_noted(copy: Make):
    root = copy()
    ask_each(root, {"125k": 0.6, "0.4m": 0.6, "1.1m": 1.0})
    paired = pairing.read(Source(root, None), Source(root, "1.1m"))
    assert paired.notes == ("sampling.temperature is 0.6 in BASE and 1.0 in NEW",)
    assert pairing.read(Source(root, "125k"), Source(root, "0.4m")).notes == ()


def test_a_rung_of_the_base_that_was_asked_differently_is_named(copy: Make):
    root = copy()
    ask_each(root, {"125k": 0.6, "0.4m": 1.0, "1.1m": 1.0})
    paired = pairing.read(Source(root, None), Source(root, "1.1m"))
    assert paired.notes == ("sampling.temperature is 0.6 of 125k in BASE and 1.0 in NEW",)


def test_a_side_with_fewer_samples_is_named_with_what_it_cuts(original: Path, copy: Make):
    other = copy()
    rewrite(other, schema.CELLS, lambda row: row | {"num_samples": 1})
    paired = read(original, other)
    assert paired.num_samples == 1
    assert any("widths end at 1 sample a prompt, because 1.1m has no more" in note for note in paired.notes)


def test_an_unfinished_prompt_is_left_out_and_said_so(original: Path, copy: Make):
    other = copy()
    rewrite(
        other,
        schema.GRADES,
        lambda row: None if (row["prompt_id"], row["identity"]) == ("planted/0002", "1.1m-identity") else row,
    )
    paired = read(original, other)
    assert len(paired.base.prompt_ids) == NUM_PROMPTS - 1
    assert any(
        "1 prompts are left out, because they are not finished: 1.1m lacks samples" in note
        for note in paired.notes
    )
