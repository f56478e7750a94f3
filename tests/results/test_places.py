"""What RUN names: one rule, from any folder, for reading and for writing."""

from pathlib import Path

import pytest

from results import places
from results.places import find_run, find_shipped, place_run, write_beside


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in, and a checkout elsewhere with a committed run and one that was drawn."""
    for run in ("results/reference", "results/runs/drawn"):
        (tmp_path / "checkout" / run / "manifest").mkdir(parents=True)
    (tmp_path / "checkout" / "harness" / "deep").mkdir(parents=True)
    (tmp_path / "checkout" / "pyproject.toml").write_text("")
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(places, "HOME", tmp_path / "checkout")
    return folder


def make_run(folder: Path) -> Path:
    (folder / "models").mkdir(parents=True)
    return folder


def test_a_folder_that_exists_is_the_run(here: Path) -> None:
    make_run(here / "mine")
    make_run(here / "results/runs/mine")
    for name in ("mine", "./mine", "mine/", str(here / "mine")):
        assert find_run(name).resolve() == place_run(name).resolve() == here / "mine"


def test_else_it_is_a_name_below_results_runs(here: Path) -> None:
    make_run(here / "results/runs/mine")
    assert find_run("mine") == place_run("mine") == Path("results/runs/mine")


def test_what_isoquant_brings_and_what_its_checkout_holds_is_found_from_anywhere(here: Path) -> None:
    home = here.parent / "checkout"
    assert find_run("results/reference") == place_run("results/reference") == home / "results/reference"
    assert find_run("drawn") == place_run("drawn") == home / "results/runs/drawn"
    make_run(here / "results/reference")
    assert find_run("results/reference") == Path("results/reference")


def test_a_folder_of_the_checkout_that_is_no_run_is_none(here: Path) -> None:
    with pytest.raises(ValueError, match="No run 'harness'; runs here: drawn. Run `isoquant sweep`"):
        find_run("harness")
    assert place_run("harness") == Path("results/runs/harness")


def test_a_folder_with_other_things_in_it_is_not_written_into_by_its_bare_name(here: Path) -> None:
    (here / "docs").mkdir()
    assert place_run("docs") == Path("docs")
    (here / "docs" / "page.md").write_text("")
    assert place_run("docs") == Path("results/runs/docs") and place_run("./docs") == Path("docs")
    make_run(here / "results/runs/docs")
    assert find_run("docs") == Path("results/runs/docs")


def test_what_is_not_there_is_made_where_it_is_named(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(here))
    assert place_run("new") == Path("results/runs/new")
    assert place_run("some/new") == Path("some/new") and place_run("/some/new") == Path("/some/new")
    assert place_run("~/new") == here / "new"
    with pytest.raises(ValueError, match="run is empty"):
        place_run("")


def test_a_file_is_no_run(here: Path) -> None:
    (here / "mine").write_text("")
    with pytest.raises(ValueError, match="mine is a file, but not a packed run"):
        find_run("mine")


def test_a_path_that_isoquant_brings_is_found_beside_it(here: Path) -> None:
    assert find_shipped("harness/deep") == str(here.parent / "checkout/harness/deep")
    (here / "harness/deep").mkdir(parents=True)
    assert find_shipped("harness/deep") == "harness/deep"
    assert find_shipped("Qwen/Qwen3-8B") == "Qwen/Qwen3-8B" and find_shipped("/nowhere") == "/nowhere"


def test_what_is_made_of_a_run_lies_in_it_but_of_one_that_a_wheel_brought(here: Path) -> None:
    home = here.parent / "checkout"
    assert write_beside(Path("mine")) == Path("mine")
    assert write_beside(home / "results/reference") == home / "results/reference"
    (home / "pyproject.toml").unlink()
    assert write_beside(home / "results/reference") == Path() and write_beside(here / "mine") == here / "mine"
