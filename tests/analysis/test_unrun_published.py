"""Published rungs, each left out and forecast from the others of its ladder: which lie outside their interval.

Each test skips where the data is not at hand.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from analysis.stats import bootstrap, unrun
from analysis.stats.bootstrap import percentile_interval, weighted_means
from analysis.stats.estimators import pass_at_k
from tests.analysis.conftest import Pythia

Find = Callable[[str], Path]
PYTHIA = {"70M": 0.07, "160M": 0.16, "410M": 0.41, "1B": 1.0, "2.8B": 2.8, "6.9B": 6.9, "12B": 12.0}
WIDTHS = (1, 10, 100, 1_000, 10_000)
# Billions of parameters, as the models' own pages say.
QWEN = {"Qwen2.5-3B-Instruct": 3.09, "Qwen2.5-7B-Instruct": 7.62, "Qwen2.5-32B-Instruct": 32.8,
        "Qwen2.5-72B-Instruct": 72.7}  # fmt: skip
LLAMA = {"Meta-Llama-3.1-8B-Instruct": 8.03, "Meta-Llama-3.1-70B-Instruct": 70.6,
         "Llama-3.1-405B-Inst@sambanova": 405.9}  # fmt: skip
GEMMA = {"gemma-2-2b-it": 2.61, "gemma-2-9b-it": 9.24, "gemma-2-27b-it": 27.2}
OTHERS = {"Phi-3.5-mini-instruct": 3.82, "Qwen2-7B-Instruct": 7.62, "Qwen2-72B-Instruct": 72.7,
          "Yi-1.5-9B-Chat": 8.83, "Yi-1.5-34B-Chat": 34.4, "Meta-Llama-3-8B-Instruct": 8.03,
          "Meta-Llama-3-70B-Instruct": 70.6, "Mistral-Nemo-Instruct-2407": 12.2, "Mistral-Large-2": 123.0}  # fmt: skip


def left_out(sizes: Mapping[str, float], accuracy: np.ndarray) -> pd.DataFrame:
    """A row a rung and cell: whether the interval from the other rungs holds what was measured; accuracy (1 + R,
    M, J).

    Rungs beyond one step of the others have no rows.
    """
    rows = []
    billions, values = np.array(list(sizes.values())), logit(np.clip(accuracy, 1e-7, 1 - 1e-7))
    for at, name in enumerate(sizes):
        others = np.arange(len(sizes)) != at
        if len(np.unique(billions[others])) < 3 or not unrun.reach(billions[others]).holds(billions[at]):
            continue
        found = unrun.forecast(billions[others], values[:, others], billions[at], rng=np.random.default_rng(at))
        interval, measured = percentile_interval(expit(found)), accuracy[0, at]
        holds = (interval.low <= measured) & (measured <= interval.high)
        rows += [{"rung": name, "cell": cell, "holds": bool(each)} for cell, each in enumerate(holds)]
    return pd.DataFrame(rows)


def outside(rows: pd.DataFrame) -> set[str]:
    return set(rows.loc[~rows["holds"], "rung"])


def test_of_seven_pythias_all_but_the_smallest_lie_where_the_others_forecast_them(pythia: Pythia) -> None:
    """Coverage of 128 MATH problems at 1 to 10,000 samples: 30 of 35 cells, which hang together."""
    weights = bootstrap.prompt_weights(128, num_replicates=2000, rng=np.random.default_rng(0))
    covered = [
        weighted_means(weights, pass_at_k(10_000, pythia.num_correct[name][:, None], WIDTHS)) for name in PYTHIA
    ]
    rows = left_out(PYTHIA, np.stack(covered, axis=1))
    assert outside(rows) == {"70M"} and (rows["holds"].sum(), len(rows)) == (30, 35)


@pytest.mark.parametrize(
    ("ladder", "task", "held", "missed"),
    [
        (QWEN, "math-l5", (4, 4), set()),
        (QWEN, "crux", (4, 4), set()),
        (QWEN | LLAMA | GEMMA | OTHERS, "math-l5", (15, 17), {"Qwen2.5-7B-Instruct", "gemma-2-2b-it"}),
        (QWEN | LLAMA | GEMMA | OTHERS, "crux", (17, 17), set()),
        (QWEN | LLAMA | GEMMA | OTHERS, "gsm", (12, 13), {"gemma-2-2b-it"}),
        # Of three rungs two are left, which show no deviation.
        (LLAMA, "math-l5", (0, 0), set()),
        (GEMMA, "crux", (0, 0), set()),
    ],
)
def test_greedy_accuracies_of_zeroeval_lie_where_other_rungs_forecast_them(
    ladder: dict[str, float], task: str, held: tuple[int, int], missed: set[str], outside_data: Find
) -> None:
    items = pd.read_csv(outside_data("zeroeval/items.csv.gz"))
    wide = items[items["task"] == task].pivot_table(index="item_id", columns="model", values="correct_rescored")
    sizes = dict(sorted(((name, size) for name, size in ladder.items() if name in wide), key=lambda pair: pair[1]))
    right = wide[list(sizes)].dropna().to_numpy()
    weights = bootstrap.prompt_weights(len(right), num_replicates=2000, rng=np.random.default_rng(0))
    rows = left_out(sizes, weighted_means(weights, right)[:, :, None])
    found = (int(rows["holds"].sum()), len(rows)) if len(rows) else (0, 0)
    assert found == held and (not len(rows) or outside(rows) == missed)
