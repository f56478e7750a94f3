"""The search ladder's training text: every trace ends right when it is played against the search, and no result is
learned.
"""

import random
import re
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from transformers import AutoConfig, AutoTokenizer, Qwen3ForCausalLM

from harness.tasks.facts import Question, draw_question, group_by_subject
from harness.tasks.world import World
from harness.tools.search import Search
from ladder.examples import batches
from ladder.lookup import Lookup
from ladder.rungs import SEARCH_LADDER, Rung
from ladder.search import (
    CONTEXT,
    DIALS,
    HOPS,
    MAX_TOKENS,
    TOKEN_IDS,
    TRAIN_SEEDS,
    TROUBLE,
    Library,
    cut_places,
    draw_examples,
    make_course,
    mistype,
    write_example,
    write_trace,
)
from ladder.tokenizer import END_OF_TEXT, END_THINK, THINK
from ladder.train import collate, next_token_loss

RUNGS = Path("ladder/checkpoints")
CALL = re.compile(r"\{([^}]*)\}\[([^\]]*)\]")
NAMES = {i: token for token, i in TOKEN_IDS.items()}


@pytest.fixture(scope="module")
def library() -> Library:
    return Library.draw(11)


@pytest.fixture(scope="module")
def questions(library: Library) -> list[Question]:
    of, rng = group_by_subject(library.facts), random.Random(0)
    return [draw_question(of, 1 + i % 4, rng) for i in range(200)]


def play(question: Question, trace: str, library: Library) -> str:
    """The answer that a trace leads to: its searches made again, its notes and its sum read off."""
    name, *relations = question.text.split()
    notes: list[str] = []
    position = 0
    worked_out, has_sum, tail = trace.partition(";")
    while position < len(worked_out):
        call = CALL.match(worked_out, position)
        if call:
            assert call[2] in (library.find(call[1]), *TROUBLE)
            last, position = call[2], call.end()
        else:
            note = worked_out[position : position + 3]
            subject, spelling, value = last.split()[:3]
            assert subject == name and relations[len(notes)] in (spelling, spelling[::-1])
            assert note == relations[len(notes)] + value[3]
            name, position = value[:3], position + 3
            notes.append(note)
    assert len(notes) == len(relations) and bool(has_sum) == (len(notes) > 1)
    total = 0
    for at, step in enumerate(tail.split("+") if has_sum else notes):
        note, _, result = step.partition("=")
        total = (total + int(note[2])) % 10
        assert note == notes[at] and result == (str(total) if at else "")
    return f"{name}{total}"


def test_every_trace_ends_right_when_played_against_the_search(
    library: Library, questions: list[Question]
) -> None:
    rng = random.Random(1)
    num_wrong = num_calls = 0
    for question in questions:
        trace = "".join(piece.text for piece in write_trace(question, library, rng))
        assert play(question, trace, library) == question.answer
        results = [call[2] for call in CALL.finditer(trace)]
        num_calls += len(results)
        num_wrong += len(results) - len(question.facts)
    # Searches that miss occur, and are gone on from.
    assert 0.2 < num_wrong / num_calls < 0.5


def test_a_search_that_goes_wrong_and_a_result_are_never_learned(
    library: Library, questions: list[Question]
) -> None:
    rng = random.Random(2)
    seen = set()
    for question in questions:
        for piece in write_trace(question, library, rng):
            if piece.by == "environment":
                assert not piece.counted and re.fullmatch(r"\[[^\]]*\]", piece.text)
            elif piece.text.startswith("{"):
                assert piece.counted == (piece.text[1:-1] in {fact.query for fact in question.facts})
                seen.add(piece.counted)
            else:
                assert piece.counted
    assert seen == {True, False}


def test_examples_count_what_the_model_writes_and_no_forced_close(
    library: Library, questions: list[Question]
) -> None:
    rng = random.Random(3)
    closes = []
    for question in questions:
        example = write_example(question, library, rng)
        assert example is not None and len(example.ids) <= MAX_TOKENS
        tokens = [NAMES[i] for i in example.ids]
        think, close = tokens.index(THINK), tokens.index(END_THINK)
        assert "".join(tokens[:think]) == question.text and not any(example.counted[: think + 1])
        assert "".join(tokens[close + 1 :]) == question.answer + END_OF_TEXT and all(example.counted[close + 1 :])
        thinking = "".join(tokens[think + 1 : close])
        for result in re.finditer(r"\[[^\]]*\]", thinking):
            assert not any(example.counted[think + 1 + result.start() : think + 1 + result.end()])
        if example.counted[close]:
            assert play(question, thinking, library) == question.answer
        closes.append(example.counted[close])
    assert 0.45 < np.mean(closes) < 0.75


