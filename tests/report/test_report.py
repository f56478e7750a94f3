"""The report without a browser: its numbers, its texts, its bytes, and what no text in it can become."""

import json
import math
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.questions import curve_rows, exchange_rates, rate_rows
from analysis.reading.choices import Choices
from analysis.reading.reading import read
from analysis.report import explorer, html, page
from analysis.report.explorer import Size
from analysis.report.sections import Section
from analysis.runs import outcomes, texts
from isoquant.__main__ import main
from results import schema, store
from tests.analysis.conftest import forget_grades
from tests.report.conftest import HOSTILE, NAMES, data_of, report


def as_written(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame as the CSV beside a figure gives it back."""
    return pd.read_csv(StringIO(frame.to_csv(index=False)), float_precision="round_trip")


def as_embedded(columns: dict[str, list]) -> pd.DataFrame:
    return pd.DataFrame(columns).replace("never", math.inf).infer_objects()


@pytest.mark.parametrize("cost", ["c2", "tokens"])
def test_the_numbers_of_the_page_are_those_behind_the_figures(ladder_page: Path, cost: str) -> None:
    embedded = data_of(ladder_page.read_text(), "findings")
    loaded = outcomes.load(ladder_page.parent)
    found = exchange_rates.measure(read(loaded, Choices(cost=cost)))
    rates, curves = (
        as_embedded(embedded["rates"]["shared"] | embedded["rates"]["by_cost"][cost]),
        as_embedded(embedded["curves"]),
    )
    curves["cost"] = embedded["cost"][cost]
    assert embedded["costs"][0][0] == "c2" and {"c3", cost} <= {name for name, *_ in embedded["costs"]}
    for rule in ("maj_at_k", "pass_at_k"):
        for axis in ("width", "budget"):
            written = as_written(rate_rows.frame(found, rule=rule, axis=axis))
            mine = rates[(rates["rule"] == rule) & (rates["path"] == axis)].reset_index(drop=True)
            shared = [name for name in written if name in mine]
            assert {"exchange_rate", "low", "high", "share_never", "step", "p_holm"} <= set(shared)
            pd.testing.assert_frame_equal(mine[shared], written[shared], check_dtype=False, rtol=0, atol=0)
    written = as_written(curve_rows.frame(found, rule="maj_at_k", axis="width"))
    mine = curves[(curves["path"] == "width") & (curves["bin"] != "all prompts")].reset_index(drop=True)
    shared = ["model", "rule", "bin", "width", "accuracy", "cost", "low", "high", "band_low", "band_high"]
    order = ["bin", "model", "rule", "width"]
    pd.testing.assert_frame_equal(
        mine[shared].sort_values(order, ignore_index=True),
        written[shared].sort_values(order, ignore_index=True),
        check_dtype=False,
        rtol=0,
        atol=0,
    )


def test_right_answers_of_a_prompt_are_those_that_are_stored(ladder_page: Path) -> None:
    embedded = data_of(ladder_page.read_text(), "explorer-data")
    loaded = outcomes.load(ladder_page.parent)
    at = {name: number for number, name in enumerate(loaded.prompt_ids)}
    assert len(embedded["prompts"]) == len(at) == 40
    for prompt in embedded["prompts"]:
        right = [arm.samples.correct[:, at[prompt["id"]]].sum(axis=1).tolist() for arm in loaded.arms]
        assert prompt["right"] == right


class Tags(HTMLParser):
    """Every element of a page with its attributes, and what stands in its scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_comment(self, data: str) -> None:
        self.tags.append(("comment", {}))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_what_a_model_wrote_is_never_markup(hostile_page: Path, ladder_page: Path) -> None:
    text = hostile_page.read_text(encoding="utf-8")
    tags = Tags()
    tags.feed(text)
    kinds = [tag for tag, _ in tags.tags]
    assert not {"img", "svg", "b", "iframe", "comment"} & set(kinds)
    scripts = [attributes for tag, attributes in tags.tags if tag == "script"]
    assert sum("type" not in attributes for attributes in scripts) == 2
    assert sum(attributes.get("type") == "application/json" for attributes in scripts) == len(scripts) - 2 == 2
    assert not [name for _, attributes in tags.tags for name in attributes if name.startswith("on")]
    links = [attributes["href"] for _, attributes in tags.tags if "href" in attributes]
    assert all(link.startswith("#") or link == "data:," for link in links)
    assert "\u202e" not in text and "\u2028" not in text and "\x00" not in text


def test_what_a_model_wrote_comes_back_from_the_page_unchanged(hostile_page: Path) -> None:
    embedded = data_of(hostile_page.read_text(encoding="utf-8"), "explorer-data")
    traces = {"".join(sample["trace"]) for prompt in embedded["prompts"] for sample in prompt["samples"]}
    answers = {
        "".join(answer[3])
        for prompt in embedded["prompts"]
        for sample in prompt["samples"]
        for answer in sample["answers"]
    }
    assert traces == answers == set(HOSTILE)
    names = [model["name"] for model in data_of(hostile_page.read_text(encoding="utf-8"), "findings")["models"]]
    assert names == list(NAMES)


@pytest.mark.parametrize(
    "value", [*HOSTILE, {"x": [math.inf, math.nan, 0.1 + 0.2]}, np.arange(3), ("a", None, True)]
)
def test_encoded_data_read_back_as_they_were(value: object) -> None:
    text = html.encode(value)
    assert not {"<", ">", "&", "\u2028", "\u202e", "\x00"} & set(text)
    expected = {"x": ["never", None, 0.1 + 0.2]} if isinstance(value, dict) else value
    expected = list(expected) if isinstance(expected, tuple | np.ndarray) else expected
    assert json.loads(text) == expected


def test_a_table_and_a_figure_escape_what_they_are_given() -> None:
    frame = pd.DataFrame({NAMES[0]: [HOSTILE[1], "short"], "rate": [0.25, math.inf], "count": [1234, 2]})
    spec = {"data": [{"name": HOSTILE[2], "y": np.array([1.0, math.nan])}], "layout": {"title": "one<br>two"}}
    body = html.table(frame, caption=HOSTILE[3]) + html.figure(spec, alt=HOSTILE[3], caption=HOSTILE[2])
    tags = Tags()
    tags.feed(body)
    assert {tag for tag, _ in tags.tags} <= {
        *("div", "table", "caption", "span", "thead", "tbody", "tr", "th", "td", "figure", "script", "figcaption")
    }
    assert {"0.25", "never", "1,234"} <= set(tags.words)
    drawn = json.loads(next(word for word in tags.words if word.startswith("{")))
    assert drawn["layout"]["title"] == "one<br>two"
    assert drawn["data"][0] == {"name": HOSTILE[2].replace("<", "&lt;").replace(">", "&gt;"), "y": [1.0, None]}


def test_the_page_lets_nothing_run_or_load_that_it_was_not_built_with() -> None:
    text = page.render([Section("one", "One <b>", "<p>body</p>")], title="a & b", lead="$style", subtitle="")
    policy = text.split('http-equiv="Content-Security-Policy" content="')[1].split('"')[0]
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy.split("script-src")[1] and policy.count("'sha256-") == 2
    assert '<h2 id="one-title">One &lt;b&gt;</h2>' in text and '<p class="lead">$style</p>' in text


def test_equal_rows_give_equal_bytes_in_any_order(plant, ladder, tmp_path: Path) -> None:
    root = plant(ladder[:2], num_prompts=6, num_samples=3)
    other = tmp_path / "elsewhere"
    for name in ("models", "cells", "traces", "answers", "grades"):
        table = schema.TABLES[name]
        rows = store.scan(root, table).to_pylist()[::-1]
        for at in range(0, len(rows), 150):
            store.append(other, table, rows[at : at + 150], writer="another")
    assert report(other) == report(root)


def test_more_than_fits_is_sampled_by_a_seed_and_said(hostile_page: Path) -> None:
    loaded = outcomes.load(hostile_page.parent)

    def shown(size: Size, *, seed: int = 0, room: int = 10**7) -> tuple[str, list[dict[str, Any]]]:
        body = explorer.section(hostile_page.parent, read(loaded, Choices(), seed=seed), size=size, room=room).body
        return body, data_of(body, "explorer-data")["prompts"]

    said, prompts = shown(Size())
    assert "This page has all 4 prompts, with the texts of all 3 samples" in said and len(prompts) == 4
    said, some = shown(Size(2, 1))
    assert "This page has 2 of 4 prompts, chosen by a hash of the seed (0) and their names" in said
    assert "with the texts of 1 of 3 samples, chosen by the same hash" in said
    assert len(some) == 2 and all(len(prompt["samples"]) == 2 for prompt in some)
    chosen = [[(p["id"], p["samples"][0]["sample"]) for p in shown(Size(2, 1), seed=seed)[1]] for seed in range(4)]
    assert chosen[0] == [(p["id"], p["samples"][0]["sample"]) for p in some] and chosen.count(chosen[0]) < 4
    largest = max(len(html.encode(prompt).encode()) for prompt in prompts)
    for room, count in ((int(2.5 * largest), 2), (0, 1)):
        said, fewer = shown(Size(), room=room)
        assert f"{count} of 4 prompts, chosen by" in said and len(fewer) == count


def test_more_prompts_hold_those_of_fewer() -> None:
    names = [f"p/{number}" for number in range(500)]
    few, many = (texts.choose_prompts(names, count, seed=3) for count in (20, 60))
    assert many[:20] == few == texts.choose_prompts(reversed(names), 20, seed=3)
    assert few != texts.choose_prompts(names, 20, seed=4)
    drawn = [texts.choose_samples(name, 16, 4, seed=0) for name in names]
    assert all(chosen == sorted(set(chosen)) and len(chosen) == 4 for chosen in drawn)
    counts = np.bincount(np.concatenate(drawn), minlength=16)
    assert counts.min() > 80 and counts.max() < 175


@pytest.mark.parametrize("cuts", [[], [10], [3_000], [5_500], [7_000, 9_000], [100, 200, 9_900]])
def test_a_trace_in_segments_reads_as_one_text(cuts: list[int]) -> None:
    for length in (5_000, 6_000, 6_001, 10_000, 30_000):
        text = "".join(chr(97 + number % 26) for number in range(length))
        edges = [0, *(cut for cut in cuts if cut < length), length]
        sample = texts.Sample()
        for start, end in zip(edges, edges[1:], strict=False):
            sample.segments[start] = {"text": texts.clip(text[start:end], texts.TRACE_ENDS)}
        assert texts.trace(sample) == texts.clip(text, texts.TRACE_ENDS)


def test_texts_stand_under_the_model_sample_and_budget_that_gave_them(plant, ladder) -> None:
    root = plant(ladder[:2], num_prompts=3, num_samples=3)
    loaded = outcomes.load(root)
    answers = store.scan(root, schema.ANSWERS).to_pylist()
    graded = {
        tuple(row[name] for name in schema.ANSWERS.key): row["outcome"]
        for row in store.scan(root, schema.GRADES).to_pylist()
    }
    samples = texts.read(root, loaded, {"planted/0001": [0, 2]})
    assert list(samples) == ["planted/0001"] and set(samples["planted/0001"]) == {(0, 0), (0, 2), (1, 0), (1, 2)}
    for (rung, number), sample in samples["planted/0001"].items():
        identity = loaded.arms[rung].rung.identity
        key = (identity, "planted/0001", "evaluation", number)
        stored = {row["budget"]: row for row in answers if tuple(row[name] for name in schema.SAMPLE_KEY) == key}
        assert set(sample.answers) == set(stored)
        for budget, answer in sample.answers.items():
            assert answer["outcome"] == graded[*key, budget]
            assert answer["num_thinking_tokens"] == stored[budget]["num_thinking_tokens"]


def test_a_run_that_can_hardly_tell_anything_still_has_its_page(
    plant, ladder, capsys: pytest.CaptureFixture[str]
) -> None:
    single = report(plant(ladder[:1], name="single", num_prompts=5, num_samples=2))
    assert "there is no larger one to match" in single and 'id="rates-view"' not in single
    alone = report(plant(ladder[:2], name="alone", num_prompts=1, num_samples=1, bin_samples=0))
    assert "Prompts by bin: all prompts 1." in alone and 'id="frontier"' not in alone
    capsys.readouterr()


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ("correct", "is always right here"),
        ("wrong", "there is nothing to match"),
        ("unparsed", "No verdict on planted"),
    ],
)
def test_a_run_in_which_all_answers_are_alike_says_so(
    plant, ladder, outcome: str, said: str, tmp_path: Path
) -> None:
    source = plant(ladder[:2], num_prompts=3, num_samples=2, bin_samples=0)
    root = tmp_path / outcome
    for name in ("models", "cells", "traces", "answers"):
        store.append(root, schema.TABLES[name], store.scan(source, schema.TABLES[name]).to_pylist(), writer="same")
    alike = {
        "correct": outcome == "correct",
        "outcome": outcome,
        "vote_key": "a" if outcome == "correct" else None,
    }
    grades = [row | alike for row in store.scan(source, schema.GRADES).to_pylist()]
    store.append(root, schema.GRADES, grades, writer="same")
    assert said in report(root)


