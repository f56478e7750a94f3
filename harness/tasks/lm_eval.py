"""Any generate_until task of lm-eval: its prompts, few-shot examples,
filters and graders, without its generation.
"""

import contextlib
import hashlib
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from inspect import isfunction
from typing import Any

from harness.answers import after_thoughts
from harness.fingerprint import digest_code
from harness.forms import FORMS, Form, FormName
from harness.readers import is_plain
from harness.sandbox import close_sandbox
from harness.tasks.lm_eval_code import list_code
from harness.tasks.lm_eval_load import compiled_once, find_manager, hushed, load_leaves
from harness.types import Grade, Outcome, Prompt

# Forms that a task may read, of which the first that it does is taken, from so many gold answers.
READ_BACK: tuple[FormName, ...] = (
    "phrase",
    "number",
    "conclusion",
    "boxed",
    "letter",
    "tagged",
    "whole",
    "hashes",
)
NUM_GOLDS = 4
# A text that marks no answer.
UNMARKED = "word"
# What lm-eval's regex filters give where nothing matches.
INVALID = "[invalid]"
FULL_SCORE = 1.0
# The filter that is no filter of lm-eval's: its metric judges what task.extract finds.
OWN_FILTER = "extract"
# lm-eval's own default, so that examples drawn at random are the same as its own.
FEWSHOT_SEED = 1234
# What of a task's YAML shapes prompts; its documents are digested apart.
SHAPING = (
    "doc_to_text",
    "doc_to_target",
    "doc_to_choice",
    "description",
    "target_delimiter",
    "fewshot_delimiter",
    "gen_prefix",
    "use_prompt",
)
# lm-eval's own, which compare and cut texts.
PLAIN_METRICS = {"exact_match"}
PLAIN_FILTERS = {"regex", "remove_whitespace", "take_first", "lowercase", "uppercase"}
# What of it reads and judges answers.
JUDGING = ("filter_list", "metric_list", "process_results", "generation_kwargs")


def identical(extracted: str) -> str | None:
    """Votes on the answer as written, white space folded."""
    return " ".join(extracted.split()) or None


def cut_at(text: str, until: Sequence[str]) -> str:
    """The text before the first of the strings that end an answer."""
    return text[: min((at for stop in until if stop and (at := text.find(stop)) >= 0), default=len(text))]


