"""GSM8K with a real model: lm_eval's own score against ours, and engine=server against engine=vllm."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from harness.grading import grade_texts
from harness.tasks.lm_eval import LmEval, cut_at
from results import store
from results.schema import ANSWERS, GRADES, TRACES
from sweeps.grade import grade_run
from sweeps.job import Job, run_job
from sweeps.prepare import prepare
from tests.conftest import SETTINGS
from tests.parity.jobs import compose_job
from tests.real_server import serve_model

pytestmark = pytest.mark.server

MODEL, CONTEXT = "Qwen2.5-Coder-0.5B-Instruct", 2048
NUM_DOCUMENTS, NUM_FEW_SHOT = 10, 6
BUDGETS, DEEPEST = (0, 32), 160
FILTERS = ("flexible-extract", "strict-match")
# What lm_eval's YAML says of the documents, and where they lie here.
LOCAL = """include: {original}
task: gsm8k_local
dataset_path: json
dataset_name: null
dataset_kwargs: {{data_files: {{test: {data}}}}}
"""


class Theirs(NamedTuple):
    """lm_eval's run. sent: token ids of its requests; texts, and by filter scores,
    of each document by its place.
    """

    sent: list[tuple[int, ...]]
    texts: dict[int, str]
    contexts: dict[int, str]
    scores: dict[str, dict[int, float]]
    means: dict[str, float]


@pytest.fixture(scope="module")
def folder(real_model: Callable[[str], Path]) -> Path:
    return real_model(MODEL)


@pytest.fixture(scope="module")
def data(outside_data: Callable[[str], Path]) -> Path:
    return outside_data("gsm8k/test.jsonl")


@pytest.fixture(scope="module")
def url(folder: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings = dataclasses.replace(SETTINGS, max_num_seqs=1, cpu_threads=None)
    log, options = tmp_path_factory.mktemp("real") / "log.txt", [f"--max-model-len={CONTEXT}"]
    with serve_model(str(folder), log=log, settings=settings, options=options) as url:
        yield url


def gsm8k_job(folder: Path, data: Path, run: Path, *words: str) -> Job:
    return compose_job(
        f"model.path={folder}",
        f"run={run}",
        *("task=gsm8k", f"task.data={data}", "grid.widths=[1]", "grid.anchor=null", "probe=false"),
        *("sampling=plain", "sampling.temperature=0", "sampling.max_answer_tokens=12", "engine.dtype=float32"),
        *words,
    )


@pytest.fixture(scope="module")
def chat_job(folder: Path, data: Path, url: str, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """What lm_eval asks: the task as one user message, to which the template adds no word of thinking."""
    return gsm8k_job(
        folder,
        data,
        tmp_path_factory.mktemp("chat") / "run",
        *("engine=server", f"engine.url={url}", "engine.max_num_seqs=1"),
        *("thinking=chain_of_thought", "thinking.open=''", f"grid.budgets=[{DEEPEST}]"),
        f"task.size={NUM_DOCUMENTS}",
    )


@pytest.fixture(scope="module")
def theirs(folder: Path, data: Path, url: str, tmp_path_factory: pytest.TempPathFactory) -> Theirs:
    """lm_eval's own run of its own task, its documents taken from the file."""
    import lm_eval
    from lm_eval.api.registry import get_model
    from lm_eval.tasks import TaskManager

    own = tmp_path_factory.mktemp("tasks")
    original = Path(lm_eval.__file__).parent / "tasks" / "gsm8k" / "gsm8k-cot.yaml"
    (own / "gsm8k_local.yaml").write_text(LOCAL.format(original=original, data=data))
    client = get_model("local-completions")(
        base_url=f"{url}/completions",
        model=str(folder),
        tokenizer=str(folder),
        tokenizer_backend="huggingface",
        tokenized_requests=True,
        num_concurrent=1,
        max_length=CONTEXT,
    )
    sent = record_requests(client)
    done = lm_eval.simple_evaluate(
        client,
        tasks=["gsm8k_local"],
        task_manager=TaskManager(include_path=str(own), include_defaults=False),
        limit=NUM_DOCUMENTS,
        apply_chat_template=True,
        fewshot_as_multiturn=False,
        gen_kwargs={"max_gen_toks": DEEPEST},
        bootstrap_iters=0,
    )
    assert done is not None
    samples = done["samples"]["gsm8k_local"]
    scores = {name: {s["doc_id"]: s["exact_match"] for s in samples if s["filter"] == name} for name in FILTERS}
    means = {name: done["results"]["gsm8k_local"][f"exact_match,{name}"] for name in FILTERS}
    contexts = {s["doc_id"]: s["arguments"][0][0] for s in samples}
    return Theirs(sent, {s["doc_id"]: s["resps"][0][0] for s in samples}, contexts, scores, means)


def record_requests(client: Any) -> list[tuple[int, ...]]:
    """Token ids of each prompt that an lm_eval client sends, as it sends them."""
    sent: list[tuple[int, ...]] = []
    create = client._create_payload

    def create_and_record(messages: Any, **options: Any) -> Any:
        sent.extend(tuple(ids) for ids in messages)
        return create(messages, **options)

    client._create_payload = create_and_record
    return sent


def place(prompt_id: str) -> int:
    """Which document of the task a prompt is."""
    return int(prompt_id.rsplit("/", 1)[1])


