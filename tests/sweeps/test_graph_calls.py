"""What the analysis says that a call reads, against the texts that the sweep puts into its prompt."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from analysis.runs import strategies
from analysis.runs.strategies import Call, Strategy, read_strategies
from harness import graphs
from harness.graphs import Graph
from harness.types import Prompt
from results import store
from results.schema import STRATEGIES
from sweeps.compose import build_graphs
from sweeps.configs import CONF
from sweeps.declare import describe_graph
from sweeps.graphs import EVALUATION, AskingNodes, Layer, Text, name_pool

SHIPPED = sorted(path.stem for path in (CONF / "strategy").glob("*.yaml") if "round:\n" in path.read_text())
BUDGET, ROUNDS, GROUPS = 64, 4, 2
MADE = [
    # An agent reads its own text, one for all those of all; the last three answers alone; what was chosen last.
    Graph(
        "mixed",
        {
            "look": {"prompt": "{answers}", "text_tokens": 9},
            "again": {"prompt": "{look} {others}"},
            "sum": {"prompt": "{look} {all} {again}", "by": "one"},
            "last": {"prompt": "{sum} {answer}"},
        },
        agents=3,
        remembers=3,
    ),
    Graph(
        "choosing",
        {
            "early": {"prompt": "{chosen}", "text_tokens": 9},
            "offer": {"prompt": "{early}", "text_tokens": 9},
            "choose": {"prompt": "{offer}", "by": "one", "votes": 2, "chooses": "offer", "text_tokens": 9},
            "end": {"prompt": "{chosen}", "by": "one"},
        },
        agents=2,
    ),
    # Each agent is shown a wrong answer of its own.
    Graph("clinging", {"again": {"prompt": "{wrong}"}}, agents=4),
    # Agents that answer once.
    Graph("once", {"sum": {"prompt": "{all}", "by": "one"}, "end": {"prompt": "{sum}", "by": "one"}}, agents=2),
]


def read_back(root: Path, graph: Graph) -> Strategy:
    store.append(root, STRATEGIES, [describe_graph(graph)], writer="t")
    [found] = read_strategies(root).values()
    return found


def mark(call: Call, group: int) -> str:
    """A text that no other call wrote; of a vote the number of a choice stands at its end."""
    return f"<{call.round}/{call.node}/{call.member}/{group}>"


def texts_of(graph: Graph, strategy: Strategy) -> dict[tuple[str, int, str, int], Text]:
    found = {}
    for call, group in every(strategy):
        node = next((node for node in graph.nodes if node.name == call.node), None)
        pool = EVALUATION if node is None else name_pool(graph, call.round, node, BUDGET)
        vote = f" {1 + (call.round + group) % 2}" if node is not None and node.chooses else ""
        sample = group * strategy.size(call.node) + call.member
        found[pool, BUDGET, "p", sample] = Text(mark(call, group) + vote, is_wrong=True)
    return found


def every(strategy: Strategy) -> Iterator[tuple[Call, int]]:
    for number, node in ((1, ""), *((number, node) for number in range(2, ROUNDS + 1) for node in strategy.nodes)):
        for member in range(strategy.size(node)):
            yield from ((Call(number, node, member), group) for group in range(GROUPS))


def asked(graph: Graph, strategy: Strategy, call: Call, group: int) -> str:
    """What the sweep asks in a call."""
    node = next(node for node in graph.nodes if node.name == call.node)
    pool = name_pool(graph, call.round, node, BUDGET)
    state = SimpleNamespace(spec=SimpleNamespace(pool=pool), deepest=BUDGET)
    state.spec.deepest = BUDGET
    asking: Any = object.__new__(AskingNodes)
    renderer = SimpleNamespace(prompt_ids=lambda prompt: prompt.text)
    asking._prepared = SimpleNamespace(prompts=[Prompt("p", "", {})], renderer=renderer, identity="i")
    asking._layer, asking._graph = Layer(graph, call.round, node, [state]), graph
    asking._texts, asking._position = texts_of(graph, strategy), {"p": 0}
    asking._firsts = {("p", BUDGET): {text for key, text in asking._texts.items() if key[0] == EVALUATION}}
    text = asking.prompt_ids(0, pool, group * strategy.size(call.node) + call.member)
    assert text is not None
    return str(text)


@pytest.mark.parametrize(
    "graph", [*(build_graphs([name])[0] for name in SHIPPED), *MADE], ids=lambda graph: graph.name
)
def test_a_call_reads_what_stands_in_its_prompt(graph: Graph, tmp_path: Path) -> None:
    strategy = read_back(tmp_path / "run", graph)
    assert list(strategy.nodes) == list(graph.round)
    choosing = {name for node in graph.nodes if node.chooses for name in (node.name, node.chooses)}
    prompts: dict[tuple[object, ...], set[str]] = {}
    for call, group in every(strategy):
        if call.round == 1:
            continue
        text, reads = asked(graph, strategy, call, group), strategy.reads(call)
        order = ["", *strategy.nodes]
        place = call.round, order.index(call.node)
        assert all((each.round, order.index(each.node)) < place for each in reads), "only what came before"
        told = {each for each, other in every(strategy) if other == group and mark(each, group) in text}
        foreign = {each for each, other in every(strategy) if other != group and mark(each, other) in text}
        key = (*strategy.prompt(call), *(() if strategy.is_shared(call) else (group,)))
        prompts.setdefault(key, set()).add(text)
        # Of what was chosen among the text that was chosen stands there, and no vote.
        unread = {each for each in set(reads) - told if each.node in choosing}
        assert not unread or strategy.fields(call.node) & {"chosen", "thoughts"}
        if "wrong" not in strategy.fields(call.node):
            assert told | unread == set(reads) and not foreign, call
    assert all(len(texts) == 1 for texts in prompts.values()), "one prompt is one text"


def test_fields_are_those_of_the_sweep(tmp_path: Path) -> None:
    known = {*strategies.OWN, *strategies.OF_ALL, *strategies.OF_CHOICE, strategies.WRONG, "prompt"}
    assert known == set(graphs.FIELDS)
    for graph in MADE:
        strategy = read_back(tmp_path / graph.name, graph)
        assert [strategy.fields(node.name) for node in graph.nodes] == [node.fields for node in graph.nodes]
        assert (strategy.renewing or None) == (graph.renewing and graph.renewing.name)


def test_strategies_that_differ_in_the_order_of_their_nodes_are_two() -> None:
    nodes = {"b": {"prompt": "{prompt}"}, "a": {"prompt": "{prompt}"}}
    one, other = Graph("x", nodes), Graph("x", dict(reversed(nodes.items())))
    assert one.version != other.version
    assert [node["name"] for node in json.loads(describe_graph(one)["strategy_parts"])["round"]] == ["b", "a"]


@pytest.mark.parametrize(
    "parts", ['{"round": 3}', '{"agents": 1, "round": {"a": {}, "b": {}}}', "{}", '{"round": [4], "agents": 1}']
)
def test_a_row_that_does_not_say_what_its_rounds_are_is_damage(tmp_path: Path, parts: str) -> None:
    row = {"strategy": "x", "strategy_version": "1", "strategy_parts": parts}
    store.append(tmp_path / "run", STRATEGIES, [row], writer="t")
    with pytest.raises(ValueError, match="does not say what its rounds are"):
        read_strategies(tmp_path / "run")