def test_a_cut_falls_anywhere_but_inside_a_result(library: Library, questions: list[Question]) -> None:
    rng = random.Random(4)
    for question in questions[:40]:
        pieces = write_trace(question, library, rng)
        trace = "".join(piece.text for piece in pieces)
        inside = {
            at for match in re.finditer(r"\[[^\]]*\]", trace) for at in range(match.start() + 1, match.end())
        }
        assert cut_places(pieces) == [at for at in range(len(trace) + 1) if at not in inside]


def test_the_tokenizer_agrees_with_the_training_ids_and_holds_each_mark_as_one_token() -> None:
    tokenizer = make_course().tokenizer
    for example in islice(draw_examples(np.random.default_rng(5)), 50):
        text = "".join(NAMES[i] for i in example.ids)
        assert tokenizer.encode(text, add_special_tokens=False) == example.ids
        assert tokenizer.decode(example.ids) == text
    for mark in ("{", "}", "[", "]", THINK, END_THINK, *"abz059 ;+="):
        assert len(tokenizer.encode(mark, add_special_tokens=False)) == 1
    assert max(TOKEN_IDS.values()) < make_course().vocab_size


def test_what_the_alphabet_lacks_reads_as_a_question_mark_and_never_as_an_end() -> None:
    tokenizer = make_course().tokenizer
    ids = tokenizer.encode("No é \N{SNOWMAN}\n", add_special_tokens=False)
    assert tokenizer.decode(ids) == "?o ? ??" and tokenizer.eos_token_id not in ids


def test_training_worlds_are_those_of_the_task_and_none_that_it_evaluates() -> None:
    with open("conf/task/world.yaml") as file:
        task = yaml.safe_load(file)
    assert task["seed"] not in TRAIN_SEEDS and tuple(task["hops"]) == HOPS
    assert World(task["seed"], 1, **{name: task[name] for name in vars(DIALS)}).dials == DIALS


def test_training_resumes_at_the_batch_it_had_reached() -> None:
    stream = batches(draw_examples, tokens_per_batch=500, seed=0, pool=4)
    first = [next(stream) for _ in range(8)]
    resumed = batches(draw_examples, tokens_per_batch=500, seed=0, pool=4, first_batch=4)
    assert [next(resumed) for _ in range(4)] == first[4:] != first[:4]


def test_traces_are_played_against_the_search_that_a_sweep_makes(tmp_path: Path) -> None:
    with open("conf/tools/embedded_search.yaml") as file:
        settings = Search(**yaml.safe_load(file)["search"])
    task = World(seed=12, size=1)
    tool = settings.attach(task).prepare(tmp_path, lambda line: None)
    library = Library(list(task._ids), Lookup([document.text for document in task.corpus()]))
    queries = [query for fact in library.facts[::40] for query in (fact.query, fact.missed_query)]
    queries += [mistype(query, random.Random(i)) for i, query in enumerate(queries)]
    assert [tool.call(query).text for query in queries] == [library.find(query) for query in queries]


@pytest.mark.parametrize("rung", SEARCH_LADDER, ids=lambda rung: rung.name)
def test_a_rung_reads_with_the_tokenizer_that_it_was_trained_with(rung: Rung) -> None:
    tokenizer, trained = AutoTokenizer.from_pretrained(RUNGS / rung.name), make_course().tokenizer
    assert tokenizer.get_vocab() == trained.get_vocab()
    example = next(draw_examples(np.random.default_rng(6)))
    text = trained.decode(example.ids) + "É"
    assert tokenizer.encode(text, add_special_tokens=False) == [*example.ids, TOKEN_IDS["?"]]


@pytest.mark.parametrize("rung", SEARCH_LADDER, ids=lambda rung: rung.name)
def test_a_rung_has_room_for_a_dozen_calls_with_the_longest_results(rung: Rung) -> None:
    with open("conf/tools/embedded_search.yaml") as file:
        num_result_tokens = yaml.safe_load(file)["search"]["max_tokens"] + len("[]")
    with open("conf/sampling/plain.yaml") as file:
        num_answer_tokens = yaml.safe_load(file)["max_answer_tokens"]
    config = AutoConfig.from_pretrained(RUNGS / rung.name)
    assert config.max_position_embeddings == CONTEXT
    assert len("kax ba ru mi te") + 2 + 128 + 12 * num_result_tokens + num_answer_tokens <= CONTEXT


@torch.no_grad()
def test_a_larger_rung_foretells_traces_of_a_world_it_never_met_better() -> None:
    library, rng = Library.draw(TRAIN_SEEDS.stop), random.Random(7)
    of = group_by_subject(library.facts)
    drawn = [write_example(draw_question(of, 1 + i % 4, rng), library, rng) for i in range(120)]
    ids, labels = collate([example for example in drawn if example is not None], "cpu")
    losses = [
        next_token_loss(Qwen3ForCausalLM.from_pretrained(RUNGS / rung.name), ids, labels).item()
        for rung in SEARCH_LADDER
    ]
    assert losses == sorted(losses, reverse=True) and losses[0] < 0.12
