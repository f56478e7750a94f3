"""`isoquant.load`: tidy frames that say what the commands say, and a page that says what their columns hold."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import isoquant
from analysis.questions import verifier
from analysis.questions.answers import OF_VERIFIER
from analysis.text.columns import COLUMNS, OF_OTHER_AXES, page
from isoquant import columns
from isoquant.notebook import Run
from tests.door import ingest

REFERENCE = "results/reference"


@pytest.fixture(scope="module")
def run() -> Run:
    return isoquant.load(REFERENCE)


def test_to_name_the_package_imports_no_room() -> None:
    loaded = "[name for name in sys.modules if name.split('.')[0] == 'analysis']"
    code = f"import isoquant, sys; assert isoquant.VERSION; print({loaded})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    with pytest.raises(AttributeError, match="no attribute 'read'"):
        isoquant.read  # noqa: B018


def test_a_plain_group_by_budget_is_what_each_budget_buys(run: Run) -> None:
    """Natural answers stand at every budget they serve:
    stored rows alone would show accuracy fall with thinking.
    """
    bought = run.answers().groupby(["model", "budget"], observed=True)["correct"].mean().unstack()
    assert bought.index.tolist() == run.models and np.all(np.diff(bought, axis=1) > 0)
    single = run.cells().query("bin == 'all prompts' and width == 1").set_index(["model", "budget"])["accuracy"]
    np.testing.assert_allclose(bought.stack(), single, rtol=1e-12)


def test_answers_are_a_row_a_model_prompt_budget_and_sample(run: Run) -> None:
    answers = run.answers()
    key = ["model", "prompt_id", "budget", "sample"]
    outcomes = run.reading.outcomes
    assert len(answers) == len(answers[key].drop_duplicates()) == 4 * 120 * len(outcomes.budgets) * 16
    assert ((answers["outcome"] == "correct") == answers["correct"]).all()
    assert answers["thinking_tokens"].le(answers["budget"]).all() and answers["score"].isin([0, 1]).all()
    votes = answers[answers["vote"] >= 0].groupby([*key[:3], "vote"], observed=True)["correct"]
    assert (votes.nunique() == 1).all(), "answers that vote together are right together"
    assert set(outcomes.dials) <= set(answers)


def test_cells_hold_their_intervals_and_the_exchange_rates_their_nevers(run: Run) -> None:
    cells, rates = run.cells(), run.exchange_rates()
    assert (cells["low"] <= cells["accuracy"]).all() and (cells["accuracy"] <= cells["high"]).all()
    assert not cells.duplicated(["model", "bin", "budget", "width"]).any()
    assert np.isinf(rates["exchange_rate"]).any() and (rates["exchange_rate"] > 0).all()
    drawn = pd.read_csv(Path(REFERENCE) / "figures" / "exchange_rates.csv")
    ours = rates[(rates["rule"] == "maj_at_k") & (rates["path"] == "width")].reset_index(drop=True)
    np.testing.assert_allclose(ours["exchange_rate"], drawn["exchange_rate"], rtol=1e-9)


def test_what_was_given_back_may_be_changed(run: Run) -> None:
    run.exchange_rates()["exchange_rate"] = 0.0
    assert (run.exchange_rates()["exchange_rate"] > 0).all()


def test_choices_are_those_of_the_commands(run: Run) -> None:
    tokens = run.under("tokens")
    assert tokens.cells()["cost"].equals(run.cells()["total_tokens"])
    two = isoquant.load(REFERENCE, bins=2, cost="c1", rule="pass_at_k")
    assert two.cells()["bin"].nunique() == 3 and two.cells()["rule"].eq("pass_at_k").all()
    for choice, said in (
        (
            {"rule": "maj"},
            r"Unknown rule 'maj'; choose from \['maj_at_k', 'pass_at_k', 'best_of_n', 'weighted_vote', 'fi",
        ),
        ({"difficulty": "hard"}, r"Unknown difficulty 'hard'; choose from \['anchor', 'own'"),
        ({"label": "target"}, "Only bins of a label read --label, and --difficulty is anchor"),
        ({"verdicts": 2}, "verdicts belongs to a verifier's scores, and this run has no one scorer"),
        ({"filter_share": 0.3, "steps": "min"}, "steps, filter_share belong to a verifier's scores"),
        ({"rule": "best_of_n"}, "has scores of 2 verifiers; give --scorer with one of verifier-125k"),
        ({"bin": 3}, r"load has no option bin; choose from .*'bins', .*'cost'"),
        ({"binning": None, "costs": "c1"}, "load has no option binning, costs; choose from"),
    ):
        with pytest.raises(ValueError, match=said):
            isoquant.load(REFERENCE, **choice)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="No run 'nosuch'"):
        isoquant.load("nosuch")
    with pytest.raises(ValueError, match="Cost model 'c5' is not known in this run"):
        run.under("c5")
    assert "120 prompts, models countdown-33k, " in repr(run)


def test_the_page_of_columns_is_what_the_code_says() -> None:
    assert Path("docs/columns.md").read_text(encoding="utf-8") == page(columns.tables())


def test_every_meaning_is_of_some_column() -> None:
    known = {column for table in columns.tables().values() for column in table}
    only_of_odd_runs = {"most_samples", "cautions", "bins_aside", "models_aside", "given_tokens", *OF_OTHER_AXES}
    assert set(COLUMNS) - known == only_of_odd_runs
    with pytest.raises(KeyError, match="nosuch"):
        page({"answers()": ["nosuch"]})


def test_scores_of_a_verifier_are_columns_of_answers_whatever_the_rule(tmp_path: Path) -> None:
    lines = ["m,p,c,a,r,o"]
    lines += [f"m,p{p},{int((p + s) % 3 > 0)},{(p + s) % 3},{s - p / 2},{s}" for p in range(6) for s in range(4)]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    mapped = ["--map", "model=m", "prompt=p", "correct=c", "answer=a"]
    for column in ("r", "o"):
        assert ingest([str(tmp_path / "t.csv"), str(tmp_path / column), *mapped, f"verifier={column}"]) == 0
        assert ingest([str(tmp_path / "t.csv"), str(tmp_path / "both"), *mapped, f"verifier={column}"]) == 0
    answers = isoquant.load(str(tmp_path / "r")).answers()
    assert set(OF_VERIFIER) <= set(answers) and not answers["verifier_refused"].any()
    expected = answers["sample"] - answers["prompt_id"].astype(str).str[-1].astype(int) / 2
    np.testing.assert_allclose(answers["verifier_score"], expected)
    assert answers["verifier_read_tokens"].isna().all()
    assert isoquant.load(str(tmp_path / "r")).reading.rule == "maj_at_k"
    assert "verifier_score" not in isoquant.load(str(tmp_path / "both")).answers()
    named = isoquant.load(str(tmp_path / "both"), scorer="o").answers()
    assert (named["verifier_score"] == named["sample"]).all()


def test_the_frame_of_a_verifier_has_the_columns_of_the_page(tmp_path: Path) -> None:
    lines = ["m,p,c,a,r"] + [
        f"m,p{p},{int((p + s) % 3 > 0)},{(p + s) % 3},{s}" for p in range(6) for s in range(4)
    ]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    mapped = ["--map", "model=m", "prompt=p", "correct=c", "answer=a", "verifier=r"]
    assert ingest([str(tmp_path / "t.csv"), str(tmp_path / "run"), *mapped]) == 0
    run = isoquant.load(str(tmp_path / "run"), rule="best_of_n")
    assert list(run.verifier()) == list(verifier.COLUMNS) and set(run.verifier()) <= set(COLUMNS)
    assert run.cells()["rule"].eq("best_of_n").all()
    with pytest.raises(ValueError, match="reads no scores"):
        isoquant.load(str(tmp_path / "run")).verifier()
