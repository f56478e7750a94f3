"""Tables in plain text: they fit a terminal whatever their rows hold, and lose no cell."""

import re

import pytest

from analysis.text.tables import LINE, aligned, filled

ROWS = [
    ["rung", "bin", "points over the mix", "parameters"],
    ["countdown-33k", "all prompts", "+1.0", "slope 2 [1, 3]"],
]


def test_a_table_that_fits_has_one_line_a_row_and_numbers_to_the_right():
    assert aligned(ROWS, num_text=2).splitlines() == [
        "rung           bin          points over the mix  parameters",
        "countdown-33k  all prompts                 +1.0  slope 2 [1, 3]",
    ]


@pytest.mark.parametrize("num_columns", [5, 9, 14, 30])
def test_a_table_of_many_columns_is_cut_into_blocks_that_repeat_the_keys_and_hold_every_cell(num_columns: int):
    head = ["rung", *(f"samples for column {at}" for at in range(num_columns))]
    rows = [head, *([name, *(f"{name}{at} [0.1, 0.22]" for at in range(num_columns))] for name in ("a", "b"))]
    text = aligned(rows, num_text=1, is_last_text=False)
    assert max(map(len, text.splitlines())) <= LINE
    blocks = text.split("\n\n")
    assert all(sum(line.startswith(("a ", "b ")) for line in block.splitlines()) == 2 for block in blocks)
    assert sorted(re.findall(r"[ab]\d+ \[0\.1, 0\.22\]", text)) == sorted(
        cell for row in rows[1:] for cell in row[1:]
    )


def test_a_long_last_column_goes_on_below_itself_and_is_cut_after_commas_and_in_no_bracket():
    fit = ", ".join(f"parameter{at} 0.431 [0.377, 0.483]" for at in range(8))
    lines = aligned([["rung", "parameters"], ["a" * 60, fit]], num_text=1).splitlines()
    assert max(map(len, lines)) <= LINE and len(lines) > 2
    assert all(line.rstrip(",").endswith("]") for line in lines[1:])
    assert " ".join(line[62:].strip() for line in lines[1:]) == fit


def test_a_head_wider_than_its_numbers_is_written_over_several_lines_when_room_is_short():
    rows = [["rung", *["share of the oracle's gain"] * 6], ["a", *["1%"] * 6]]
    lines = aligned(rows, num_text=1, is_last_text=False).splitlines()
    assert max(map(len, lines)) <= LINE and lines[-1].split() == ["a", *["1%"] * 6]
    assert lines[-2].startswith("rung") and len(lines) > 2


def test_long_lines_of_text_are_filled_and_others_stay_as_they_are():
    table = "a    b\n1    2"
    text = filled(f"{table}\n\n{'word ' * 60}")
    assert text.startswith(table) and max(map(len, text.splitlines())) <= LINE
    assert text.split()[4:] == ["word"] * 60