def test_a_run_without_grades_ends_with_a_line_and_no_page(
    plant, ladder, capsys: pytest.CaptureFixture[str]
) -> None:
    root = plant(ladder[:2], num_prompts=2, num_samples=2)
    forget_grades(root)
    assert main(["report", str(root)]) == 2
    assert capsys.readouterr().err.startswith("error: No graded answers in")
    assert not list(root.glob("report*"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--prompts", "0"], "--prompts and --samples must be at least 1"),
        (["--cost", "c5"], "Cost model c5 needs the price of every model; 33k has none."),
        (["--cost", "c3"], "Cost model c3 needs a GPU of"),
    ],
)
def test_what_a_user_can_put_right_is_one_line(plant, ladder, capsys, options: list[str], said: str) -> None:
    assert main(["report", str(plant(ladder[:2], num_prompts=4, num_samples=2)), *options]) == 2
    assert said in capsys.readouterr().err


def test_outcomes_that_came_as_counts_have_a_page_that_says_so(tmp_path: Path) -> None:
    from tests.door import ingest

    source = tmp_path / "counts.csv"
    rows = [("small", p, 20, p) for p in range(1, 9)] + [("large", p, 20, min(p + 8, 20)) for p in range(1, 9)]
    pd.DataFrame(rows, columns=["model", "prompt", "num_samples", "num_correct"]).to_csv(source, index=False)
    names = ["model", "prompt", "num_samples", "num_correct"]
    root = tmp_path / "theirs"
    assert ingest([str(source), str(root), "--task", "math", "--map", *(f"{name}={name}" for name in names)]) == 0
    text = report(root)
    assert "The run has only counts of right samples, without texts." in text
    assert "These outcomes come from elsewhere" in text
    assert [name for name, *_ in data_of(text, "findings")["costs"]] == ["samples"]
