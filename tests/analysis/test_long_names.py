"""Names as real checkpoints bear them stay apart in every figure, however few samples there are."""

from pathlib import Path

import pandas as pd
import pytest

from analysis.commands import figures as command
from analysis.figures import labels
from analysis.questions import exchange_rates
from analysis.reading import cells
from analysis.reading.choices import Choices
from analysis.reading.reading import read
from analysis.runs import outcomes
from analysis.stats import bootstrap
from analysis.text import captions
from tests.analysis import conftest
from tests.analysis.conftest import PlantedRung, write_run
from tests.analysis.test_nothing_to_match import words_of
from tests.analysis.words import faults

REAL = (
    PlantedRung("SmolLM2-135M-Instruct", 135_000_000, 30, 9, -99.0),
    PlantedRung("Qwen2.5-Coder-0.5B-Instruct", 494_000_000, 24, 14, 0.6),
    PlantedRung("Qwen2.5-Coder-1.5B-Instruct", 1_540_000_000, 28, 12, 1.5),
)
LONG = tuple(
    rung._replace(name=f"an-organisation-of-many-{rung.name}-Distill-{at}-of-3-preview", ability=at / 2)
    for at, rung in enumerate(REAL)
)
SHORT = ("SmolLM2-135M", "Qwen2.5-Coder-0.5B", "Qwen2.5-Coder-1.5B")
FIGURES = ["substitution", "exchange_rates", "substitution_thinking", "exchange_rates_thinking", "frontier"]
FIGURES += ["targets", "isoquants", "break_even", "grid", "parallel", "outcomes", "cost_models"]
Wanted = dict[str, tuple[command.Wanted, pd.DataFrame]]


def draw(root: Path, rungs: tuple[PlantedRung, ...], num_samples: int) -> Wanted:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conftest, "BUDGETS", (0, 64, 256))
        patch.setattr(bootstrap, "MIN_REPLICATES", 200)
        write_run(root, rungs, num_prompts=60, num_samples=num_samples, bin_samples=8)
        loaded, choices = outcomes.load(root), Choices(num_replicates=200)
        said = exchange_rates.measure_each(read(loaded, choices))[0]
        measured = cells.measure(read(loaded, choices, rule="maj_at_k"))
        figures = [*command.of_findings(said, measured), *command.of_cells(measured)]
        return {each.name: (each, each.frame_of()) for each in figures if each.name in FIGURES}


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Wanted:
    return draw(tmp_path_factory.mktemp("real") / "run", REAL, 3)


@pytest.fixture(scope="module")
def longer(tmp_path_factory: pytest.TempPathFactory) -> Wanted:
    return draw(tmp_path_factory.mktemp("longer") / "run", LONG, 5)


@pytest.mark.parametrize("name", FIGURES)
def test_no_real_name_covers_another_or_leaves_the_page(real: Wanted, name: str):
    wanted, frame = real[name]
    assert faults(wanted.draw(frame)) == []


@pytest.mark.parametrize("name", FIGURES)
def test_every_real_model_is_named_whole(real: Wanted, name: str):
    wanted, frame = real[name]
    figure = wanted.draw(frame)
    # Names of ticks are written when a figure is drawn.
    figure.draw_without_rendering()
    words = " ".join(words_of(figure)).replace("-\n", "-")
    assert all(short in words for short in SHORT) and "…" not in words


@pytest.mark.parametrize("name", sorted(set(FIGURES) - {"exchange_rates", "exchange_rates_thinking"}))
def test_names_too_long_for_any_panel_stay_apart(longer: Wanted, name: str):
    wanted, frame = longer[name]
    figure = wanted.draw(frame)
    shortened = [word for word in words_of(figure) if "…" in word and "\n" not in word]
    titles = [axes.get_title(loc="left") for axes in figure.axes if "…" in axes.get_title(loc="left")]
    assert len(set(titles)) == len(titles)
    assert all(not word.endswith(("…ever", "…r")) for word in shortened)


@pytest.mark.parametrize(
    ("num_samples", "said"),
    [
        (1, "k = 1 sample,"),
        (2, "k = 1 sample,"),
        (3, "k = 1 and 3 samples,"),
        (4, "k = 1 and 3 samples,"),
        (5, "k = 1, 3 and 5 samples,"),
        (6, "k = 1, 3 and 5 samples,"),
        (8, "k = 1, 3, ... 7 samples,"),
        (16, "k = 1, 3, ... 15 samples,"),
    ],
)
def test_votes_are_listed_as_many_as_there_are(num_samples: int, said: str):
    first = pd.Series({"path": "width", "num_samples": num_samples, "rate_rule": "maj_at_k"})
    assert said in captions.substitution_key(first, "maj_at_k")


@pytest.mark.parametrize(
    "names",
    [
        ("Qwen2.5-Coder-0.5B-Instruct", "Qwen2.5-Coder-1.5B-Instruct"),
        ("deepseek-r1-distill-qwen-1.5b-awq-int4-v1", "deepseek-r1-distill-qwen-7b-awq-int4-v1"),
        ("a-very-long-name-that-ends-in-one", "a-very-long-name-that-ends-in-two"),
        ("one-begins-a-very-long-name-of-a-model", "two-begins-a-very-long-name-of-a-model"),
        ("a-very-long-name-one-in-the-middle-of-it", "a-very-long-name-two-in-the-middle-of-it"),
    ],
)
@pytest.mark.parametrize("inches", [0.8, 1.2, 4.0])
def test_shortened_names_never_read_alike(names: tuple[str, ...], inches: float):
    fitted = labels.fit_apart({name: name for name in names}, 9, inches)
    assert len(set(fitted.values())) == len(names)
    wide = [name for name in names if labels.width_points(name, 9) > 72 * inches]
    assert all(fitted[name] == name for name in names if name not in wide or fitted[name] == name)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Qwen2.5-Coder-0.5B", "Qwen2.5-\nCoder-0.5B"),
        ("gemma", "gemma"),
        ("a b", "a\nb"),
        ("org/model", "org/\nmodel"),
    ],
)
def test_a_name_breaks_near_its_middle(name: str, said: str):
    assert labels.in_two_lines(name) == said
