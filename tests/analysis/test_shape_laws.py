"""Laws of shape: planted truths, brute force, the rule of terms, refusals, and what the command prints."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit
from scipy.stats import t as student

from analysis.questions import best_share, shape_laws
from analysis.reading.untold import UntoldError
from analysis.stats import linear, shape_law, turning_points
from analysis.stats.shape_law import Shapes
from analysis.stats.turning_points import Best
from isoquant.__main__ import main

NUM_DRAWN = 2000
# Of the planted law: log x, 1/x, log r; its best x is what it is at 2/20 of sqrt(N) and hence lies inside.
SLOPES = {"log x": -2.0, "1/x": -0.2, "log r": 0.1}
BEST_X = 0.1


def plant(rng: np.random.Generator, num: int, *, num_families: int = 1, size_varies: bool = False) -> Shapes:
    x = np.geomspace(0.05, 0.25, num)
    size = np.exp(rng.normal(0, 1.0 if size_varies else 0.001, num) + 15)
    return Shapes(
        x=x,
        r=np.exp(rng.uniform(0, 2, num)),
        g=np.exp(rng.uniform(0, 2, num)),
        family=rng.permutation(np.arange(num) % num_families).astype(float),
        controls=np.log(size)[:, None],
        control_names=("log N",),
    )


def outcome(
    shapes: Shapes, rng: np.random.Generator, *, spread: float = 0.03, slopes: dict[str, float] = SLOPES
) -> np.ndarray:
    level = np.array([1.0, -2.0, 0.5, 3.0])[shapes.family.astype(int)]
    shape = sum(slope * shapes.term(name) for name, slope in slopes.items())  # type: ignore[arg-type]
    return level - 0.7 * (shapes.controls[:, 0] - 15) + shape + rng.normal(0, spread, len(level))


@pytest.mark.parametrize(("num", "num_families", "size_varies"), [(8, 1, False), (12, 1, True), (16, 3, True)])
def test_intervals_of_coefficients_and_of_the_best_width_hold_the_planted_truth(
    num: int, num_families: int, size_varies: bool
) -> None:
    rng = np.random.default_rng(num)
    held: dict[str, list[bool]] = {}
    told = 0
    for _ in range(NUM_DRAWN):
        shapes = plant(rng, num, num_families=num_families, size_varies=size_varies)
        law = shape_law.fit(shapes, outcome(shapes, rng, spread=0.02))
        for name in law.terms:
            ends = law.slope(name)
            held.setdefault(name, []).append(bool(ends.low <= SLOPES.get(name, 0.0) <= ends.high))
        log_x = np.log(shapes.x[[0, -1]])
        effect = SLOPES["log x"] * np.diff(log_x) + SLOPES["1/x"] * np.diff(np.exp(-log_x))
        held.setdefault("effect", []).append(bool(law.effects["x"].low <= effect[0] <= law.effects["x"].high))
        best = law.optima.get("x")
        if best is not None and best.refusal is None:
            told += 1
            held.setdefault("best", []).append(bool(best.at.low <= BEST_X <= best.at.high))
    assert told > 0.9 * NUM_DRAWN
    # A term that chance rarely leaves in place of another tells no share.
    shares = {name: np.mean(each) for name, each in held.items() if len(each) > 0.9 * NUM_DRAWN}
    assert len(shares) >= 4 and {name: share for name, share in shares.items() if not 0.93 <= share <= 0.97} == {}


def test_without_an_effect_of_the_shape_a_twentieth_of_intervals_leave_nothing_out() -> None:
    rng = np.random.default_rng(1)
    found, gains = [], []
    for _ in range(NUM_DRAWN):
        shapes = plant(rng, 10)
        law = shape_law.fit(shapes, outcome(shapes, rng, slopes={}))
        found.append([not law.slope(name).low <= 0 <= law.slope(name).high for name in law.terms])
        gains.append(law.one_out.with_shape < law.one_out.without)
    assert np.abs(np.mean(found, axis=0) - 0.05).max() < 0.02
    # Held-out error speaks for terms that do nothing in fewer than half of the cases.
    assert np.mean(gains) < 0.35


@pytest.mark.parametrize(("bend", "best", "share"), [(-0.3, "highest", 0.3), (0.3, "lowest", 0.62)])
def test_the_interval_of_the_best_share_holds_the_planted_truth(bend: float, best: Best, share: float) -> None:
    rng = np.random.default_rng(2)
    shares = np.array([0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9])
    held = []
    for _ in range(NUM_DRAWN):
        y = 2 + bend * (logit(shares) - logit(share)) ** 2 + rng.normal(0, 0.08, len(shares))
        found = turning_points.fit_share(shares, y, best=best)
        if found.best.refusal is None:
            held.append(bool(found.best.at.low <= share <= found.best.at.high))
    assert len(held) > 0.9 * NUM_DRAWN and 0.93 <= np.mean(held) <= 0.97


def test_a_ratio_has_the_values_that_a_test_does_not_reject() -> None:
    rng = np.random.default_rng(3)
    X = rng.normal(size=(9, 3))
    found = linear.fit(X, X @ [1.0, 3.0, -2.0] + rng.normal(0, 0.5, 9))
    ends = linear.ratio(found, 1, 2)
    kept = []
    for theta in np.linspace(-4, 1, 20001):
        w = np.array([0.0, 1.0, -theta])
        kept.append(abs(w @ found.coefficients) <= student.ppf(0.975, 6) * np.sqrt(w @ found.covariance @ w))
    tried = np.linspace(-4, 1, 20001)[kept]
    assert np.allclose([ends.low, ends.high], [tried.min(), tried.max()], atol=1e-3)
    unclear = found._replace(covariance=found.covariance * 1e4)
    assert linear.ratio(unclear, 1, 2)[1:] == (-np.inf, np.inf)


def test_what_was_left_out_is_forecast_by_the_others() -> None:
    rng = np.random.default_rng(4)
    groups = np.repeat([0, 1, 2], 4)
    X, y = rng.normal(size=(12, 2)), rng.normal(size=12)
    design = np.column_stack([(groups[:, None] == [0, 1, 2]).astype(float), X])
    one, family = linear.leave_one_out(design, y), linear.leave_group_out(X, y, groups)
    for at in range(12):
        rest = np.arange(12) != at
        assert one[at] == pytest.approx(y[at] - design[at] @ np.linalg.lstsq(design[rest], y[rest], rcond=None)[0])
    for group in range(3):
        out = groups == group
        slopes = np.linalg.lstsq(design[~out], y[~out], rcond=None)[0][3:]
        errors = (y - X @ slopes)[out]
        assert np.allclose(family[out], errors - errors.mean())


@pytest.mark.parametrize(("num", "terms"), [(4, 1), (6, 2), (8, 3), (14, 3), (15, 5), (30, 5)])
def test_a_law_has_no_more_terms_than_models_bear(num: int, terms: int) -> None:
    rng = np.random.default_rng(5)
    shapes = plant(rng, num)
    law = shape_law.fit(shapes, outcome(shapes, rng))
    assert law.terms == shape_law.TERMS[:terms] and len(law.left_out) == 1 + 5 - terms


def test_a_size_and_a_level_take_the_place_of_terms() -> None:
    rng = np.random.default_rng(6)
    several = plant(rng, 12, num_families=3, size_varies=True)
    law = shape_law.fit(several, outcome(several, rng))
    assert law.names == ("level 0", "level 1", "level 2", "log N", "log x", "1/x")
    with pytest.raises(ValueError, match="2 parameters need 4 models"):
        few = plant(rng, 3)
        shape_law.fit(few, outcome(few, rng))


def test_terms_that_follow_from_others_are_left_out() -> None:
    rng = np.random.default_rng(7)
    shapes = plant(rng, 20)
    narrow = shapes._replace(x=np.geomspace(0.1, 0.11, 20), r=np.full(20, 4.0))
    law = shape_law.fit(narrow, outcome(narrow, rng))
    assert law.terms == ("log x", "log g")
    assert {law.left_out[name] for name in ("1/x", "log r", "1/r")} == {"follows from the terms before it"}


def test_a_best_shape_is_refused_where_it_is_none() -> None:
    shapes = plant(np.random.default_rng(8), 10)
    rng = np.random.default_rng(9)
    for slopes, best, said in (
        ({"log x": -2.0, "1/x": -0.2}, "lowest", "has a highest point, no lowest"),
        ({"log x": 2.0, "1/x": 0.2}, "highest", "has a lowest point, no highest"),
        ({"log x": -2.0, "1/x": -0.8}, "highest", "outside of the measured"),
        ({"log r": 1.0}, "highest", "interval has no end"),
    ):
        law = shape_law.fit(shapes, outcome(shapes, rng, slopes=slopes), best=best)  # type: ignore[arg-type]
        assert said in str(law.optima["x"].refusal) and np.isnan(law.optima["x"].at.estimate)


def test_a_best_share_is_refused_where_it_is_none() -> None:
    shares = np.linspace(0.1, 0.9, 9)
    z, noise = logit(shares), np.random.default_rng(10).normal(0, 0.01, 9)
    refused = {
        "a lowest point": 0.3 * z**2,
        "outside of the measured": -0.3 * (z - 4) ** 2,
        "has no end": 0 * z,
    }
    for said, y in refused.items():
        found = turning_points.fit_share(shares, y + noise, best="highest")
        assert said in str(found.best.refusal) and np.isnan(found.outcome_at_best)
    found = turning_points.fit_share(shares, -0.3 * (z - logit(0.4)) ** 2, best="highest")
    assert found.best.at.estimate == pytest.approx(0.4) and found.outcome_at_best == pytest.approx(0, abs=1e-9)
    with pytest.raises(ValueError, match="between 0 and 1"):
        turning_points.fit_share([0, 0.2, 0.3, 0.4, 0.5], np.ones(5), best="highest")
    with pytest.raises(ValueError, match="at least 5 shares that differ, not 4"):
        turning_points.fit_share([0.1, 0.1, 0.2, 0.3, 0.4], np.ones(5), best="highest")


def speeds(rng: np.random.Generator) -> pd.DataFrame:
    """A table of speeds of ten shapes at two batches in three rounds, of which one is never slowed."""
    rows = []
    for at, x in enumerate(np.geomspace(0.05, 0.25, 10)):
        size = 4_000_000
        for batch in (1, 16):
            per_second = 500 * np.exp(SLOPES["log x"] * np.log(x) + SLOPES["1/x"] / x + rng.normal(0, 0.01))
            for number in range(3):
                slowed = 1 + (number != at % 3) * rng.exponential()
                rows.append(
                    {
                        **{"device": "CPU", "num_devices": 1, "engine": "vllm", "engine_version": "1"},
                        **{"settings_digest": "s", "tokens_each": 16, "batch": batch, "context_tokens": 64},
                        **{"shape": f"s{at}", "config_digest": f"d{at}", "round": number, "family": "a"},
                        **{"num_written_tokens": 16 * batch, "write_seconds": 16 * batch / per_second * slowed},
                        **{"num_non_embedding_params": size, "hidden_size": x * size**0.5},
                        **{"num_mlp_params": 2 + at % 3, "num_attention_params": 1, "num_heads": 4},
                        "num_kv_heads": 4,
                    }
                )
    return pd.DataFrame(rows)


def test_a_table_of_speeds_gives_a_law_a_condition_of_the_fastest_rounds() -> None:
    found = shape_laws.fit(speeds(np.random.default_rng(11)))
    assert [each.condition["batch"] for each in found] == [1, 16]
    for each in found:
        best = each.law.optima["x"]
        assert len(each.points) == 10 and best.refusal is None and best.at.low < BEST_X < best.at.high
        assert each.law.one_out.with_shape < 0.2 * each.law.one_out.without
    drawn = shape_laws.frame(found)
    line = drawn[(drawn["ratio"] == "x") & (drawn["shape"] == "")].groupby("condition")
    assert all(abs(part.loc[part["relative"].idxmax(), "at"] - BEST_X) < 0.02 for _, part in line)


def test_families_of_one_model_are_left_out_unless_all_are() -> None:
    rng = np.random.default_rng(12)
    shapes = plant(rng, 12, num_families=2, size_varies=True)
    size = np.exp(shapes.controls[:, 0])
    columns = {"num_non_embedding_params": size, "hidden_size": shapes.x * np.sqrt(size), "mlp_ratio": shapes.r}
    table = pd.DataFrame({**columns, "accuracy": expit(outcome(shapes, rng)), "family": shapes.family.astype(str)})
    table.loc[3, "family"] = "alone"
    [found] = shape_laws.fit(table, outcome="accuracy")
    assert found.dropped == ("4",) and not found.is_log and len(found.points) == 11
    assert np.isfinite(found.law.family_out).all()
    table["family"] = table.index.astype(str)
    [found] = shape_laws.fit(table, outcome="accuracy")
    assert found.dropped == () and found.law.names[:2] == ("level 0", "log N")
    assert np.isnan(found.law.family_out).all()


def test_what_is_no_table_of_shapes_is_said() -> None:
    table = pd.DataFrame({"num_non_embedding_params": [1e6] * 9, "hidden_size": range(9), "loss": 1.0})
    with pytest.raises(
        ValueError, match="1 of 9 rows have no positive number in hidden_size, the first of them row 1"
    ):
        shape_laws.fit(table, outcome="loss")
    with pytest.raises(ValueError, match="no column device, num_devices"):
        shape_laws.fit(table)
    with pytest.raises(UntoldError, match=r"No law of loss can be told of 1, 2 and 3\. No term of the shape"):
        shape_laws.fit(table.iloc[1:4].reset_index(), outcome="loss")
    with pytest.raises(ValueError, match="no column share"):
        best_share.fit(table, ratio="share", outcome="loss", by=None, best="lowest")


def test_the_commands_print_laws_and_shares(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    speeds(np.random.default_rng(13)).to_csv(tmp_path / "speeds.csv", index=False)
    assert main(["probe", "laws", str(tmp_path / "speeds.csv"), "--figure", str(tmp_path / "figures")]) == 0
    told = capsys.readouterr().out
    assert "batch 16, context 64: best d / sqrt(N) 0." in told and "a hidden size of" in told
    assert (tmp_path / "figures/shape_law.png").exists() and max(map(len, told.splitlines())) <= 120 + len(
        str(tmp_path)
    )
    shares = np.linspace(0.1, 0.9, 9)
    each = [
        pd.DataFrame({"rho": shares, "loss": (logit(shares) - z) ** 2 + 0.01 * (at % 2), "flops": flops})
        for at, (flops, z) in enumerate([(1e18, 0.0), (1e19, 9.0)])
    ]
    pd.concat(each).to_parquet(tmp_path / "shares.parquet")
    words = ["probe", "ratio", str(tmp_path / "shares.parquet"), "--ratio", "rho", "--outcome", "loss"]
    assert main([*words, "--by", "flops"]) == 0
    told = capsys.readouterr().out
    assert "The rho of lowest loss" in told and "0.5" in told and "outside of the measured 0.1 to 0.9" in told
    for wrong, said in (
        (words[:5], "Say which columns"),
        ([*words, "--batch", "4"], "`isoquant probe ratio` does not use --batch"),
        (["probe", "laws", str(tmp_path / "nothing.csv")], "There is no table"),
        (
            ["probe", "laws", str(tmp_path / "speeds.csv"), "--ratio", "x"],
            "`isoquant probe laws` does not use --ratio",
        ),
    ):
        assert main(wrong) == 2 and said in capsys.readouterr().err