def test_prompts_are_those_that_lm_eval_sends(chat_job: Job, theirs: Theirs) -> None:
    prepared = prepare(chat_job)
    ours = {place(prompt.prompt_id): prepared.renderer.prompt_ids(prompt) for prompt in prepared.prompts}
    assert len(ours) == NUM_DOCUMENTS
    assert sorted(ours.values()) == sorted(theirs.sent)
    tokenizer = prepared.renderer.tokenizer
    rendered = {i: tuple(tokenizer.encode(text, add_special_tokens=False)) for i, text in theirs.contexts.items()}
    assert rendered == ours


@pytest.mark.parametrize("name", FILTERS)
def test_the_same_generations_have_the_same_grades_sample_by_sample(
    data: Path, theirs: Theirs, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    task = LmEval("gsm8k_cot", NUM_DOCUMENTS, data=str(data), filter=name)
    texts = [(prompt.prompt_id, theirs.texts[place(prompt.prompt_id)]) for prompt in task.load()]
    graded = grade_texts(task, texts, num_workers=1)
    ours = {place(prompt_id): grade.score for (prompt_id, _), grade in zip(texts, graded.grades, strict=True)}
    with capsys.disabled():
        print(
            f"\n{name}: {sum(ours.values()):.0f} of {NUM_DOCUMENTS} right, as lm_eval says "
            f"{theirs.means[name]:.3f}"
        )
    assert graded.troubles == {}
    assert ours == theirs.scores[name]
    assert sum(ours.values()) / NUM_DOCUMENTS == pytest.approx(theirs.means[name])


def test_the_shipped_task_reads_all_that_lm_evals_flexible_filter_does(chat_job: Job, theirs: Theirs) -> None:
    texts = [(prompt.prompt_id, theirs.texts[place(prompt.prompt_id)]) for prompt in chat_job.task.load()]
    graded = grade_texts(chat_job.task, texts, num_workers=1)
    right = {place(prompt_id): grade.correct for (prompt_id, _), grade in zip(texts, graded.grades, strict=True)}
    assert [i for i, score in theirs.scores["flexible-extract"].items() if score == 1 and not right[i]] == []
    assert 0 < sum(right.values()) < NUM_DOCUMENTS


def test_traces_drawn_here_are_what_lm_eval_drew(chat_job: Job, theirs: Theirs) -> None:
    run_job(chat_job)
    texts = {row["prompt_id"]: row["text"] for row in store.scan(chat_job.run, TRACES).to_pylist()}
    assert {place(name): cut_at(text, chat_job.task.until) for name, text in texts.items()} == theirs.texts


class Rows(NamedTuple):
    """All that a run stored of what was written and how it was graded, less where and how long it took."""

    traces: list[dict[str, Any]]
    answers: list[dict[str, Any]]
    grades: list[dict[str, Any]]


OF_ENGINES = {"seconds", "num_cached_tokens", "device", "shard"}


@pytest.fixture(scope="module")
def both_ways(
    folder: Path, data: Path, url: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[Job, Rows]]:
    """The same prompts, after eight worked examples in plain text, through a server and in process."""
    root = tmp_path_factory.mktemp("both")
    asked = {
        "server": ("engine=server", f"engine.url={url}"),
        "vllm": ("engine=vllm", "engine.gpu_memory_utilization=0.3"),
    }
    found = {}
    for name, words in asked.items():
        job = gsm8k_job(
            folder,
            data,
            root / name,
            *words,
            *("engine.max_num_seqs=1", "thinking=few_shot", f"task.size={NUM_FEW_SHOT}"),
            f"grid.budgets={[*BUDGETS, DEEPEST]}",
        )
        run_job(job)
        grade_run(job.run, [job.task])
        found[name] = job, Rows(*(read_rows(job.run, table) for table in (TRACES, ANSWERS, GRADES)))
    return found


def read_rows(run: Path, table: store.Table) -> list[dict[str, Any]]:
    rows = [
        {column: value for column, value in row.items() if column not in OF_ENGINES}
        for row in store.scan(run, table).to_pylist()
    ]
    return sorted(rows, key=lambda row: (row["prompt_id"], -1 if row.get("budget") is None else row["budget"]))


def test_a_server_and_the_engine_in_process_store_the_same_numbers(
    both_ways: dict[str, tuple[Job, Rows]], capsys: pytest.CaptureFixture[str]
) -> None:
    server, vllm = both_ways["server"][1], both_ways["vllm"][1]
    with capsys.disabled():
        right = sum(row["correct"] for row in server.grades)
        print(f"\n{len(server.traces)} traces, {len(server.answers)} answers, {right} of them right")
    for theirs, ours in zip(server, vllm, strict=True):
        assert theirs == ours
    assert len(server.grades) == len(server.answers) >= NUM_FEW_SHOT * len(BUDGETS)
    assert 0 < sum(row["correct"] for row in server.grades) < len(server.grades)


def test_a_trace_ends_at_the_tasks_own_string_and_its_tokens_are_whole(
    both_ways: dict[str, tuple[Job, Rows]],
) -> None:
    for job, rows in both_ways.values():
        tokenizer, ended = prepare(job).renderer.tokenizer, [row for row in rows.traces if row["ended"]]
        assert ended
        for row in ended:
            ids = row["token_ids"]
            assert row["text"] == tokenizer.decode(ids, skip_special_tokens=True)
            assert row["finish_reason"] == "stop" and row["num_thinking_tokens"] == len(ids)
            shorter = tokenizer.decode(ids[:-1], skip_special_tokens=True)
            # By its last token, and no sooner, the text holds one of the strings, or it is an end of text.
            assert not any(stop in shorter for stop in job.task.until)
            assert any(stop in row["text"] for stop in job.task.until) or not tokenizer.decode(
                ids[-1:], skip_special_tokens=True
            )
        assert any("Q:" in row["text"] for row in ended)
