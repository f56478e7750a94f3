"""Lines that fit a terminal: every word is kept, in its order."""

from sweeps.lines import LINE, filled, in_two


def test_a_long_line_becomes_several_with_every_word_and_one_indent() -> None:
    text = " ".join(f"word-{number}" for number in range(80))
    for indent in (0, 18):
        lines = filled(text, indent=indent).split("\n")
        assert len(lines) > 5 and max(map(len, lines)) <= LINE
        assert " ".join(lines).split() == text.split()
        assert {len(line) - len(line.lstrip()) for line in lines} == {indent}


def test_what_fits_and_what_cannot_be_cut_stays_in_a_line() -> None:
    assert filled("short") == "short" and filled("") == ""
    assert filled("x" * 200) == "x" * 200


def test_two_texts_stand_side_by_side_whichever_is_longer() -> None:
    assert list(in_two("a b", "c", left_width=1, right_width=5)) == ["a  c", "b"]
    assert list(in_two("a", "c d", left_width=3, right_width=1)) == ["a    c", "     d"]
    assert list(in_two("a", "", left_width=3, right_width=1)) == ["a"]
