"""Models that lack what others have: told before anything is left out, and parted with on request."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from analysis.runs.outcomes import load
from results import schema, store
from results.ingest import uneven
from results.ingest.outcomes import Count, Ingested, Known, Sample
from tests.door import ingest as main


def outcomes(prompts: Mapping[str, str], *, counts: bool = False) -> Ingested:
    """Models by the prompts they have, a letter each; a capital one was got right."""
    found = Ingested(models={model: Known() for model in prompts})
    for model, letters in prompts.items():
        for letter in letters:
            right = letter.isupper()
            if counts:
                found.counts.append(Count(model, "t", letter.lower(), num_samples=4, num_correct=4 * right))
            else:
                found.samples.append(Sample(model, "t", letter.lower(), correct=right))
    return found


@pytest.mark.parametrize("counts", [False, True])
@pytest.mark.parametrize(
    ("prompts", "told"),
    [
        ({"a": "PqRs", "b": "pqrs"}, []),
        (
            {"a": "PqRs", "b": "Pq"},
            ["2 of 4 prompts", "b lacks 2: 50.0% right on its own 2, 50.0%", "Without b it would be 4"],
        ),
        ({"a": "PQrs", "b": "PQ"}, ["a lacks 0: 50.0% right on its own 4, 100.0% on the shared prompts"]),
        ({"a": "PQ", "b": "RS"}, ["0 of 4 prompts", "a lacks 2: 100.0% right on its own 2, no shared prompts"]),
        ({"a": "PqRs", "b": "PqRs", "c": "P", "d": "q"}, ["0 of 4 prompts", "c lacks 3", "d lacks 3"]),
        (
            {"a": "PQ", "b": "RS", "c": "TU"},
            ["0 of 6 prompts", "There is nothing to compare. Leave models out with --keep SHARE"],
        ),
    ],
)
def test_what_each_model_lacks_is_told_with_what_that_does_to_its_accuracy(
    prompts: Mapping[str, str], told: list[str], counts: bool
):
    lines = uneven.lines(outcomes(prompts, counts=counts).outcomes)
    assert bool(lines) == bool(told)
    for part in told:
        assert any(part in line for line in lines)


@pytest.mark.parametrize(
    ("prompts", "share", "left"),
    [
        ({"a": "pqrs", "b": "pqrs", "c": "p"}, 0.9, "ab"),
        ({"a": "pqrs", "b": "pqr", "c": "p"}, 0.9, "a"),
        ({"a": "pqrs", "b": "pqr", "c": "p"}, 0.75, "ab"),
        ({"a": "pqrs", "b": "pqrs", "c": "p", "d": "q"}, 0.5, "ab"),
        ({"a": "pq", "b": "pq"}, 1.0, "ab"),
        ({"a": "pqrs", "b": "pqrs", "c": "tuvwxyz"}, 0.9, "ab"),
        ({"a": "pqrs", "b": "pqrs", "c": "t", "d": "uv"}, 0.9, "ab"),
        ({"a": "pqrst", "b": "pqrs", "c": "wxyz"}, 0.8, "ab"),
    ],
)
def test_what_costs_most_is_left_out_first(prompts: Mapping[str, str], share: float, left: str):
    found = uneven.keep(outcomes(prompts), share)
    assert set(found.models) == set(left) == {sample.model for sample in found.samples}
    assert len(found.notes) == len(prompts) - len(left)


def test_budgets_that_not_every_model_has_become_part_of_the_name_on_request(tmp_path: Path):
    (tmp_path / "t.csv").write_text("m,p,s,b\nx,p,1,64\nx,p,0,128\ny,p,1,64\ny,p,1,256\nz,p,0,64\n")
    mapped = ["--map", "model=m", "prompt=p", "correct=s", "budget=b"]
    assert main([str(tmp_path / "t.csv"), str(tmp_path / "run"), *mapped, "--name-budgets"]) == 0
    names = {row["identity"]: row["model"] for row in store.scan(tmp_path / "run", schema.MODELS).to_pylist()}
    budgets = [
        (names[row["identity"]], row["budget"]) for row in store.scan(tmp_path / "run", schema.COUNTS).to_pylist()
    ]
    assert sorted(budgets, key=str) == sorted(
        [("x", 64), ("y", 64), ("z", 64), ("x (128 tokens)", None), ("y (256 tokens)", None)], key=str
    )


@pytest.mark.parametrize("arguments", [[], ["--counts"]])
def test_models_that_share_no_prompt_are_refused_with_what_can_be_done(tmp_path: Path, arguments: list[str]):
    rows = ["model,id,ok,said", "a,p,1,x", "a,q,0,x", "b,r,1,x", "b,s,0,x"]
    (tmp_path / "t.csv").write_text("\n".join(rows) + "\n")
    columns = ["--map", "model=model", "prompt=id", "correct=ok", "answer=said"]
    assert main([str(tmp_path / "t.csv"), str(tmp_path / "run"), *columns, *arguments]) == 0
    with pytest.raises(
        ValueError, match="has all samples of every model; compare two of them, or ingest again with --keep"
    ):
        load(tmp_path / "run")


@pytest.mark.parametrize("share", ["0", "1.5", "-1"])
def test_a_share_is_one(tmp_path: Path, share: str):
    with pytest.raises(SystemExit):
        main([str(tmp_path), str(tmp_path / "run"), "--keep", share])
