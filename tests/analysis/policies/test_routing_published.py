"""Routing over published answers of open models (ZeroEval): what came in,
and what a router adds, whatever its sign.
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.policies import routes
from analysis.policies.routes import Routes
from analysis.reading.choices import Choices
from analysis.text import routes as routes_text
from results.embed.embedders import HashedTerms
from results.embed.write import embed_run
from tests.door import ingest

# Parameters as published, of mixtures of experts those that are active; all answered all three sets.
SIZES = {
    "gemma-2-2b-it": 2.6e9,
    "Phi-3.5-mini-instruct": 3.8e9,
    "Qwen2-7B-Instruct": 7.6e9,
    "Meta-Llama-3.1-8B-Instruct": 8e9,
    "gemma-2-9b-it": 9.2e9,
    "deepseek-v2.5-0908": 21e9,
    "Yi-1.5-34B-Chat": 34e9,
    "Meta-Llama-3.1-70B-Instruct": 71e9,
    "Qwen2-72B-Instruct": 73e9,
    "Mistral-Large-2": 123e9,
    "Llama-3.1-405B-Inst@sambanova": 405e9,
}
CHARACTERS_PER_TOKEN = 4
MAP = ["model=model", "task=task", "prompt=item_id", "correct=correct_rescored", "prompt_text=question"]
MAP += ["prompt_tokens=read", "decoded_tokens=wrote"]


@pytest.fixture(scope="session")
def items(outside_data: Callable[[str], Path]) -> pd.DataFrame:
    """Every answer, with the question where it is published (GSM8K) and the name of its set where it is not."""
    table = pd.read_csv(outside_data("zeroeval/items.csv.gz"))
    lines = outside_data("gsm8k/test.jsonl").read_text().splitlines()
    questions = {f"gsm8k-main-test-#{at}": json.loads(line)["question"] for at, line in enumerate(lines)}
    text = table["item_id"].map(questions)
    return table.assign(
        question=text.fillna(table["task"]),
        read=(text.fillna("").str.len() / CHARACTERS_PER_TOKEN).round(),
        wrote=(table["output_chars"] / CHARACTERS_PER_TOKEN).round().clip(lower=1),
    )


@pytest.fixture(scope="session")
def run(items: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("zeroeval")
    items[items["model"].isin(SIZES)].to_csv(root / "items.csv", index=False)
    sizes = [f"{name}={size:g}" for name, size in SIZES.items()]
    assert ingest([str(root / "items.csv"), str(root / "run"), "--map", *MAP, "--params", *sizes]) == 0
    embed_run(root / "run", HashedTerms())
    return root / "run"


@pytest.fixture(scope="session")
def routed(run: Path) -> Routes:
    found = routes.route(run, Choices(), num_seeds=5)
    print(routes_text.render(found))
    return found


def test_accuracies_are_those_that_were_published(items: pd.DataFrame) -> None:
    percent = 100 * items.groupby(["task", "model"])["correct_rescored"].mean()
    llama = ["Meta-Llama-3.1-8B-Instruct", "Meta-Llama-3.1-70B-Instruct", "Llama-3.1-405B-Inst@sambanova"]
    qwen = [f"Qwen2.5-{size}-Instruct" for size in ("3B", "7B", "32B", "72B")]
    np.testing.assert_allclose(percent["math-l5"][qwen], [25.52, 51.46, 59.50, 60.19], atol=0.005)
    np.testing.assert_allclose(percent["math-l5"][llama], [22.19, 43.13, 49.79], atol=0.005)
    np.testing.assert_allclose(percent["gsm"][llama], [84.00, 94.16, 95.91], atol=0.005)


def test_a_run_of_three_sets_is_one_menu_with_its_published_accuracies(run: Path, items: pd.DataFrame) -> None:
    found = routes.merged.load(run, Choices(), rng=np.random.default_rng(0))
    assert found.menu.accuracy.shape == (1319 + 721 + 800, len(SIZES))
    assert found.cost.unit == "FLOPs" and sorted(np.unique(found.datasets)) == ["crux", "gsm", "math-l5"]
    gsm = found.datasets == "gsm"
    at = [cell.model for cell in found.menu.cells].index("Meta-Llama-3.1-70B-Instruct")
    assert found.menu.accuracy[gsm, at].mean() == pytest.approx(0.9416, abs=5e-5)


@pytest.mark.long
def test_every_gain_over_the_hull_is_reported_with_its_interval_whatever_its_sign(routed: Routes) -> None:
    assert [part.split for part in routed.splits] == ["prompts", "data sets"]
    for part in routed.splits:
        gains = part.measures[part.measures["measure"] == "gain over hull"].set_index("router")
        assert {"clusters", "neighbours", "predictor", "best of data set", "prompt length"} < set(gains.index)
        assert (gains["low"] <= gains["estimate"]).all() and (gains["estimate"] <= gains["high"]).all()
        tuned = gains.drop(index="best single")
        # On a data set that it was not fitted on a router may be one arm of the hull, which gains 0 in every
        # replicate.
        assert ((tuned["high"] - tuned["low"]) < 0.2).all() and (
            part.split == "data sets" or (tuned["high"] > tuned["low"]).all()
        )
        oracle = part.settings[part.settings["policy"] == "oracle"]["accuracy"]
        assert oracle.max() > part.settings[part.settings["policy"] != "oracle"]["accuracy"].max()
