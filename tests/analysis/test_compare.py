"""A new model against a ladder, end to end: what must come out where the truth is planted, and what is printed."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.questions import compare
from analysis.questions.compare import Comparison
from analysis.reading.choices import Choices
from analysis.reading.reading import read
from analysis.runs import outcomes, pairing
from analysis.runs.pairing import Source
from analysis.text import verdict
from isoquant.__main__ import main
from results import schema, store
from results.schema import UNLIMITED


def find(base: Source, new: Source) -> Comparison:
    paired = pairing.read(base, new)
    return compare.compare(paired, read(paired.outcomes, Choices(), rule="maj_at_k"))


@pytest.fixture(scope="module")
def placed(ladder_run: Path) -> Comparison:
    """The third of four planted rungs against the other three."""
    return find(Source(ladder_run, None), Source(ladder_run, "0.4m"))


@pytest.fixture(scope="module")
def twin(ladder_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """A copy of the ladder's run: its third rung against the whole ladder."""
    roots = [tmp_path_factory.mktemp("twin") / name for name in ("base", "new")]
    for root in roots:
        shutil.copytree(ladder_run, root)
        asked = {"task": "planted", "dials": "{}"}
        prompts = [asked | {"prompt_id": f"planted/{n:04d}", "prompt_hash": str(n)} for n in range(120)]
        store.append(root, schema.PROMPTS, prompts, writer="prompts")
    return find(Source(roots[0], None), Source(roots[1], "0.4m"))


def test_single_answers_differ_by_the_difference_of_the_means(placed: Comparison, ladder_run: Path):
    arms = {arm.rung.name: arm for arm in outcomes.load(ladder_run).arms}
    cells = placed.differences[(placed.differences["width"] == 1) & (placed.differences["bin"] == "all prompts")]
    for base, part in cells.groupby("base"):
        want = (
            arms["0.4m"].samples.correct.mean(axis=(1, 2)) - arms[base].samples.correct.mean(axis=(1, 2))
        ).tolist()
        np.testing.assert_allclose(part.sort_values("budget")["difference"], want, atol=1e-12)


def test_a_crossing_between_the_last_limit_on_thinking_and_none_is_explained(placed: Comparison):
    assert "no number can be given" not in verdict.needs_legend(placed)
    deep = placed.needs["path"] == "budget"
    endless = placed.needs.assign(max_step=placed.needs["max_step"].where(~deep, UNLIMITED))
    text = verdict.needs_legend(replace(placed, needs=endless))
    assert "within any number of tokens of thinking" in text and text.endswith("no number can be given.")


@pytest.mark.parametrize(("p_holm", "number"), [([0.01, 0.04], 2), ([0.01, 0.06], 1), ([0.2, 0.06], "none")])
def test_how_many_sure_cells_corrected_p_values_confirm_is_said(
    placed: Comparison, p_holm: list[float], number: int | str
):
    cells = placed.differences.assign(low=-1.0, high=1.0, p_holm=0.01)
    cells.iloc[:2, cells.columns.get_indexer(["low", "high", "p_holm"])] = [[1, 2, p_holm[0]], [-2, -1, p_holm[1]]]
    text = verdict.headline(replace(placed, differences=cells)).splitlines()[1]
    assert text == (
        f"Of {len(cells)} cells together, 1 is certainly better and 1 certainly worse by joint intervals; "
        f"corrected p-values confirm {number} of them."
    )


def test_one_cell_alone_is_not_several(placed: Comparison):
    alone = replace(placed, differences=placed.single_full().iloc[:1])
    assert verdict.headline(alone).splitlines()[1].startswith("Of 1 cell, ")
    assert verdict.differences_legend(alone).startswith("Brackets: a 95% interval (max-t")


@pytest.mark.parametrize(("unit", "costs"), [("FLOPs", ["FLOPs"]), ("tokens", []), ("samples", [])])
def test_no_column_of_what_a_smaller_model_needs_stands_twice(placed: Comparison, unit: str, costs: list[str]):
    counted = replace(placed, cost=placed.cost._replace(unit=unit))
    head, *rows = verdict.need_rows(counted)
    assert head[:-3] == ["base", "bin", "samples", "never", "tokens", *costs] and head[-2:] == [
        "thinking",
        "never",
    ]
    shallow = replace(counted, needs=counted.needs[counted.needs["path"] == "width"])
    head, *fewer = verdict.need_rows(shallow)
    assert "thinking" not in head and fewer == [row[:-2] for row in rows]


def test_more_cells_than_swaps_can_tell_apart_are_left_to_the_intervals(placed: Comparison):
    many = pd.concat([placed.differences] * 6)
    assert "confirm" not in verdict.headline(replace(placed, differences=many))
    assert f"no difference is certain in any of {len(many)} cells after Holm" in verdict.differences_legend(
        replace(placed, differences=many)
    )


