r"""Pairs of a gold answer and another, by kind, each with whether it is right. Knows no grader.

Every kind is a rule that was checked by hand, written out over a few numbers: <n> stands for each of them, <n+1>
for the next, <2n> for twice it. All answers stand in \boxed{}, as a whole.
"""

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

LARGE = (1000, 1250, 10_000, 98_765, 1_234_567)
SMALL = (3, 7, 12, 20, 45)
_PLACE = re.compile(r"<(2?)n([-+][0-9])?>")


class Pair(NamedTuple):
    """The answer to a question whose answer is gold."""

    gold: str
    answer: str
    is_right: bool


def fill(pattern: str, number: int) -> str:
    return _PLACE.sub(lambda place: str(number * int(place[1] or 1) + int(place[2] or 0)), pattern)


def over(
    numbers: Sequence[int], gold: str, *, right: Sequence[str] = (), wrong: Sequence[str] = ()
) -> Iterator[Pair]:
    """Pairs of each number by patterns of gold, of right answers and of wrong ones."""
    for number in numbers:
        for pattern in (*right, *wrong):
            yield Pair(fill(gold, number), fill(pattern, number), pattern in right)


def alike(*groups: tuple[str, ...]) -> Iterator[Pair]:
    """The first of a group is gold: the others are it, and the next group's first and last are not."""
    for number, (gold, *others) in enumerate(groups):
        yield from (Pair(gold, other, True) for other in others)
        following = groups[(number + 1) % len(groups)]
        yield from (Pair(gold, other, False) for other in (following[0], following[-1]))


def group(number: int, mark: str) -> str:
    """A whole number with `mark` between its thousands."""
    return f"{number:,}".replace(",", mark)


def write_base(number: int, base: int) -> str:
    digits = ""
    while number:
        digits, number = str(number % base) + digits, number // base
    return digits


def digit_groups() -> Iterator[Pair]:
    for number in LARGE:
        for mark in (",", r"\,", "~", " ", "{,}", r"\ ", r",\!"):
            yield Pair(str(number), group(number, mark), True)
            yield Pair(str(number), group(number + 1, mark), False)
        yield Pair("0", group(number, r"\,"), False)
        yield Pair(str(number), group(number, ",").partition(",")[0], False)
        yield Pair(str(number + 3), f"{number} 3", False)
        yield Pair(f"({number}, 2)", f"({group(number, '{,}')}, 2)", True)
        yield Pair(f"({number}, 2)", f"({group(number + 1, '{,}')}, 2)", False)
        yield Pair(f"({number}, 2)", f"(2, {group(number, '{,}')})", False)


def bases() -> Iterator[Pair]:
    for base in (4, 5, 7, 8):
        for number in (29, 42, 111):
            digits = write_base(number, base)
            yield Pair(f"{digits}_{base}", f"{digits}_{{{base}}}", True)
            yield Pair(f"{digits}_{base}", digits, True)
            yield Pair(f"{digits}_{base}", f"{digits}_{base + 1}", False)
            # No base has a digit that is the base.
            yield Pair(digits, f"{digits}_{max(digits)}", False)
            yield Pair(f"{digits}_{base}", f"{write_base(number + 1, base)}_{base}", False)


def degrees() -> Iterator[Pair]:
    after = (r"^\circ", r"^{\circ}", "\N{DEGREE SIGN}", " degrees", r"\text{ degrees}", r"^\circ\text{C}")
    yield from over(SMALL[2:], "<n>", right=[f"<n>{unit}" for unit in after])
    yield from over(SMALL[2:], r"<n>^\circ", wrong=[f"<n+1>{unit}" for unit in after])


