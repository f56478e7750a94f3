"""lm-eval as a source of tasks, on local files: its prompts, examples, filters and grades, and what it refuses."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.answers import last_number, math_key
from harness.rendering import Renderer, load_tokenizer
from harness.tasks.lm_eval import LmEval, cut_at
from harness.types import Prompt, Thinking

SHARED = """
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}}}}}
output_type: generate_until
test_split: test
doc_to_text: "{{{{a}}}} plus {{{{b}}}} is"
doc_to_target: "{{{{a + b}}}}"
description: "Add.\\n"
num_fewshot: 2
fewshot_config: {{sampler: first_n, samples: [{{a: 1, b: 1}}, {{a: 2, b: 2}}]}}
generation_kwargs: {{until: ["\\n", "Q:"], do_sample: false}}
filter_list:
  - {{name: strict, filter: [{{function: regex, regex_pattern: "is (\\\\d+)"}}, {{function: take_first}}]}}
  - {{name: last, filter: [{{function: regex, regex_pattern: "(\\\\d+)", group_select: -1}}, {{function: take_first}}]}}
metric_list: [{{metric: exact_match, aggregation: mean, higher_is_better: true}}]
metadata: {{version: 2.0}}
"""
OTHERS = {
    "sums": "include: shared\ntask: sums\n",
    "sums_small": "include: shared\ntask: sums_small\nnum_fewshot: 0\n",
    "sums_all": "group: sums_all\ntask: [sums, sums_small]\n",
    "sums_choice": "include: shared\ntask: sums_choice\noutput_type: multiple_choice\n",
    "sums_code": "include: shared\ntask: sums_code\nunsafe_code: true\n",
    "sums_hub": "include: shared\ntask: sums_hub\ndataset_path: nowhere/at-all\ndataset_kwargs: {}\n",
    "sums_begun": 'include: shared\ntask: sums_begun\ngen_prefix: "Well,"\n',
    "symbols": "include: sums_small.yaml\ntask: symbols\ndoc_to_text: '{{question}}'\ndoc_to_target: '{{answer}}'",
    "sums_k": "include: shared\ntask: sums_k\nfilter_list: [{name: k, filter: [{function: take_first_k, k: 2}]}]",
}
SIZE = 5


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("own")
    documents = [{"a": i, "b": 10 * i, "level": i % 3} for i in range(1, SIZE + 1)]
    (root / "sums.jsonl").write_text("".join(json.dumps(document) + "\n" for document in documents))
    (root / "shared").write_text(SHARED.format(data=root / "sums.jsonl"))
    for name, text in OTHERS.items():
        (root / f"{name}.yaml").write_text(text)
    return root


@pytest.fixture(scope="module")
def make(folder: Path) -> Callable[..., LmEval]:
    return lambda name="sums", **fields: LmEval(name, **{"size": SIZE, "include_path": str(folder), **fields})


def test_another_reader_or_filter_of_a_task_is_another_version_of_its_grader(
    make: Callable[..., LmEval], folder: Path
) -> None:
    yaml = "include: shared\ntask: sums_loose\nfilter_list: [{name: any, filter: [{function: take_first}]}]\n"
    (folder / "sums_loose.yaml").write_text(yaml)
    own = make().grader_version
    assert make().grader_version == own and make(size=3).grader_version == own
    others = [make(extract=last_number), make(vote_key=math_key), make("sums_loose")]
    assert len({own, *(other.grader_version for other in others)}) == 4


def by_lm_eval(folder: Path, name: str, **options: Any) -> list[Any]:
    """lm-eval's own requests of a task."""
    from lm_eval.tasks import TaskManager

    task = TaskManager(include_path=str(folder), include_defaults=False).load(name)["tasks"][name]
    task.set_fewshot_seed(1234)
    task.build_all_requests(rank=0, world_size=1, **options)
    return list(task.instances)


def test_prompts_are_the_contexts_that_lm_eval_sends(make: Callable[..., LmEval], folder: Path) -> None:
    prompts = make().load()
    assert [prompt.text for prompt in prompts] == [request.args[0] for request in by_lm_eval(folder, "sums")]
    assert prompts[0].text == "Add.\n1 plus 1 is 2\n\n2 plus 2 is 4\n\n1 plus 10 is"
    assert [prompt.prompt_id for prompt in prompts] == [f"sums/{i:05d}" for i in range(SIZE)]


