"""The rounds of a job's strategy: what is drawn in each, and what the model is asked there,
from stored answers.
"""

import hashlib
import itertools
import multiprocessing
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from harness.forms import Form
from harness.graphs import Graph, Node, Seen, read_choice
from harness.rendering import Renderer, encode
from harness.rollouts import Ids
from harness.tools.untrusted import Guard, guard_for
from harness.traces import Context
from harness.types import Grid, Pool, Prompt, Sampling
from results import store
from results.cuts import NATURAL, Caps
from results.nodes import NodePool, read_pool
from results.schema import ANSWERS, GRADES
from sweeps.grade import grade_run
from sweeps.plan import PoolSpec, PoolState, read_states

if TYPE_CHECKING:
    from sweeps.job import Job
    from sweeps.prepare import Prepared

EVALUATION = "evaluation"
# What a model without a thinking marker writes free text behind, where nothing closes its thinking.
LINE = "\n"
KEY = ["prompt_id", "pool", "sample", "budget"]
# Where a prompt has no wrong answer of its own, those of so many prompts before it stand in.
NEIGHBOURS = 8


class Layer(NamedTuple):
    """What is drawn at once: one node of a strategy in one round, at every budget."""

    graph: Graph
    round: int
    node: Node
    states: Sequence[PoolState]


def check_graphs(job: "Job") -> None:
    """Raise ValueError where rounds and strategies do not go together."""
    grid, twice = job.grid, len({graph.name for graph in job.graphs}) < len(job.graphs)
    if twice:
        raise ValueError("Two strategies have the same name; give one of them another strategy.name.")
    if not any(graph.nodes for graph in job.graphs) and max(grid.rounds) > 1:
        raise ValueError(
            "grid.rounds counts the rounds of a strategy, and there is none; give strategy=think_twice or another."
        )
    for graph in job.graphs:
        if graph.nodes and max(grid.rounds) < 2:
            raise ValueError(f"strategy={graph.name} goes on behind round 1; give grid.rounds=[1,2] or more.")
        if max(grid.widths) < graph.agents:
            raise ValueError(
                f"strategy={graph.name} needs {graph.agents} samples at a time, and grid.widths end at "
                f"{max(grid.widths)}."
            )


def served_cell(budget: int, grid: Grid) -> Caps:
    """The cell whose answer later rounds read: a model by itself, with all the tools that it may call."""
    return Caps(budget, min(grid.extensions), max(grid.calls))


def layer_specs(graph: Graph, grid: Grid, *, has_marker: bool) -> list[tuple[int, Node, list[PoolSpec]]]:
    """The pools of every node in every round behind the first, in the order they are drawn in.

    has_marker: whether one closes thinking. Without it a node that writes free text writes it at once.
    """
    num_groups = max(grid.widths) // graph.agents
    layers = []
    for number in range(2, max(grid.rounds) + 1):
        for node in graph.nodes:
            num_samples = num_groups * (graph.agents if node.by == "each" else node.votes)
            thinks = node.answers or has_marker
            specs = [
                PoolSpec(
                    name_pool(graph, number, node, budget), num_samples, (served_cell(budget * thinks, grid),)
                )
                for budget in grid.budgets
            ]
            layers.append((number, node, specs))
    return layers


def name_pool(graph: Graph, number: int, node: Node, budget: int) -> Pool:
    return str(NodePool(graph.name, graph.version, number, node.name, budget, is_text=not node.answers))


def read_layers(
    root: Path,
    identity: str,
    prompts: Sequence[Prompt],
    graphs: Sequence[Graph],
    grid: Grid,
    *,
    has_marker: bool,
) -> list[Layer]:
    """What is stored of each layer, those of one strategy behind those of another."""
    layers = [(graph, *layer) for graph in graphs for layer in layer_specs(graph, grid, has_marker=has_marker)]
    specs = [spec for *_, own in layers for spec in own]
    states = iter(read_states(root, identity, prompts, specs) if specs else ())
    return [Layer(graph, number, node, [next(states) for _ in own]) for graph, number, node, own in layers]


def longest_request(graphs: Sequence[Graph], grid: Grid, prompts: Sequence[Prompt], renderer: Renderer) -> int:
    """The most tokens of a node's prompt, every text that it reads being as long as it may be."""
    longest = max(prompts, key=lambda prompt: len(prompt.text))
    return max(
        (
            len(renderer.prompt_ids(graph.fill(node, longest, seen))) + num_texts * graph.read_tokens
            for graph in graphs
            for node, seen, num_texts in graph.longest_seen(max(grid.rounds))
        ),
        default=0,
    )


def longest_text(graphs: Sequence[Graph], sampling: Sampling) -> int:
    """The most tokens that are written behind thinking, by any node."""
    texts = (node.text_tokens or 0 for graph in graphs for node in graph.nodes)
    return max((sampling.max_answer_tokens, *texts))


