r"""Pairs of a gold answer and another, as in pairs.py, of sets, dates,
expressions and what is left to work out.
"""

from collections.abc import Callable, Iterator, Mapping

from tests.harness import pairs
from tests.harness.pairs import SMALL, Pair, alike, over


def sets_and_tuples() -> Iterator[Pair]:
    yield from alike(
        (r"\emptyset", r"\varnothing", r"\{\}", "\N{EMPTY SET}", r"\{ \}"),
        (r"\{0\}", "0"),
        (r"\mathbb{R}", r"(-\infty, \infty)", r"\text{all real numbers}"),
    )
    numbers = SMALL[:3]
    yield from over(
        numbers,
        r"\{1, <n>\}",
        right=["<n>, 1", r"\{<n>, 1\}", r"<n> \text{ and } 1"],
        wrong=["(1, <n>)", "1, <n+1>"],
    )
    yield from over(
        numbers, "1, <n>", right=[r"x = 1 \text{ or } x = <n>", "1; <n>"], wrong=["1, <n>, <n+1>", "<n>", "1 <n>"]
    )
    yield from over(
        numbers,
        "(<n>, 1)",
        right=[r"\left(<n>, 1\right)", r"\langle <n>, 1\rangle", "(x, y) = (<n>, 1)"],
        wrong=["(1, <n>)", "(y, x) = (<n>, 1)", "[<n>, 1]", "(<n>, 1, 1)"],
    )
    yield from over(
        numbers,
        "x = <n>, y = 1",
        right=[r"y = 1 \text{ and } x = <n>"],
        wrong=["x = 1, y = <n>", "<n>, 1", "x = <n>"],
    )
    yield from over(
        numbers, r"1 \pm \sqrt{<n>}", right=[r"1-\sqrt{<n>}, 1+\sqrt{<n>}"], wrong=[r"1+\sqrt{<n>}", r"1 \pm <n>"]
    )
    yield from over(
        numbers,
        r"\begin{pmatrix} 1 \\ <n> \end{pmatrix}",
        right=[r"\begin{bmatrix} 1\\<n>\end{bmatrix}", r"\left(\begin{array}{c} 1 \\ <n> \end{array}\right)"],
        wrong=[r"\begin{pmatrix} <n> \\ 1 \end{pmatrix}", r"\begin{pmatrix} 1 & <n> \end{pmatrix}", "(1, <n>)"],
    )


def dates_and_ratios() -> Iterator[Pair]:
    yield from alike(
        (r"\text{June 20}", "June 20", r"\text{20 June}", "June 20th", r"\mathrm{June}\ 20"),
        (r"\text{June 21}", "21 June"),
        (r"\text{July 20}", "July 20", "Jul 20"),
        ("March 1, 2024", r"\text{March 1, 2024}", "1 March 2024"),
        ("March 1", "1 March"),
        ("3:4", "6:8", r"\frac{3}{4}"),
        ("3:30", r"\text{3:30}"),
        ("4:3", "8:6"),
    )


def expressions() -> Iterator[Pair]:
    yield from alike(
        ("2x+1", "1+2x", r"y = 2\cdot x+1", "2(x+1)-1"),
        ("2x-1", "-1+2x"),
        ("x^2-1", "(x-1)(x+1)", "(x+1)(x-1)"),
        ("(x-1)^2", "x^2-2x+1"),
        (r"\frac{x+1}{2}", "(x+1)/2", r"\frac{1}{2}x+\frac12"),
        (r"\frac{x}{2}+1", r"1+\frac12 x"),
        (r"\sqrt{x}", "x^{1/2}"),
        (r"\sqrt[3]{x}", r"x^{\frac{1}{3}}"),
        (r"\frac{1}{2}\ln 3+C", r"C+\frac{\ln 3}{2}"),
        (r"\ln 3", r"\log_e 3"),
        (r"\sin^2 x", r"\sin x \cdot \sin x", r"(\sin x)^2"),
        (r"\sin x^2", r"\sin(x^2)"),
        (r"\arctan x", r"\tan^{-1} x", r"\operatorname{arctan}(x)"),
        (r"|x-2|", r"\lvert x-2\rvert", r"\left|2-x\right|"),
        (r"3R^2", r"3 \cdot R^2"),
        (r"3r^2", r"3r \cdot r"),
        (r"\frac{n(n+1)}{2}", r"\frac{n^2+n}{2}"),
        (r"a-b", "-b+a"),
        ("b-a", "-(a-b)"),
        ("y = 2x + 3", "2x - y + 3 = 0", "y - 2x = 3", "2x+3"),
        ("y = 3x + 2", "3x + 2 = y"),
        ("x^2+y^2=4", "4 = y^2+x^2", "2x^2+2y^2=8"),
        ("x^2-y^2=4", "y^2-x^2=-4"),
        ("f(x) = x^3", "x^3"),
    )