def signs() -> Iterator[Pair]:
    yield from alike(
        (r"\frac{1}{2}", "\N{VULGAR FRACTION ONE HALF}"),
        (r"\frac{3}{4}", "\N{VULGAR FRACTION THREE QUARTERS}"),
        (r"\frac{7}{2}", "3\N{VULGAR FRACTION ONE HALF}"),
        (r"\frac{2}{3}", "\N{VULGAR FRACTION TWO THIRDS}"),
        (r"\sqrt{2}", "\N{SQUARE ROOT}2", "\N{SQUARE ROOT}(2)", "\N{SQUARE ROOT}{2}"),
        (r"3\sqrt{5}", "3\N{SQUARE ROOT}5", "3\N{MIDDLE DOT}\N{SQUARE ROOT}5"),
        (r"\sqrt{x+1}", "\N{SQUARE ROOT}(x+1)"),
        (r"2\pi", "2\N{GREEK SMALL LETTER PI}"),
        ("-7", "\N{MINUS SIGN}7"),
        ("x^2", "x\N{SUPERSCRIPT TWO}"),
        (r"1\pm\sqrt{3}", "1\N{PLUS-MINUS SIGN}\N{SQUARE ROOT}3"),
        (r"(-\infty, 4]", "x \N{LESS-THAN OR EQUAL TO} 4"),
    )


def powers() -> Iterator[Pair]:
    numbers = (9, 29, 30, 64)
    yield from over(
        numbers,
        r"\frac{5^{<n>}}{6^{<n>}}",
        right=[r"\left(\frac{5}{6}\right)^{<n>}"],
        wrong=[r"\frac{5^{<n-1>}}{6^{<n-1>}}", "0"],
    )
    yield from over(numbers, r"\frac{2^{<n>}-1}{2^{<n>}}", right=[r"1-\frac{1}{2^{<n>}}"], wrong=["1"])
    yield from over(
        numbers, r"\frac{2^{<n>}-1}{2^{<n+1>}}", wrong=[r"\frac{2^{<n-1>}-1}{2^{<n+1>}}", r"\frac{1}{2}"]
    )
    yield from over(numbers, r"\frac{1}{<n>!}", right=["1/<n>!"], wrong=[r"\frac{2}{<n>!}", "2/<n>!", "0"])
    yield from over(numbers, "100^{<n>0000}", right=["10^{<2n>0000}"], wrong=["10^{<2n>0000}+1", "100^{<n>0001}"])
    yield from over(numbers, r"\sqrt{2}+10^{-<n>}", right=[r"10^{-<n>}+\sqrt{2}"], wrong=[r"\sqrt{2}"])


def decimals() -> Iterator[Pair]:
    for places in (1, 4, 7, 9):
        for number in (1, 3, 12):
            written = f"{number / 10**places:.{places}f}"
            yield Pair(written, f"{(number + 1) / 10**places:.{places}f}", False)
            yield Pair(written, written.lstrip("0") + "0", True)
            yield Pair(written, rf"\frac{{{number}}}{{{10**places}}}", True)
            yield Pair(written, rf"{number}\times 10^{{-{places}}}", True)
    for number in (3, 7, 11, 13):
        yield Pair(rf"\frac{{1}}{{{number}}}", f"{1 / number:.7f}", True)
        yield Pair(rf"\frac{{1}}{{{number}}}", f"{1 / number + 1e-6:.6f}", False)
        yield Pair(rf"\frac{{1}}{{{number}}}", f"{1 / number:.2f}", False)
        yield Pair(rf"\sqrt{{{number}}}", f"{number**0.5:.8f}", True)
        yield Pair(rf"\frac{{{number}}}{{10^9}}", "0.000000", False)
    for digits in ("3", "6", "27", "142857"):
        fraction = Fraction(int(digits), 10 ** len(digits) - 1)
        for repeated in (rf"0.\overline{{{digits}}}", rf"0.\bar{{{digits}}}", f"0.({digits})"):
            yield Pair(rf"\frac{{{fraction.numerator}}}{{{fraction.denominator}}}", repeated, True)
            yield Pair(repeated, f"{fraction.numerator}/{fraction.denominator}", True)
            yield Pair(repeated, f"0.{digits[:2]}", False)
        yield Pair(rf"0.1\overline{{{digits}}}", rf"0.\overline{{1{digits}}}", False)


