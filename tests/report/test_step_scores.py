"""A verifier's step scores in the explorer: beside the steps they are of, and never a way into the page."""

from pathlib import Path
from typing import Any

import pytest

from analysis.costs.shapes import Shape
from analysis.runs import steps
from analysis.runs.verifiers import Verifier
from harness.scorers.steps import split_steps
from tests.report.conftest import DELIMITER, HOSTILE, HOSTILE_SCORER, data_of, report, write_hostile_run
from tests.report.test_report import Tags

TEXTS = [*HOSTILE, "", ";", "; ;a;;b ; c", "a;b;", "a", " \n;\n x ; 𝒳; y\u2028;", "a\n\nb\n\n\n\nc"]


@pytest.fixture(scope="module")
def samples(scored_page: Path) -> list[dict[str, Any]]:
    embedded = data_of(scored_page.read_text(encoding="utf-8"), "explorer-data")
    assert embedded["scorer"] == HOSTILE_SCORER
    return [sample for prompt in embedded["prompts"] for sample in prompt["samples"]]


@pytest.mark.parametrize("delimiter", [";", "\n\n", " ", "<", "b"])
@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_split_as_the_scorer_split_it(text: str, delimiter: str) -> None:
    assert steps.ends(text, delimiter) == [span.end for span in split_steps(text, delimiter)]


def test_every_step_of_a_trace_has_its_score_behind_it(samples: list[dict[str, Any]]) -> None:
    for sample in samples:
        (trace,) = sample["trace"]
        units = trace.encode("utf-16-le")
        cuts = [end for end, _ in sample["steps"]]
        # A browser cuts by units of two bytes.
        parts = [
            units[2 * start : 2 * end].decode("utf-16-le") for start, end in zip([0, *cuts], cuts, strict=False)
        ]
        assert "".join(parts) == trace.rstrip(DELIMITER)[: len("".join(parts))] and cuts == sorted(set(cuts))
        assert [part.strip() for part in parts] == [
            part.strip() for part in trace.split(DELIMITER) if part.strip()
        ]
        assert all(-2 < score < 2 for _, score in sample["steps"])
        assert len(sample["scores"]) == len(sample["answers"])


def test_nothing_of_it_is_markup(scored_page: Path) -> None:
    tags = Tags()
    tags.feed(scored_page.read_text(encoding="utf-8"))
    # Its tables name the verifier and the models too.
    assert {"verifier", "splits", "workloads"} <= {attributes.get("id") for _, attributes in tags.tags}
    assert not {"img", "svg", "b", "iframe", "comment"} & {tag for tag, _ in tags.tags}
    assert sum(tag == "script" for tag, _ in tags.tags) == 4
    assert not [name for _, attributes in tags.tags for name in attributes if name.startswith("on")]


# scorer_parts of a run that anyone may have made, and how they are read.
PARTS = {
    '{"steps": {"step": ";"}, "layout": {"thinking": ["<", ">"]}}': steps.Splitting(";", True),
    '{"steps": {"step": ";"}, "layout": {"thinking": null}}': steps.Splitting(";", False),
    '{"steps": {"step": ";"}, "layout": []}': steps.Splitting(";", False),
    '{"steps": {"step": ";"}, "layout": null}': steps.Splitting(";", False),
    '{"steps": {"step": 5}}': None,
    '{"steps": {"step": [";"]}}': None,
    '{"steps": {"step": ""}}': None,
    '{"steps": "x"}': None,
    '{"steps": [1]}': None,
    '{"steps": null}': None,
    "{}": None,
}


@pytest.mark.parametrize("parts", PARTS)
def test_how_a_verifier_splits_is_read_of_any_object(parts: str) -> None:
    assert steps.splitting(verifier_of(parts)) == PARTS[parts]


@pytest.mark.parametrize("parts", ["[]", "1", "{{{", "[" * 10**5, '{"steps": ' + "9" * 5000 + "}"])
def test_parts_that_are_no_object_are_told(parts: str) -> None:
    with pytest.raises(ValueError, match="scorer_parts of rm cannot be read as a JSON object"):
        steps.splitting(verifier_of(parts))


def verifier_of(parts: str) -> Verifier:
    return Verifier("rm", "1", "process", Shape(1, 1, 1, 1), None, 0.5, 1, parts=parts)


def test_steps_that_are_not_those_that_were_scored_are_not_placed() -> None:
    placed = steps.place(["a;b"], [0.1, 0.2, 0.9], ";", behind="c")
    assert placed == [steps.Step(1, 0.1), steps.Step(3, 0.2)]
    assert steps.place(["a;b"], [0.1, 0.2], ";", behind="c") == []
    assert steps.place(["a;b"], [0.1], ";", behind=None) == []
    assert steps.place([], [0.1], ";", behind="") == []
    # Of a clipped trace those that surely end in its beginning.
    assert steps.place(["a;b", 100, "y;z"], [0.1, 0.2, 0.3, 0.4], ";", behind="c") == [steps.Step(1, 0.1)]


def test_without_a_verifier_the_page_says_nothing_of_scores(tmp_path: Path) -> None:
    write_hostile_run(tmp_path / "run", num_prompts=2, num_samples=1)
    embedded = data_of(report(tmp_path / "run"), "explorer-data")
    assert "scorer" not in embedded
    assert not {"scores", "steps"} & set(embedded["prompts"][0]["samples"][0])