def test_few_shot_is_the_tasks_own_or_what_is_asked_for(make: Callable[..., LmEval]) -> None:
    assert make(num_fewshot=1).load()[0].text == "Add.\n1 plus 1 is 2\n\n1 plus 10 is"
    assert make(num_fewshot=0).load()[0].text == "Add.\n1 plus 10 is"


def test_turns_are_those_that_lm_eval_gives_a_chat_template(make: Callable[..., LmEval], folder: Path) -> None:
    sent: list[Any] = []
    record = {"chat_template": lambda turns, **_: sent.append(turns) or "x"}
    by_lm_eval(folder, "sums", apply_chat_template=True, fewshot_as_multiturn=True, **record)
    assert [prompt.turns for prompt in make(turns=True).load()] == sent
    assert [turn["role"] for turn in sent[0]] == ["system", "user", "assistant", "user", "assistant", "user"]


def test_a_conversation_goes_through_the_chat_template_turn_by_turn(make: Callable[..., LmEval]) -> None:
    tokenizer = load_tokenizer("ladder/checkpoints/countdown-33k")
    tokenizer.chat_template = (
        "{% for turn in messages %}{{ turn.content.split() | length }}{% if turn.role == 'assistant' %}={% endif "
        "%}{% if not loop.last %};{% endif %}{% endfor %}{% if add_generation_prompt %}+{% endif %}"
    )
    renderer = Renderer(tokenizer, Thinking(close="</think>", force="</think>", chat=True), (0,))
    (prompt, begun) = make(turns=True).load()[0], make("sums_begun", turns=True).load()[0]
    assert renderer.decode(renderer.prompt_ids(prompt)) == "1;4;1=;4;1=;4+"
    assert begun.turns is not None and begun.turns[-1] == {"role": "assistant", "content": "Well,"}
    plain = Renderer(tokenizer, Thinking(close="</think>", force="</think>"), (0,))
    with pytest.raises(ValueError, match="set task.turns=false"):
        plain.prompt_ids(prompt)


@pytest.mark.parametrize(
    "text", ["", "plain", '[{"role": ', '[{"role": "user"}]', '[{"role": 1, "content": []}, 3]', "[1]"]
)
def test_only_a_list_of_turns_is_a_conversation(text: str) -> None:
    assert Prompt("x", text, {}).turns is None


@pytest.mark.parametrize(
    ("filter_name", "text", "outcome", "extracted"),
    [
        (None, "It is 11.", "correct", "11"),
        (None, "It is 12.", "wrong", "12"),
        (None, "11", "unparsed", None),
        ("last", "7, no: 11", "correct", "11"),
        ("last", "11\nno, 7", "correct", "11"),
        ("last", "11 Q: 2 plus 2 is 4", "correct", "11"),
        ("last", "\n11", "unanswered", None),
        ("last", "  ", "unanswered", None),
    ],
)
def test_an_answer_ends_at_until_and_is_graded_by_a_filter_of_the_task(
    make: Callable[..., LmEval], filter_name: str | None, text: str, outcome: str, extracted: str | None
) -> None:
    task = make(filter=filter_name)
    grade = task.grade(task.load()[0], text)
    assert (grade.outcome, grade.extracted, grade.vote_key) == (outcome, extracted, extracted)
    assert (grade.correct, grade.score) == ((True, 1.0) if outcome == "correct" else (False, 0.0))


def test_votes_are_counted_on_what_is_extracted_while_the_task_says_what_is_right(
    make: Callable[..., LmEval],
) -> None:
    task = make(filter="last", extract=last_number, vote_key=math_key)
    grade = task.grade(task.load()[0], "11.0")
    assert (grade.extracted, grade.vote_key, grade.correct) == ("11.0", "11", False)


def test_text_is_cut_at_the_first_of_several_ends() -> None:
    assert cut_at("a Q: b\nc", ["\n", "Q:"]) == "a "
    assert cut_at("abc", ["\n"]) == cut_at("abc", []) == "abc"


def test_a_groups_tasks_take_turns_and_keep_their_graders(make: Callable[..., LmEval]) -> None:
    group = make("sums_all", size=3)
    prompts = group.load()
    assert [prompt.prompt_id for prompt in prompts] == [
        "sums_all/00000/sums",
        "sums_all/00000/sums_small",
        "sums_all/00001/sums",
    ]
    assert [prompt.prompt_id for prompt in make("sums_all", size=5).load()[:3]] == [p.prompt_id for p in prompts]
    assert all(group.grade(prompt, f"is {11 * (1 + i // 2)}").correct for i, prompt in enumerate(prompts))
    assert group.until == ("\n", "Q:")