def wrappers() -> Iterator[Pair]:
    around = [
        *(r"\text{<n>}", r"\textbf{<n>}", r"\mathbf{<n>}", r"\mathrm{<n>}", r"\mbox{<n>}", r"\boldsymbol{<n>}"),
        *("**<n>**", "$<n>$", r"\(<n>\)", "(<n>)", "{<n>}"),
    ]
    yield from over(SMALL[:2], "<n>", right=around)
    yield from over(SMALL[:2], "<n+1>", wrong=around)
    yield from alike(
        (r"1-\frac{1}{\mathrm{e}}", r"1-\frac{1}{e}", r"1-e^{-1}"),
        (r"\mathrm{e}^2", "e^2", r"e^{2}"),
        (r"\text{Evelyn}", "Evelyn", r"\mathrm{Evelyn}", r"\textbf{Evelyn}"),
        (r"\text{odd}", "odd", r"\mathrm{odd}"),
        (r"\text{(C)}", "(C)", "C", r"\textbf{(C)}"),
    )


def units() -> Iterator[Pair]:
    told = [
        *(
            r"<n>\text{ cm}",
            r"<n>~\mathrm{km/h}",
            r"<n>\,\mathrm{m}^2",
            r"\text{<n> apples}",
            r"<n> \text{ square units}",
        ),
        *(
            "<n> cm",
            "<n> hours",
            "<n> square feet",
            r"\$<n>",
            r"\text{\$<n>}",
            "<n> dollars",
            r"<n>\text{ in total}",
        ),
    ]
    other = [
        *(r"<n>\text{ million}", r"<n>\text{ or more}", r"<n>\text{ is wrong}", "<n> junk", r"<n>\text{ squared}"),
        *(r"<n>\text{ doubled}", r"<n>\text{ below zero}", r"<n>\text{ negative}", r"<n>\text{k}", r"<n>\text{M}"),
        *("<n>x", r"<n>\pi", "<n> dozen", r"<n>\mathbf{j}", "<n> hundred cm"),
    ]
    yield from over(SMALL[:3], "<n>", right=told, wrong=other)
    yield from over(SMALL[:2], "<n+1>", wrong=told)
    yield from over(
        SMALL, "<n>000000", right=[r"<n>\text{ million}", "<n> million"], wrong=[r"<n>\text{ thousand}"]
    )


def percent() -> Iterator[Pair]:
    told = [r"<n>\%", "<n>%", "<n> percent", r"<n>\text{ percent}", r"<n>\text{\%}", r"<n> \%"]
    yield from over(SMALL[2:], r"<n>\%", right=[*told[1:], "<n>"], wrong=["<n+1>%", r"<n+1>\text{ percent}"])
    yield from over(SMALL[2:], "<n>", right=told)


def intervals() -> Iterator[Pair]:
    yield from over(
        (2, 5, 9),
        "[-<n>, 7]",
        right=[r"-<n> \le x \le 7", r"x \in [-<n>, 7]", r"7 \ge x \ge -<n>", r"-<n> \leq t \leqslant 7"],
        wrong=[r"-<n> < x \le 7", "(-<n>, 7)", "[-<n>, 7)", "[7, -<n>]", r"-<n+1> \le x \le 7"],
    )
    yield from over(
        (2, 5, 9), r"(<n>, \infty)", right=["x > <n>", "<n> < x"], wrong=[r"x \ge <n>", "x < <n>", "x > <n+1>"]
    )
    yield from over((2, 5, 9), r"[<n>, \infty)", right=[r"x \geqslant <n>"], wrong=["x > <n>"])
    yield from over(
        (2, 5, 9),
        r"(-\infty, 1) \cup (<n>, \infty)",
        right=[r"x < 1 \text{ or } x > <n>", r"(<n>, \infty) \cup (-\infty, 1)"],
        wrong=[r"(-\infty, 1] \cup (<n>, \infty)", r"x < 1 \text{ and } x > <n>", "(1, <n>)"],
    )
    yield from over(
        (2, 5, 9), "(1, <n>)", right=[r"x > 1 \text{ and } x < <n>", "1 < x < <n>"], wrong=["(<n>, 1)"]
    )