def closed_forms() -> Iterator[Pair]:
    yield from alike(
        (r"2\sqrt{2}", r"\sqrt8", r"\frac{4}{\sqrt 2}", "2^{3/2}"),
        (r"\frac{\sqrt{3}}{3}", r"\frac{1}{\sqrt{3}}", r"\frac13\sqrt3"),
        (r"1+\sqrt{2}", r"\sqrt{3+2\sqrt{2}}", r"\sqrt2+1"),
        (r"\sqrt[3]{2}", "2^{1/3}", r"2^{\frac13}"),
        (r"\frac{\pi}{2}", r"\pi/2", r"0.5\pi"),
        (r"\frac{2}{\pi}", r"2/\pi"),
        (r"6-5i", "-5i+6", r"6 + (-5)i"),
        ("6+5i", r"6+5\mathrm{i}"),
        (r"\log_2 3", r"\frac{\ln 3}{\ln 2}"),
        (r"2\frac{1}{2}", r"\frac{5}{2}", "2.5", r"2 \frac12", "5/2", r"\frac{10}{4}"),
        (r"-2\frac12", "-2.5", r"-\frac{5}{2}"),
        (r"1.5\times 10^{3}", "1500", r"1.5 \cdot 10^3", "1{,}500", "1.5e3"),
        (r"1.5\times 10^{-3}", "0.0015"),
    )


def left_to_work_out() -> Iterator[Pair]:
    left = [
        *("<n-2>+2", r"<n> \cdot 1", "<n>^1", r"\sqrt{<n>^2}", r"\log_2 2^{<n>}", r"\binom{<n>}{1}", "<n-3>(1)+3"),
        *(
            "|-<n>|",
            r"<n> \sin 90^\circ",
            "7=<n>",
            "<n>, <n+1>",
            r"<n> \text{ or } <n+1>",
            "<n-2>+3 = <n>",
            "<n-1> 1",
        ),
    ]
    done = ["<n-2>+2 = <n>", "x = <n>", r"\frac{<2n>}{2}", "<n>.0"]
    yield from over((6, 24, 120), "<n>", right=done, wrong=left)
    yield from over((6, 24, 120), "(<n>, 1)", right=["(<n>.0, 1)"], wrong=["(<n-2>+2, 1)"])


def names() -> Iterator[Pair]:
    yield from over(
        SMALL[:3],
        "<n>",
        right=["f(3) = <n>", "P(A) = <n>", r"\Pr(A) = <n>", "AB = <n>", r"\overline{AB} = <n>", "f^{-1}(x) = <n>"],
        wrong=["x(3) = <n>", "2x = <n>", "f(3) = <n+1>", "AB = <n+1>", "f(<n>)", "AB"],
    )
    yield from over(
        SMALL[:3], "(<n>, 1)", right=[r"(r, \theta) = (<n>, 1)"], wrong=[r"(\theta, r) = (<n>, 1)", "(1, <n>)"]
    )


def programs_and_styles() -> Iterator[Pair]:
    yield from alike(
        (r"2\sqrt{3}", "2*sqrt(3)", "2sqrt(3)", r"\mathbf{2\sqrt{3}}", r"\boldsymbol{2\sqrt{3}}"),
        (r"3\sqrt{2}", "3sqrt(2)"),
        (
            r"\frac{3}{4}",
            r"{3 \over 4}",
            r"3 \over 4",
            r"\nicefrac{3}{4}",
            r"\sfrac{3}{4}",
            r"\mathbf{\frac{3}{4}}",
        ),
        (r"\frac{4}{3}", r"{4 \over 3}"),
        ("x^2-5x+6", "x**2-5*x+6", "(x-2)*(x-3)"),
        ("x^3-5x+6", "x**3 - 5*x + 6"),
    )


