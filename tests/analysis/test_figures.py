from pathlib import Path

import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from analysis import findings
from analysis.__main__ import main
from analysis.figures import exchange_rates, substitution


def words_of(figure: Figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in (*axes.texts, axes.title)] + [
        text.get_text() for text in figure.texts
    ]


def assert_words_lie_apart_and_inside(figure: Figure) -> None:
    """Titles, key, caption and verdicts share no ink, and none leaves the page."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    texts = [*figure.texts, *(text for axes in figure.axes for text in axes.texts if ":" in text.get_text())]
    boxes = [text.get_window_extent(renderer) for text in texts]
    for number, box in enumerate(boxes):
        assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1, texts[number]
        assert figure.bbox.y0 <= box.y0 and box.y1 <= figure.bbox.y1, texts[number]
        assert not any(box.overlaps(other) for other in boxes[number + 1 :]), texts[number]


@pytest.mark.parametrize("axis", ["width", "budget"])
def test_the_substitution_figure_has_a_panel_a_bin_and_room_for_its_words(found: findings.Findings, axis: str):
    figure = substitution.draw(findings.substitution_frame(found, rule="maj_at_k", axis=axis))
    assert [axes.get_title(loc="left").split(" (")[0] for axes in figure.axes] == ["easy", "medium", "hard"]
    assert_words_lie_apart_and_inside(figure)


def test_the_substitution_figure_says_what_each_smaller_rung_needs(found: findings.Findings):
    words = words_of(substitution.draw(findings.substitution_frame(found, rule="maj_at_k", axis="width")))
    assert any(line.startswith("33k: never within 15 samples") for line in words)
    assert any(line.startswith("125k: ") and "x its compute [" in line for line in words)


def test_the_exchange_figure_has_a_panel_a_bin_and_room_for_its_words(found: findings.Findings):
    figure = exchange_rates.draw(findings.exchange_frame(found, rule="maj_at_k", axis="width"))
    assert len(figure.axes) == 4
    assert "never" in words_of(figure)
    assert_words_lie_apart_and_inside(figure)


def test_the_command_writes_figures_and_their_frames_and_the_same_bytes_again(plant, ladder, capsys, monkeypatch):
    root = plant(ladder[:2], num_prompts=10, num_samples=3)
    assert main(["figures", str(root), "--bins", "1"]) == 0
    printed = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert printed[0] == root / "figures" / "substitution.png"
    for path in printed:
        assert path.read_bytes().startswith(b"\x89PNG")
        assert path.with_suffix(".pdf").read_bytes().startswith(b"%PDF")
        assert len(pd.read_csv(path.with_suffix(".csv"))) > 0
    first = {path.name: path.read_bytes() for path in (root / "figures").iterdir()}
    assert len(first) == 3 * len(printed) == 12
    monkeypatch.setattr("analysis.commands.figures.PATHS", {"width": ""})
    main(["figures", str(root), "--bins", "1"])
    assert {path.name: path.read_bytes() for path in (root / "figures").iterdir()} == first


def test_a_bare_name_means_a_run_of_results_runs(plant, ladder, monkeypatch: pytest.MonkeyPatch, capsys):
    root = plant(ladder[:2], name="results/runs/mine", num_prompts=10, num_samples=4)
    monkeypatch.chdir(root.parents[2])
    assert main(["summary", "mine"]) == 0
    assert "33k" in capsys.readouterr().out


def test_what_a_user_can_put_right_is_one_line_and_status_two(tmp_path: Path, plant, ladder, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results/runs/empty").mkdir(parents=True)
    single = plant(ladder[:1], num_prompts=10, num_samples=4)
    for arguments, message in (
        (["summary", "nowhere"], "No run 'nowhere'; runs here: empty."),
        (["summary", "empty"], "No graded answers in"),
        (["figures", str(single)], "needs two models or more"),
        (["summary", str(single), "--bins", "0"], "num_bins must be at least 1, not 0"),
        (["figures", str(single), "--anchor", "huge"], "anchors of this run: ['33k']"),
    ):
        assert main(arguments) == 2
        printed = capsys.readouterr().err
        assert message in printed
        assert len(printed.splitlines()) == 1
