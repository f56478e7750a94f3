"""Numbers of README and docs are those of the tables that commands wrote:
simulations, the bench, commands at scale.
"""

import json
import re

import pytest

from tests.docs.pages import README, ROOT, read

RESULTS = ROOT / "results"
# Of an interval that is not used any more, whose simulation is not kept.
NOT_KEPT = {"99.8"}


def rows(text: str) -> list[list[str]]:
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")
    ]


@pytest.mark.parametrize("page", ["README.md", "docs/validation.md", "docs/analysis.md"])
def test_every_share_with_a_decimal_was_simulated(page: str) -> None:
    simulated = (RESULTS / "validation" / "validation.md").read_text()
    text = (
        read(ROOT / page) if page != "README.md" else read(README).partition("## How far")[2].partition("\n## ")[0]
    )
    shares = set(re.findall(r"(?<![\d.])(\d+\.\d)%", text)) - NOT_KEPT
    assert len(shares) >= 2
    assert [share for share in shares if f"{float(share) / 100:.3f} |" not in simulated] == []


def is_rounded(shown: str, numbers: list[float]) -> bool:
    """Whether one of the numbers is what is shown, to the decimals that are shown."""
    half = 0.5 * 10.0 ** -len(shown.partition(".")[2])
    return any(abs(number - float(shown)) <= half + 1e-9 for number in numbers)


def test_ratios_of_the_harness_are_those_of_the_stored_bench() -> None:
    [kept] = (RESULTS / "bench").glob("cpu-2-cores-*.json")
    values = " ".join(str(figure["value"]) for figure in json.loads(kept.read_text())["figures"])
    measured = [float(number) for number in re.findall(r"(?<![\d,])\d+\.\d+", values)]
    [table] = re.findall(
        r"^\| what \| measured \|.*?\n\n", read(ROOT / "docs" / "bench.md"), re.MULTILINE | re.DOTALL
    )
    ratios = {found for row in rows(table)[2:] for found in re.findall(r"(?<![\d,.])\d+\.\d+(?!\d)", row[1])}
    assert len(ratios) > 10 and [ratio for ratio in ratios if not is_rounded(ratio, measured)] == []
    used = re.findall(r"took (\d\.\d\d) times", " ".join(read(README).split()))
    assert len(used) == 2 and all(is_rounded(value, measured) for value in used)
    assert not is_rounded("9.99", measured)


def test_seconds_of_commands_are_those_of_the_stored_table() -> None:
    stored = {
        (row[0].partition(" ")[0], row[1]): float(row[2])
        for row in rows((RESULTS / "bench" / "scale.md").read_text())
        if re.match(r"[\d,]+ x 4$", row[0])
    }
    head, _, *given = [row for row in rows(read(ROOT / "docs" / "bench.md")) if len(row) == 8]
    assert [row[0] for row in given] == ["20,000", "200,000"]
    for row in given:
        for command, shown in zip(head[1:], row[1:], strict=True):
            seconds = stored.get((row[0], command))
            assert shown == "not run yet" if seconds is None else is_rounded(shown, [seconds]), (row[0], command)
