"""The world of facts: its gold answers are what following the facts yields,
and each fact is what a search for it finds.
"""

import math
import re
from collections import Counter

import pytest

from harness.tasks.facts import NAMES, RELATIONS, Dials, Fact, draw_facts, spell
from harness.tasks.reasoning_gym import read_tagged
from harness.tasks.world import World
from harness.types import Prompt

FACT = re.compile(r"([a-z]{3}) ([a-z]{2}) ([a-z]{3})([0-9])(?: ([a-z]{3} [a-z]{2}))?")


@pytest.fixture(scope="module")
def world() -> World:
    return World(seed=7, size=200)


@pytest.fixture(scope="module")
def prompts(world: World) -> list[Prompt]:
    return world.load()


def follow(question: str, corpus: dict[str, str]) -> tuple[str, list[str]]:
    """The answer and the documents on the way, found by reading every document."""
    name, *relations = question.split()
    total, ids = 0, []
    for relation in relations:
        found = [
            (document_id, match)
            for document_id, text in corpus.items()
            if (match := FACT.fullmatch(text)) and match[1] == name and match[2] in (relation, relation[::-1])
        ]
        [(document_id, match)] = found
        name, total = match[3], total + int(match[4])
        ids.append(document_id)
    return f"{name}{total % 10}", ids


def rank(query: str, texts: list[str]) -> list[tuple[float, str]]:
    """The texts by BM25, worked out for one query from its definition, the best first."""
    documents = [text.split() for text in texts]
    mean_length = sum(map(len, documents)) / len(documents)
    scores = [0.0] * len(texts)
    for word in query.split():
        num_holding = sum(word in document for document in documents)
        idf = math.log(1 + (len(texts) - num_holding + 0.5) / (num_holding + 0.5))
        for at, document in enumerate(documents):
            count = document.count(word)
            scores[at] += idf * count / (count + 1.5 * (0.25 + 0.75 * len(document) / mean_length))
    return sorted(zip(scores, texts, strict=True), reverse=True)


def test_gold_answers_and_gold_facts_are_what_following_the_facts_yields(
    world: World, prompts: list[Prompt]
) -> None:
    corpus = {document.id: document.text for document in world.corpus()}
    assert len(corpus) == len(world.corpus()) == 3000
    for prompt in prompts[:80]:
        assert follow(prompt.text, corpus) == (prompt.reference["answer"], list(prompt.reference["gold_ids"]))