@dataclass(frozen=True)
class LmEval:
    """The first `size` documents of lm-eval's task `name`, or as many as it has; a group's tasks take turns.

    include_path: a folder of tasks in lm-eval's YAML. data: a local file (or one a split) in place of the hub.
    num_fewshot: null for the task's own. turns: examples as turns of a conversation and the description as its
    system prompt, for chat templates; otherwise all is one text. metric, filter: what `correct` and `score` are
    read from, null for the task's first. extract: answer text -> answer, null for what the filter leaves.
    vote_key: answer -> canonical form. form: what the prompts ask an answer to look like, null for the first that
    the task's own filter reads. dials: numbers of a document to keep as columns. trust: whether code of
    include_path may run here.
    """

    name: str
    size: int
    include_path: str | None = None
    data: str | Mapping[str, str] | None = field(default=None, hash=False)
    num_fewshot: int | None = None
    turns: bool = False
    metric: str | None = None
    filter: str | None = None
    extract: Callable[[str], str | None] | None = None
    vote_key: Callable[[str], str | None] = identical
    form: FormName | None = None
    dials: tuple[str, ...] = ()
    trust: bool = False

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"task.size must be at least 1; got {self.size}.")
        if self.num_fewshot is not None and self.num_fewshot < 0:
            raise ValueError(f"task.num_fewshot must not be negative; got {self.num_fewshot}.")
        if self.filter == OWN_FILTER and self.extract is None:
            raise ValueError("task.filter=extract grades what task.extract finds. Give a task.extract.")
        # A yaml gives a list.
        object.__setattr__(self, "dials", tuple(self.dials))

    @property
    def grader(self) -> str:
        extract = self.extract.__name__ if self.extract else "filtered"
        scorer = f"{self.name}.{self.metric or 'first'}.{self.filter or 'first'}"
        return f"lm_eval.{scorer}.{extract}.{self.vote_key.__name__}"

    @cached_property
    def grader_version(self) -> str:
        """Versions of lm-eval and its tasks, and a digest of what reads
        and judges an answer: our code, their YAML.
        """
        versions = sorted({str(leaf.VERSION) for leaf in self._leaves.values()})
        # lm-eval's own dump of a task holds the first function of its YAML, and nothing that this calls.
        judges = (leaf.config.process_results for leaf in self._leaves.values())
        read = [function for function in (self.extract, self.vote_key, *judges) if isfunction(function)]
        ours = digest_code(LmEval.grade, LmEval._score, LmEval._metric, LmEval._filter, close_sandbox, *read)
        theirs = _digest(
            [{name: leaf.dump_config().get(name) for name in JUDGING} for leaf in self._leaves.values()]
        )
        return f"{version('lm_eval')}, task {', '.join(versions)}+{ours}{theirs[: len(ours)]}"

    @cached_property
    def code(self) -> Sequence[str]:
        """What of the task's folder runs here, as its user trusts it to."""
        if not self.trust or self.include_path is None:
            return ()
        return list_code(find_manager(self.name, self.include_path)[1])

    @cached_property
    def identity(self) -> Mapping[str, Any]:
        """What shapes a prompt. Size is left out: more prompts of one task are the same run's rows."""
        return {
            "source": "lm_eval",
            "name": self.name,
            "turns": self.turns,
            "tasks": {name: identify(leaf) for name, leaf in self._leaves.items()},
        }

    @property
    def until(self) -> tuple[str, ...]:
        """The strings that end an answer in all of a group's tasks."""
        each = [_until(leaf) for leaf in self._leaves.values()]
        return tuple(stop for stop in each[0] if all(stop in others for others in each))

    @cached_property
    def evaluates(self) -> bool:
        """Whether anything but lm-eval's own filters,
        its exact match and functions that were read reads an answer.
        """
        configs = [leaf.dump_config() for leaf in self._leaves.values()]
        return not is_plain(self.extract, self.vote_key) or any(
            config.get("process_results") is not None
            or {metric["metric"] for metric in config.get("metric_list") or [{"metric": None}]} - PLAIN_METRICS
            or {step["function"] for chain in config.get("filter_list") or [] for step in chain["filter"]}
            - PLAIN_FILTERS
            for config in configs
        )

    @cached_property
    def answer_form(self) -> Form:
        return FORMS[self.form or self._find_form()]

    def load(self) -> list[Prompt]:
        """Raises ValueError where a task has no such metric or filter."""
        for leaf in self._leaves.values():
            self._check_grades(leaf)
        each = [self._render(name, leaf) for name, leaf in self._leaves.items()]
        # Taking turns, a group that grows in size keeps the prompts it had.
        longest = max(len(prompts) for prompts in each)
        ordered = [prompts[i] for i in range(longest) for prompts in each if i < len(prompts)][: self.size]
        return sorted(ordered, key=lambda prompt: prompt.prompt_id)

    def grade(self, prompt: Prompt, text: str) -> Grade:
        """The metric's own score of the text before the first `until`; correct where it is full marks."""
        leaf, doc = self._leaves[prompt.reference["task"]], dict(prompt.reference["doc"])
        answer = cut_at(after_thoughts(text), _until(leaf))
        if not answer.strip():
            return Grade(None, None, False, 0.0, "unanswered")
        filtered, scores = self._score(leaf, doc, answer)
        if (score := float(scores[self._metric(leaf)])) > FULL_SCORE:
            raise ValueError(self._explain_scale(leaf, score, scores))
        extracted = self.extract(answer) if self.extract else _as_text(filtered)
        vote_key = None if extracted is None else self.vote_key(extracted)
        correct = score >= FULL_SCORE
        outcome: Outcome = "correct" if correct else "unparsed" if extracted is None else "wrong"
        return Grade(extracted, vote_key, correct, score, outcome)

    def write_gold(self, prompt: Prompt) -> str:
        """The document's gold answer, in the form that its task reads."""
        leaf = self._leaves[prompt.reference["task"]]
        return self.answer_form.write(self._read_gold(leaf, prompt.reference["doc"]))

    @cached_property
    def _leaves(self) -> dict[str, Any]:
        leaves = load_leaves(self.name, include_path=self.include_path, data=self.data, trust=self.trust)
        for name, leaf in leaves.items():
            if self.num_fewshot is not None:
                leaf.set_config("num_fewshot", self.num_fewshot)
            pool = getattr(leaf.fewshot_cfg, "samples", None) or getattr(leaf.fewshot_cfg, "split", None)
            if leaf.config.num_fewshot and not pool and not leaf.has_training_docs():
                raise ValueError(
                    f"lm-eval's task {name!r} takes its examples from a split that is not in task.data. Give a "
                    f"file for each split, as in task.data={{test: a.jsonl, train: b.jsonl}}, or set "
                    "task.num_fewshot=0."
                )
        return leaves

    def _render(self, name: str, leaf: Any) -> list[Prompt]:
        """Prompts of one task, by lm-eval's own requests."""
        leaf.set_fewshot_seed(FEWSHOT_SEED)
        chat = {"apply_chat_template": True, "fewshot_as_multiturn": True, "chat_template": _write_turns}
        with hushed(), compiled_once():
            leaf.build_all_requests(limit=self.size, rank=0, world_size=1, **(chat if self.turns else {}))
        return [self._prompt(name, index, instance) for index, instance in enumerate(leaf.instances)]

    def _prompt(self, name: str, index: int, instance: Any) -> Prompt:
        missing = [dial for dial in self.dials if not isinstance(instance.doc.get(dial), int | float)]
        if missing:
            raise ValueError(
                f"task.dials: {missing[0]!r} is not a number in the documents, which have {sorted(instance.doc)}."
            )
        dials = {dial: float(instance.doc[dial]) for dial in self.dials}
        prompt_id = f"{self.name}/{index:05d}" + ("" if len(self._leaves) == 1 else f"/{name}")
        return Prompt(prompt_id, instance.args[0], {"task": name, "doc": instance.doc}, dials)

    def _score(self, leaf: Any, doc: Mapping[str, Any], answer: str) -> tuple[Any, Mapping[str, Any]]:
        """What the filter leaves of an answer, and lm-eval's scores of that."""
        if self.extract and self.filter == OWN_FILTER:
            filtered = self.extract(answer) or INVALID
        else:
            filtered = apply_filter(self._filter(leaf), leaf, doc, answer)
        with compiled_once():
            return filtered, leaf.process_results(doc, [filtered])

    def _find_form(self) -> FormName:
        """The first form in which the first task's gold answers are read back and graded correct."""
        leaf = next(iter(self._leaves.values()))
        golds = [(dict(doc), self._read_gold(leaf, doc)) for doc in itertools.islice(leaf.eval_docs, NUM_GOLDS)]
        for name in READ_BACK:
            with contextlib.suppress(Exception):  # a task's filters and graders are code of its own
                scores = [
                    self._score(leaf, doc, FORMS[name].write(gold))[1][self._metric(leaf)] for doc, gold in golds
                ]
                if min(scores) >= FULL_SCORE:
                    return name
        # A filter that picks nothing out of a text takes all of it for the answer.
        return "whole" if self._score(leaf, golds[0][0], UNMARKED)[0] == UNMARKED else READ_BACK[0]

    def _read_gold(self, leaf: Any, doc: Mapping[str, Any]) -> str:
        """A document's gold answer, the first of several:
        what the filter finds in the target, else the whole of it.
        """
        with hushed(), compiled_once():
            target = leaf.doc_to_target(dict(doc))
            if leaf.config.doc_to_choice is not None and isinstance(target, int):
                target = leaf.doc_to_choice(dict(doc))[target]
        first = str(target[0] if isinstance(target, list) and target else target)
        return _as_text(self._score(leaf, doc, first)[0]) or first

    def _metric(self, leaf: Any) -> str:
        return self.metric or next(iter(leaf.higher_is_better()))

    def _filter(self, leaf: Any) -> Any:
        named = {ensemble.name: ensemble for ensemble in leaf._filters}
        if self.filter is not None and self.filter not in named:
            raise ValueError(
                f"task.filter: {leaf.config.task} has no filter {self.filter!r}; it has {', '.join(named)}."
            )
        return named[self.filter] if self.filter else leaf._filters[0]

    def _check_grades(self, leaf: Any) -> None:
        """Grade one made-up answer, so that a grader that cannot is told before anything is drawn."""
        named = [ensemble.name for ensemble in leaf._filters]
        chosen = self.filter if self.filter == OWN_FILTER else self._filter(leaf).name
        doc = leaf.eval_docs[0]
        try:
            _, scores = self._score(leaf, doc, "0")
        except Exception as error:  # a task's filters and graders are code of its own
            raise ValueError(
                f"{leaf.config.task} cannot grade a single answer by its filter {chosen!r} ({error}). Choose "
                f"another task.filter from {', '.join(named)}."
            ) from error
        numbers = [name for name, score in scores.items() if isinstance(score, int | float)]
        if self._metric(leaf) not in numbers:
            raise ValueError(
                f"task.metric: {leaf.config.task} has no {self._metric(leaf)!r} that scores one answer; it has "
                f"{', '.join(numbers) or 'none'}."
            )
        if not leaf.higher_is_better().get(self._metric(leaf), True):
            raise ValueError(
                f"task.metric: of {self._metric(leaf)!r} lower is better. Choose a metric whose best value is "
                "highest."
            )
        for text in ("0", self._read_gold(leaf, doc)):
            _, scores = self._score(leaf, doc, text)
            if not 0 <= (score := float(scores[self._metric(leaf)])) <= FULL_SCORE:
                raise ValueError(self._explain_scale(leaf, score, scores))

    def _explain_scale(self, leaf: Any, score: float, scores: Mapping[str, Any]) -> str:
        others = [
            name for name, other in scores.items() if isinstance(other, int | float) and 0 <= other <= FULL_SCORE
        ]
        return (
            f"task.metric: {leaf.config.task}'s {self._metric(leaf)!r} gives {score:g} to one answer, and a score "
            f"must be from 0 to 1 (correct). Choose another, such as {', '.join(others) or 'another task'}."
        )