def free_context(context: Context, num_tokens: int) -> Context:
    """The context of a node that writes free text: in no form, and behind no marker where there is none."""
    renderer, thinking = context.renderer, context.renderer.thinking
    if thinking.close is None:
        thinking = replace(thinking, force=thinking.force or LINE)
    free = replace(renderer, form=Form(), thinking=thinking)
    sampling = replace(context.sampling, max_answer_tokens=num_tokens)
    return replace(context, renderer=free, sampling=sampling, until=())


@dataclass(frozen=True)
class Text:
    """What was written for a prompt: whether it is known to be a wrong answer."""

    text: str
    is_wrong: bool = False


class AskingNodes:
    """What the model is asked for each sample of a layer, by what is stored of the layers before it."""

    def __init__(self, prepared: "Prepared", layer: Layer) -> None:
        job, self._prepared, self._layer = prepared.job, prepared, layer
        # By pool, budget, prompt and sample.
        self._graph, self._texts = layer.graph, dict[tuple[Pool, int, str, int], Text]()
        # Of the first round, by prompt and budget.
        self._firsts = dict[tuple[str, int], set[Text]]()
        before = itertools.takewhile(lambda each: each is not layer, prepared.layers)
        renderer = prepared.renderer
        of_calls = () if prepared.toolbox is None else prepared.toolbox.style.markers
        markers = (*of_calls, *filter(None, (renderer.thinking.open.strip(), renderer.thinking.close)))
        self._guard: Guard = guard_for(renderer.tokenizer, markers, partial(encode, renderer.tokenizer))
        cells = tuple(served_cell(budget, job.grid) for budget in job.grid.budgets)
        plain = PoolSpec(EVALUATION, max(job.grid.widths), cells)
        specs = [plain, *(state.spec for each in before if each.graph is layer.graph for state in each.states)]
        self._states = read_states(job.run, prepared.identity, prepared.prompts, specs)
        self._position = {prompt.prompt_id: at for at, prompt in enumerate(prepared.prompts)}

    def load(self, prompt_ids: Sequence[str]) -> None:
        """Read what was written for these prompts."""
        root, identity = self._prepared.job.run, self._prepared.identity
        if self._graph.needs_wrong:
            prompt_ids = sorted({*prompt_ids, *(near for each in prompt_ids for near in self._near(each))})
        wanted = self._wanted(prompt_ids)
        rows = store.scan(root, ANSWERS, columns=[*KEY, "text"], identity=identity, prompt_ids=list(prompt_ids))
        wrong = self._read_wrong(prompt_ids) if self._graph.needs_wrong else frozenset()
        told = zip(*(rows[name].to_pylist() for name in (*KEY, "text")), strict=True)
        self._texts, self._firsts = {}, {}
        for prompt_id, pool, sample, place, text in told:
            key = prompt_id, pool, sample, NATURAL if place is None else place
            for budget in wanted.get(key, ()):
                cleaned = self._guard.write(text.strip(), self._graph.read_tokens)
                written = self._texts[pool, budget, prompt_id, sample] = Text(cleaned, key in wrong)
                if pool == EVALUATION:
                    self._firsts.setdefault((prompt_id, budget), set()).add(written)

    def _near(self, prompt_id: str) -> list[str]:
        """The prompts whose answers stand in for a prompt's own, whichever others are loaded: those before it in
        the task's order, of the first few each other.
        """
        at, prompts = self._position[prompt_id], self._prepared.prompts
        places = range(at - NEIGHBOURS, at) if at >= NEIGHBOURS else range(min(NEIGHBOURS, len(prompts)))
        return [prompts[place].prompt_id for place in places if place != at]

    def _wanted(self, prompt_ids: Sequence[str]) -> dict[tuple[str, Pool, int, int], list[int]]:
        """By the key of an answer the budgets that it serves."""
        wanted: dict[tuple[str, Pool, int, int], list[int]] = {}
        for state in self._states:
            for prompt_id in prompt_ids:
                places = state.places_PSB[self._position[prompt_id]]
                for sample, cell in np.ndindex(*places.shape):
                    key = prompt_id, state.spec.pool, sample, int(places[sample, cell])
                    wanted.setdefault(key, []).append(_budget_of(state.spec, cell))
        return wanted

    def _read_wrong(self, prompt_ids: Sequence[str]) -> frozenset[tuple[str, Pool, int, int]]:
        """The keys of answers that were graded wrong."""
        job, identity = self._prepared.job, self._prepared.identity
        columns = [*KEY, "grader", "grader_version", "outcome"]
        found = store.scan(job.run, GRADES, columns=columns, identity=identity, prompt_ids=list(prompt_ids))
        rows = found.to_pandas()
        present = (rows["grader"] == job.task.grader) & (rows["grader_version"] == job.task.grader_version)
        wrong: pd.DataFrame = rows[present & (rows["outcome"] == "wrong")]
        keys = wrong[KEY].fillna({"budget": NATURAL}).astype({"budget": int}).itertuples(index=False, name=None)
        return frozenset(keys)

    def prompt_ids(self, at: int, pool: Pool, sample: int) -> Ids | None:
        """What is asked for one sample of a pool of the layer; None where something that it reads is missing."""
        prompt, node, graph = self._prepared.prompts[at], self._layer.node, self._graph
        found = read_pool(pool)
        assert found is not None
        budget = found.budget
        per_group = graph.agents if node.by == "each" else node.votes
        group, agent = sample // per_group, sample % per_group if node.by == "each" else 0
        try:
            seen = self._see(prompt, budget, group, agent)
        except KeyError:
            return None
        return self._prepared.renderer.prompt_ids(graph.fill(node, prompt, seen))

    def _see(self, prompt: Prompt, budget: int, group: int, agent: int) -> Seen:
        """Raises KeyError where what the node reads is missing."""
        fields, rounds = self._layer.node.fields, range(1, self._layer.round)
        reads_own, reads_all = fields & {"answer", "answers"}, fields & {"others", "all"}
        own = rounds if self._graph.renewing else rounds[:1]
        names = {node.name: node for node in self._graph.nodes}
        members = [group * self._graph.agents + each for each in range(self._graph.agents)]
        return Seen(
            own=[self._answer(prompt, number, budget, members[agent]) for number in own] if reads_own else (),
            everyone=[self._answer(prompt, rounds[-1], budget, each) for each in members] if reads_all else (),
            agent=agent,
            texts={
                name: self._written(prompt, names[name], self._layer.round, budget, group)
                for name in fields & names.keys()
            },
            wrong=self._wrong(prompt, budget, members[agent]) if "wrong" in fields else "",
            thoughts=self._thoughts(prompt, budget, group) if fields & {"chosen", "thoughts"} else (),
        )

    def _answer(self, prompt: Prompt, number: int, budget: int, sample: int) -> str:
        """What an agent answered in a round, the first being a sample as it comes;
        its last where no node renews it.
        """
        node = self._graph.renewing
        pool = EVALUATION if number == 1 or node is None else self._pool(number, node, budget)
        return self._texts[pool, budget, prompt.prompt_id, sample].text

    def _written(self, prompt: Prompt, node: Node, number: int, budget: int, group: int) -> list[str]:
        """What a node wrote for a group in a round, agent by agent or vote by vote."""
        size = self._graph.agents if node.by == "each" else node.votes
        pool = self._pool(number, node, budget)
        return [self._texts[pool, budget, prompt.prompt_id, group * size + each].text for each in range(size)]

    def _thoughts(self, prompt: Prompt, budget: int, group: int) -> list[str]:
        """What was chosen in each round that has chosen."""
        nodes = self._graph.nodes
        at = next(at for at, node in enumerate(nodes) if node.chooses)
        among = next(node for node in nodes if node.name == nodes[at].chooses)
        last = self._layer.round - (nodes.index(self._layer.node) <= at)
        chosen = []
        for number in range(2, last + 1):
            texts = self._written(prompt, among, number, budget, group)
            votes = self._written(prompt, nodes[at], number, budget, group)
            chosen.append(texts[read_choice(votes, len(texts))])
        return chosen

    def _wrong(self, prompt: Prompt, budget: int, sample: int) -> str:
        """A wrong answer of the model's own to the prompt; where it has none,
        one that it gave to another prompt.
        """
        own = self._firsts.get((prompt.prompt_id, budget), set())
        others = set[Text]().union(
            *(self._firsts.get((near, budget), set()) for near in self._near(prompt.prompt_id))
        )
        told = {each.text for each in own}
        candidates = sorted(
            {each.text for each in own if each.is_wrong} or {each.text for each in others if each.text not in told}
        )
        if not candidates:
            raise KeyError(prompt.prompt_id)
        drawn = hashlib.sha256(f"{self._prepared.identity} {prompt.prompt_id} {budget} {sample}".encode()).digest()
        return candidates[int.from_bytes(drawn[:8], "big") % len(candidates)]

    def _pool(self, number: int, node: Node, budget: int) -> Pool:
        return name_pool(self._graph, number, node, budget)


def _budget_of(spec: PoolSpec, cell: int) -> int:
    """The budget whose rounds a cell serves: a node that writes free text at once has it in its name alone."""
    pool = read_pool(spec.pool)
    return spec.cells[cell].budget if pool is None else pool.budget


def grade_beside(prepared: "Prepared") -> None:
    """Grade what is drawn, in a process of its own: this one is filled with an engine's threads."""
    job = prepared.job
    grading = multiprocessing.get_context("spawn").Process(
        target=grade_run, args=(job.run, [job.task]), kwargs={"unfenced": job.grade_unfenced}
    )
    grading.start()
    grading.join()
    if grading.exitcode:
        raise ValueError(f"Grading answers of {job.model.name} failed, so that none is known to be wrong.")