@pytest.mark.parametrize(
    "dials",
    [
        Dials(),
        Dials(noise=1.0),
        Dials(reversals=1.0, noise=1.0),
        Dials(reversals=0.0),
        Dials(names=20, distractors=11, noise=1.0),
        Dials(names=len(NAMES), distractors=0),
        Dials(names=2, distractors=1, noise=0.5),
    ],
)
def test_a_search_in_a_facts_own_spelling_finds_it_alone(dials: Dials) -> None:
    facts = draw_facts(3, dials)
    texts = [fact.text for fact in facts]
    for fact in facts[:: max(len(facts) // 25, 1)]:
        first, *rest = rank(fact.query, texts)
        assert first[1] == fact.text and (not rest or first[0] > rest[0][0])


def test_no_text_holds_both_words_of_another_facts_query() -> None:
    facts = draw_facts(4, Dials(noise=1.0))
    queries = {tuple(fact.query.split()): fact for fact in facts}
    for fact in facts:
        words = fact.text.split()
        held = {queries[pair] for a in words for b in words if (pair := (a, b)) in queries}
        assert held == {fact}


def test_a_search_in_the_other_spelling_mostly_brings_up_another_fact_of_the_name() -> None:
    facts = draw_facts(5, Dials(noise=0.0))
    texts = [fact.text for fact in facts]
    found = [(fact, rank(fact.missed_query, texts)[0][1]) for fact in facts[:120]]
    assert all(text.startswith(fact.subject) for fact, text in found)
    # Of the name's six facts the first comes up.
    assert sum(text == fact.text for fact, text in found) < 120 / 3


def test_noise_brings_up_another_fact_that_holds_both_words_where_one_is_missed() -> None:
    facts = draw_facts(5, Dials(noise=1.0))
    mentioned = {fact.mention for fact in facts if fact.mention}
    missed = [fact for fact in facts if fact.missed_query in mentioned][:20]
    texts = [fact.text for fact in facts]
    assert len(missed) == 20
    for fact in missed:
        text = rank(fact.missed_query, texts)[0][1]
        assert text != fact.text and set(fact.missed_query.split()) < set(text.split())


@pytest.mark.parametrize(("name", "shares"), [("reversals", (0.0, 0.4, 1.0)), ("noise", (0.0, 0.25, 0.9))])
def test_a_share_is_the_share_of_facts(name: str, shares: tuple[float, ...]) -> None:
    for share in shares:
        facts = draw_facts(6, Dials(**{name: share}))  # type: ignore[arg-type]
        has: dict[str, list[bool]] = {
            "reversals": [fact.spelling != fact.relation for fact in facts],
            "noise": [bool(fact.mention) for fact in facts],
        }
        assert abs(sum(has[name]) / len(facts) - share) < 0.05


def test_the_spelling_of_a_relation_is_the_same_in_every_world() -> None:
    def spellings(seed: int) -> dict[tuple[str, str], str]:
        return {(fact.subject[:2], fact.relation): fact.spelling for fact in draw_facts(seed, Dials())}

    one, other = spellings(1), spellings(2)
    shared = one.keys() & other.keys()
    assert len(shared) > 500 and all(one[key] == other[key] for key in shared)
    assert all(relation[::-1] not in RELATIONS for relation in RELATIONS)
    # Known by heart or not: neither the letters nor the relation alone tell it.
    assert all(0.2 < sum(spell(n, r, 0.4) != r for n in NAMES) / len(NAMES) < 0.8 for r in RELATIONS)


def test_hops_take_turns_and_a_walk_meets_nothing_twice(world: World, prompts: list[Prompt]) -> None:
    assert Counter(prompt.dials["hops"] for prompt in prompts) == {1: 50, 2: 50, 3: 50, 4: 50}
    texts = {document.id: document.text for document in world.corpus()}
    for prompt in prompts:
        name, *relations = prompt.text.split()
        facts = [texts[document_id].split() for document_id in prompt.reference["gold_ids"]]
        assert len(relations) == len(set(relations)) == prompt.dials["hops"]
        assert len({name, *(fact[2][:3] for fact in facts)}) == len(facts) + 1
        assert prompt.dials["reversed"] == sum(
            fact[1] != relation for fact, relation in zip(facts, relations, strict=True)
        )


def test_a_seed_is_a_world_and_more_prompts_of_it_are_the_same_task(world: World, prompts: list[Prompt]) -> None:
    again, larger, other = World(seed=7, size=200), World(seed=7, size=260), World(seed=8, size=200)
    assert again.load() == prompts and again.corpus() == world.corpus()
    assert larger.load()[:200] == prompts and larger.identity == world.identity
    assert other.identity != world.identity and other.corpus() != world.corpus()
    assert len({prompt.text for prompt in prompts}) == len({prompt.prompt_id for prompt in prompts}) == 200


def test_an_answer_that_is_none_is_told_apart_and_votes_only_where_it_is_one(
    world: World, prompts: list[Prompt]
) -> None:
    gold = prompts[0].reference["answer"]
    wrong = f"{gold[:3]}{(int(gold[3]) + 1) % 10}"
    outcomes = {text: world.grade(prompts[0], text) for text in (gold, wrong, "", " ", f"{gold} {wrong}", "?")}
    assert [grade.outcome for grade in outcomes.values()] == [
        *("correct", "wrong", "unanswered", "unanswered", "unparsed", "unparsed")
    ]
    assert [grade.vote_key for grade in outcomes.values()] == [gold, wrong, None, None, None, None]
    assert world.grade(prompts[0], world.write_gold(prompts[0])).correct


def test_a_tagged_answer_is_read_where_the_task_asks_for_one() -> None:
    task = World(seed=7, size=1, extract=read_tagged, form="tagged", instructions="\nAnswer in <answer> tags.")
    [prompt] = task.load()
    assert prompt.text.endswith("tags.") and task.grade(prompt, f"So {task.write_gold(prompt)}").correct
    assert not task.grade(prompt, prompt.reference["answer"]).correct


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"size": 0}, "task.size"),
        ({"hops": []}, "task.hops"),
        ({"hops": [0, 1]}, "task.hops"),
        ({"hops": [13]}, "task.hops"),
        ({"names": 1}, "task.names"),
        ({"names": 5000}, "task.names"),
        ({"distractors": 12}, "task.distractors"),
        ({"reversals": 1.1}, "task.reversals"),
        ({"noise": -0.1}, "task.noise"),
    ],
)
def test_a_dial_that_cannot_be_is_named(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        World(**({"seed": 0, "size": 1} | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"names": 4, "hops": [6]}, "No question of 6 hops"),
        ({"names": 3, "distractors": 0, "size": 50, "hops": [1]}, "has no 50"),
    ],
)
def test_what_a_world_has_not_is_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        World(**({"seed": 0, "size": 1} | fields)).load()  # type: ignore[arg-type]


def test_a_fact_reads_as_its_words() -> None:
    fact = Fact("kax", "ba", "ab", "mip", 4, "tof ru")
    assert (fact.text, fact.query, fact.missed_query) == ("kax ab mip4 tof ru", "kax ab", "kax ba")