def rounded() -> Iterator[Pair]:
    for number, near in ((2, "1.41"), (3, "1.732"), (7, "2.6")):
        root = rf"\sqrt{{{number}}}"
        for sign in (r"\approx", "\N{ALMOST EQUAL TO}"):
            yield Pair(root, f"{root} {sign} {near}", True)
            yield Pair(root, f"{root} {sign} {near}9", False)
            yield Pair(near, f"{root} {sign} {near}", False)
            yield Pair(root, f"{near} {sign} {root}", False)
            yield Pair(str(number), f"{number} {sign} {number + 1}", False)


def matrices_and_builders() -> Iterator[Pair]:
    gold = r"\begin{pmatrix} <n> & 1 \\ 2 & 3 \end{pmatrix}"
    cells = r"<n> & 1 \\ 2 & 3"
    yield from over(
        SMALL[:3],
        gold,
        right=[
            rf"\left[\begin{{array}}{{cc}} {cells} \end{{array}}\right]",
            rf"\left[\begin{{matrix}} {cells} \end{{matrix}}\right]",
            r"\begin{bmatrix} <n> & 1 \\[2pt] 2 & 3 \end{bmatrix}",
            rf"\begin{{smallmatrix}} {cells} \end{{smallmatrix}}",
        ],
        wrong=[rf"\begin{{vmatrix}} {cells} \end{{vmatrix}}", rf"[2, \begin{{matrix}} {cells} \end{{matrix}}]"],
    )
    yield from over(
        (5, 9),
        "[2, <n>)",
        right=[r"\{x \mid 2 \le x < <n>\}", r"\{x : 2 \le x < <n>\}", r"\{x \in \mathbb{R} \mid 2 \le x < <n>\}"],
        wrong=[r"\{x \mid 2 < x < <n>\}", r"\{x \mid 2, <n>\}"],
    )
    yield from over((5, 9), "<n>", wrong=[r"\{x : <n>\}", r"\{x \mid <n>\}"])


# Right ones that are not taken, each with its reason.
MISSED: Mapping[tuple[str, str], str] = {
    (r"28\%", "0.28"): "28% counts as 28",
    ("5", "5 m"): "a letter behind a number may be multiplied with it",
    ("(3, 5)", "3, 5"): "a list without brackets is in no order",
    ("(3, 5)", "x = 3, y = 5"): "letters with their values are no point",
    (r"\emptyset", r"\text{no solution}"): "words are compared as words",
    (r"\text{five}", "5"): "words are compared as words",
    ("x = 2y + 3", r"y = \frac{x-3}{2}"): "an equation that says what a letter is, is what it says",
    (r"\sqrt{x}\sqrt{y}", r"\sqrt{xy}"): "they differ where both letters are negative",
    (r"\frac{1}{3}", "0.333"): "a decimal is a rounding from six decimals on",
    ("1.73205081", r"\sqrt{3}"): "a root is left to work out where gold has none",
    (r"\frac{\sqrt2}{2}", r"\sin 45^\circ"): "an angle's function is left to work out",
    ("3R^2", "3r^2"): "capital and small letters are two letters",
    ("x \\ne 3", r"(-\infty, 3) \cup (3, \infty)"): "what a letter is not is compared as it is written",
    ("2x < 4", "x < 2"): "an inequality is not solved",
    (r"\frac{7}{12}", "7:12"): "it may be a time of day",
}


def missed() -> Iterator[Pair]:
    yield from (Pair(gold, answer, True) for gold, answer in MISSED)


KINDS: Mapping[str, Callable[[], Iterator[Pair]]] = {
    "digit groups": pairs.digit_groups,
    "bases": pairs.bases,
    "degrees": pairs.degrees,
    "signs of Unicode": pairs.signs,
    "powers and factorials": pairs.powers,
    "decimals": pairs.decimals,
    "wrappers": pairs.wrappers,
    "units": pairs.units,
    "percent": pairs.percent,
    "intervals": pairs.intervals,
    "sets and tuples": sets_and_tuples,
    "dates and ratios": dates_and_ratios,
    "expressions": expressions,
    "closed forms": closed_forms,
    "left to work out": left_to_work_out,
    "names": names,
    "programs and styles": programs_and_styles,
    "rounded": rounded,
    "matrices and builders": matrices_and_builders,
    "known to be missed": missed,
}


def list_pairs() -> list[tuple[str, Pair]]:
    """Every pair once, with its kind."""
    return list(dict.fromkeys((kind, pair) for kind, write in KINDS.items() for pair in write()))
