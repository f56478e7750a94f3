"""Strategies as graphs: what a node is asked, what is refused, and what a vote chooses."""

import json
from typing import Any

import pytest

from harness.graphs import Graph, Node, Seen, read_choice
from harness.types import Prompt
from sweeps.compose import build_graphs
from sweeps.configs import CONF

PROMPT = Prompt("p", "1+1?", {})
# Searches, none at all, and what every strategy of rounds can set.
OTHERS = ("dvts", "beam", "embedded_dvts", "embedded_beam_2", "embedded_beam_4", "sampling", "rounds")
SHIPPED = sorted(path.stem for path in (CONF / "strategy").glob("*.yaml") if path.stem not in OTHERS)


def graph(template: str = "{prompt} {answer}", /, **told: Any) -> Graph:
    return Graph("mine", {"again": {"prompt": template}}, **told)


def asked(strategy: Graph, seen: Seen, at: int = -1) -> str:
    return strategy.fill(strategy.nodes[at], PROMPT, seen).text


def test_a_node_reads_its_own_answers_those_of_others_and_what_other_nodes_wrote() -> None:
    seen = Seen(own=["2", "3", "4"], everyone=["4", "5", "6"], agent=1, texts={"look": ["a", "b", "c"]}, wrong="9")
    rounds = {
        "look": {"prompt": "{prompt}", "text_tokens": 8},
        "again": {"prompt": "{answer}|{answers}|{look}|{wrong}"},
    }
    assert asked(Graph("mine", rounds, agents=3, each="{text},", remembers=2), seen) == "4|3,4,|b|9"
    rounds["again"] = {"prompt": "{others}|{all}"}
    assert asked(Graph("mine", rounds, agents=3, each="{number}{text};"), seen) == "14;26;|14;25;36;"
    rounds["again"] = {"prompt": "{look}|{all}", "by": "one"}
    assert asked(Graph("mine", rounds, agents=3, each="{text},"), seen) == "a,b,c,|4,5,6,"


def test_what_a_model_wrote_is_no_template() -> None:
    """Braces in an answer, or in the prompt, are text."""
    seen = Seen(own=["{prompt} {wrong} {0.__class__} {{"])
    assert asked(graph("{prompt}/{answer}/{answers}", each="{text}"), seen) == f"1+1?/{seen.own[0]}/{seen.own[0]}"
    braces = Prompt("p", r"\boxed{answer} {answer}", {})
    strategy = graph("{prompt} {{kept}}")
    assert strategy.fill(strategy.nodes[0], braces, Seen()).text == r"\boxed{answer} {answer} {kept}"


def test_of_a_conversation_the_last_turn_of_the_user_is_asked_anew() -> None:
    turns = [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "1+1?"},
        {"role": "assistant", "content": "="},
    ]
    strategy = graph("{prompt} {answer}")
    filled = strategy.fill(strategy.nodes[0], Prompt("p", json.dumps(turns), {}), Seen(own=["2"]))
    assert filled.turns == [turns[0], {"role": "user", "content": "1+1? 2"}, turns[2]]


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"again": {"prompt": "{anser}"}}, "nothing is called {anser}"),
        ({"again": {"prompt": "{answer.__class__}"}}, "is no field"),
        ({"again": {"prompt": "{answer!r}"}}, "is no field"),
        ({"again": {"prompt": "{answer:9}"}}, "is no field"),
        ({"again": {"prompt": "{}"}}, "is no field"),
        ({"again": {"prompt": "{answer"}}, "write {{ and }}"),
        ({"again": {"prompt": "{others}"}}, "strategy.agents of 2 or more"),
        ({"again": {"prompt": "{chosen}"}}, "need a node with chooses"),
        ({"again": {"prompt": "{answer}", "by": "one"}}, "an agent's own"),
        ({"again": {"prompt": "{answer}", "by": "all"}}, "by is each or one"),
        ({"again": {"prompt": "{answer}", "votes": 3}}, "belongs to a node that chooses"),
        ({"again": {"prompt": "{answer}", "text_tokens": 8}}, "answers the prompt, but again writes text"),
        ({"again": {"prompt": "{later}"}, "later": {"prompt": "x"}}, "nothing is called {later}"),
        ({"again": {"prompt": "x", "tokens": 8}}, "may have"),
        ({"again": {}}, "needs prompt"),
        ({"again": "x"}, "needs prompt"),
        ({"prompt": {"prompt": "x"}}, "another name is needed"),
        ({"Again!": {"prompt": "x"}}, "small letters"),
        (
            {"vote": {"prompt": "x", "by": "one", "text_tokens": 4, "chooses": "again"}, "again": {"prompt": "x"}},
            "names a node before it",
        ),
    ],
)
def test_a_graph_that_cannot_be_called_is_refused_by_name(told: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why.replace("{", r"\{").replace("}", r"\}")):
        Graph("mine", told)


def test_everything_that_shapes_what_is_read_or_written_makes_another_version() -> None:
    versions = [
        graph().version,
        graph("{prompt} {answer}.").version,
        graph(agents=2).version,
        graph(remembers=3).version,
        graph(each="{text}").version,
        graph(read_tokens=8).version,
    ]
    assert len(set(versions)) == len(versions)
    assert Graph("other", graph().round).version == versions[0]


def test_a_vote_chooses_what_most_name_last_the_first_of_equals() -> None:
    assert read_choice(["1 is bad, so 3", "the best is 2.", "3"], 3) == 2
    assert read_choice(["2", "1"], 3) == 0
    assert read_choice(["none", "", "7", "0", "-9", "9" * 5000], 3) == 0
    assert read_choice(["\N{SUPERSCRIPT TWO}", "2"], 2) == 1


@pytest.mark.parametrize("name", SHIPPED)
def test_every_strategy_that_is_shipped_can_be_asked(name: str) -> None:
    [strategy] = build_graphs([name])
    for node, seen, num_texts in strategy.longest_seen(4):
        assert PROMPT.text in strategy.fill(node, PROMPT, seen).text
        assert num_texts <= 2 * strategy.agents + strategy.remembers + 3
    assert isinstance(strategy.nodes, tuple) and all(isinstance(node, Node) for node in strategy.nodes)


def test_the_most_that_a_node_reads_is_counted_text_by_text() -> None:
    rounds = {
        "look": {"prompt": "{answers}", "text_tokens": 8},
        "again": {"prompt": "{all}{look}", "by": "one"},
    }
    strategy = Graph("mine", rounds, agents=3, remembers=2)
    assert [num for _, _, num in strategy.longest_seen(2)] == [1, 6]
    assert [num for _, _, num in strategy.longest_seen(9)] == [2, 6]
