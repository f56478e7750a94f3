"""Numbers in words."""

import pytest

from analysis import numerals


@pytest.mark.parametrize(
    ("shares", "told"),
    [
        ((0.76, 0.81), ["76%", "81%"]),
        ((0.761, 0.764), ["76.1%", "76.4%"]),
        ((0.7611, 0.7614), ["76.11%", "76.14%"]),
        ((0.997, 1.0), ["99.7%", "100.0%"]),
        ((0.5, 0.5), ["50%", "50%"]),
        ((float("nan"), 0.5), ["-", "50%"]),
        ((0.00063, 0.0), ["0.063%", "0%"]),
        ((0.5000001, 0.5), ["50.000%", "50.000%"]),
    ],
)
def test_percentages_get_the_digits_that_tell_them_apart(shares: tuple[float, ...], told: list[str]) -> None:
    assert numerals.percents(*shares) == told