def apply_filter(chosen: Any, leaf: Any, doc: Mapping[str, Any], answer: str) -> Any:
    """What one of lm-eval's filters leaves of an answer."""
    from lm_eval.api.instance import Instance

    instance = Instance("generate_until", doc, ("", {}), 0, metadata=(leaf.config.task, 0, 1))
    instance.resps = [answer]
    chosen.apply([instance])
    return instance.filtered_resps[chosen.name]


def identify(leaf: Any) -> Mapping[str, Any]:
    """What of a task shapes its prompts: version, template, and digests of documents and few-shot examples."""
    config = leaf.dump_config()
    num_fewshot = leaf.config.num_fewshot or 0
    return {
        "version": str(leaf.VERSION),
        "num_fewshot": num_fewshot,
        "template": _digest([{name: config.get(name) for name in SHAPING}]),
        "documents": _digest(leaf.eval_docs),
        "examples": _digest(leaf.sampler.df) if num_fewshot else None,
    }


def _digest(documents: Any) -> str:
    digest = hashlib.sha256()
    for document in documents:
        digest.update(json.dumps(document, sort_keys=True, default=str).encode() + b"\n")
    return digest.hexdigest()[:16]


def _until(leaf: Any) -> tuple[str, ...]:
    until = (leaf.config.generation_kwargs or {}).get("until") or ()
    return (until,) if isinstance(until, str) else tuple(until)


def _as_text(filtered: Any) -> str | None:
    """A filter's answer as text; None where it found none."""
    text = filtered if isinstance(filtered, str) else json.dumps(filtered, default=str)
    return None if text == INVALID or not text.strip() else text


def _write_turns(turns: list[dict[str, str]], **_: Any) -> str:
    return json.dumps(turns, ensure_ascii=False)