def test_more_prompts_are_the_same_task_and_whatever_shapes_a_prompt_makes_another(
    make: Callable[..., LmEval], folder: Path, tmp_path: Path
) -> None:
    base = make().identity
    assert make(size=2).identity == make(metric="exact_match", filter="last").identity == base
    data = tmp_path / "other.jsonl"
    data.write_text((folder / "sums.jsonl").read_text() + '{"a": 9, "b": 9, "level": 0}\n')
    others = [make("sums_small"), make(num_fewshot=1), make(turns=True), make("sums_begun"), make(data=str(data))]
    assert len({json.dumps(task.identity) for task in [make(), *others]}) == 6
    same = tmp_path / "same.jsonl"
    same.write_text((folder / "sums.jsonl").read_text())
    assert make(data=str(same)).identity == base
    assert "tmp" not in json.dumps(base)


def test_numbers_of_a_document_are_dials(make: Callable[..., LmEval]) -> None:
    assert [prompt.dials for prompt in make(dials=["level"]).load()[:3]] == [
        {"level": 1.0},
        {"level": 2.0},
        {"level": 0.0},
    ]
    with pytest.raises(
        ValueError, match=r"task.dials: 'depth' is not a number in the documents, which have \['a', 'b', 'level'\]"
    ):
        make(dials=["depth"]).load()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": "sumz"}, "has no task 'sumz'; did you mean .*sums"),
        ({"include_path": "no/where"}, "there is no folder 'no/where'"),
        ({"name": "sums_choice"}, "is of type multiple_choice. It compares likelihoods"),
        ({"name": "sums_code"}, "runs code that a model writes"),
        ({"data": "no.jsonl"}, "there is no file 'no.jsonl'"),
        ({"data": __file__}, "expected files of one kind, .jsonl"),
        ({"name": "sums_all", "data": __file__}, "task.data needs one task, and this is a group"),
        ({"metric": "bleu"}, "has no 'bleu' that scores one answer; it has exact_match"),
        ({"filter": "lax"}, "has no filter 'lax'; it has strict, last"),
        ({"name": "sums_k"}, "cannot grade a single answer by its filter 'k'"),
        ({"size": 0}, "task.size must be at least 1"),
        ({"num_fewshot": -1}, "task.num_fewshot must not be negative"),
    ],
)
def test_what_cannot_be_a_task_is_told(make: Callable[..., LmEval], fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(**fields).load()


def test_documents_out_of_reach_are_told_with_what_to_put_where(
    make: Callable[..., LmEval], monkeypatch: pytest.MonkeyPatch
) -> None:
    import datasets
    import huggingface_hub.constants

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(
        ValueError, match=r"nowhere/at-all on the Hugging Face hub, cannot be reached.*task.data=<file.jsonl"
    ):
        make("sums_hub").load()


def test_a_file_without_the_tasks_columns_is_told(make: Callable[..., LmEval], tmp_path: Path) -> None:
    data = tmp_path / "other.csv"
    data.write_text("x,y\n1,2\n")
    with pytest.raises(ValueError, match="Check that task.data has the columns"):
        make(data=str(data)).load()


WORDS = ["NA", "None", "null", "nan", "N/A", "-NaN", "#N/A", "NULL", "n/a", "12"]


@pytest.mark.parametrize(("ending", "mark"), [("csv", ","), ("tsv", "\t"), ("csv.gz", ",")])
def test_of_a_tables_cells_only_empty_ones_are_missing(
    ending: str, mark: str, make: Callable[..., LmEval], tmp_path: Path
) -> None:
    lines = [f"question{mark}answer", *(f"{word}?{mark}{word}" for word in WORDS), f"What?{mark}"]
    data = tmp_path / f"symbols.{ending}"
    with gzip.open(data, "wt") if ending.endswith("gz") else data.open("w") as file:
        file.write("\n".join(lines) + "\n")
    prompts = make("symbols", data=str(data), size=len(WORDS) + 1).load()
    assert [prompt.reference["doc"]["answer"] for prompt in prompts] == [*WORDS, None]