def test_every_cell_holds_its_difference_and_nothing_larger_than_certain(placed: Comparison):
    cells = placed.differences
    assert len(cells) == 3 * 4 * 6 * 4
    assert np.all(cells["low"] <= cells["alone_low"]) and np.all(cells["alone_high"] <= cells["high"])
    assert np.all(cells["alone_low"] <= cells["difference"]) and np.all(cells["difference"] <= cells["alone_high"])
    assert cells["low"].min() >= -1 and cells["high"].max() <= 1
    assert np.all(cells["p_value"] <= cells["p_bh"]) and np.all(cells["p_bh"] <= cells["p_holm"])


def test_planted_abilities_order_the_rungs_and_place_the_new_one_between_them(placed: Comparison):
    single = placed.single_full()
    assert placed.nearest == "1.1m" and single["difference"].iloc[0] < 0
    full = placed.differences[(placed.differences["budget"] == 256) & (placed.differences["width"] == 1)]
    against = full[full["bin"] == "all prompts"].set_index("base")
    assert against.loc["33k", "low"] > 0 and against.loc["1.1m", "high"] < 0
    size = placed.sizes[(placed.sizes["budget"] == 256) & (placed.sizes["width"] == 1)].iloc[0]
    assert 125_000 < size["size_low"] < 400_000 < size["size_high"] < 1_100_000


def test_the_smaller_rung_takes_more_samples_and_the_larger_one_none(placed: Comparison):
    needs = placed.needs[(placed.needs["path"] == "width") & (placed.needs["bin"] == "all prompts")].set_index(
        "base"
    )
    assert needs.loc["125k", "step"] > 1 and needs.loc["125k", "tokens_low"] <= needs.loc["125k", "tokens"]
    assert needs.loc["1.1m", "at_or_below"] and needs.loc["1.1m", "share_never"] == 0
    assert np.isinf(needs.loc["33k", "step"]) and needs.loc["33k", "share_never"] > 0.5


def test_a_checkpoint_compared_with_its_copy_shows_no_difference(twin: Comparison):
    cells = twin.differences[twin.differences["base"] == "0.4m"]
    assert np.all(cells["difference"] == 0) and np.all(cells["p_value"] == 1)
    assert np.all((cells["low"] <= 0) & (cells["high"] >= 0))
    lost = twin.prompts[twin.prompts["base"] == "0.4m"]
    assert np.all(lost["difference"] == 0) and np.all(lost["p_value"] == 1)
    needs = twin.needs[(twin.needs["base"] == "0.4m") & (twin.needs["path"] == "width")]
    np.testing.assert_allclose(needs[["step", "exchange_rate"]], 1)
    assert any("the same model, with the same identity" in note for note in twin.notes)


def test_a_copy_of_a_rung_is_worth_its_size_unless_the_ladder_dips(twin: Comparison):
    all_prompts = twin.sizes[twin.sizes["bin"] == "all prompts"]
    rises = all_prompts[(all_prompts["stays"] <= all_prompts["size"] * (1 + 1e-9))]
    assert len(rises) > 10
    np.testing.assert_allclose(rises["size"], 400_000)


def test_one_base_has_no_ladder_and_lists_every_budget(ladder_run: Path):
    found = find(Source(ladder_run, "125k"), Source(ladder_run, "0.4m"))
    text = verdict.render(found)
    assert found.sizes.empty and "On this ladder" not in text
    assert verdict.difference_rows(found)[0][:2] == ["bin", "thinking"]
    assert {row[1] for row in verdict.difference_rows(found)[1:]} == {"0", "16", "32", "64", "128", "256"}


def test_widths_double_and_votes_are_odd():
    assert compare.shown_widths(16, "pass_at_k") == [1, 2, 4, 8, 16]
    assert compare.shown_widths(16, "maj_at_k") == [1, 3, 7, 15]
    assert compare.shown_widths(6, "pass_at_k") == [1, 2, 4, 6]
    assert compare.shown_widths(1, "maj_at_k") == [1]


def test_the_command_prints_writes_plain_json_and_a_page(
    ladder_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    words = ["compare", str(ladder_run), f"{ladder_run}:0.4m", "--html", str(tmp_path / "compare.html")]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "On this ladder that equals" in printed and "Where it lost." in printed and "80% power" in printed

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    assert main([*words, "--json"]) == 0
    stored = json.loads(capsys.readouterr().out, parse_constant=refuse)
    assert len(stored["differences"]) == 288 and {row["step"] for row in stored["needs"]} >= {"never"}
    page = (tmp_path / "compare.html").read_text()
    assert '<section id="compare"' in page and "All 288 cells" in page and page.count("<table>") == 5


def test_bins_of_each_models_own_are_refused(ladder_run: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["compare", str(ladder_run), f"{ladder_run}:0.4m", "--difficulty", "own"]) == 2
    assert "Use anchor, agreement or label" in capsys.readouterr().err
