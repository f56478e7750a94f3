r"""One notation for answers: what is written in many ways is written in one, before it is compared or voted on.

Numbers come out as they are typed (1250, .5), signs as LaTeX commands in ASCII, words in double quotes.
"""

import re
from functools import lru_cache

from harness.answers.texts import MAX_ANSWER_CHARS
from harness.brackets import count_open

# Nested deeper it is no answer.
MAX_BRACKETS = 20
REMEMBERED = 4096
_SIGNS = {
    **{"\N{MINUS SIGN}": "-", "\N{EN DASH}": "-", "\N{MULTIPLICATION SIGN}": r"\times ", "\N{DIVISION SIGN}": "/"},
    **{
        "\N{MIDDLE DOT}": r"\cdot ",
        "\N{DOT OPERATOR}": r"\cdot ",
        "\N{DEGREE SIGN}": r"^\circ ",
        "\N{PRIME}": "'",
    },
    **{
        "\N{INFINITY}": r"\infty ",
        "\N{ALMOST EQUAL TO}": r"\approx ",
        "\N{PLUS-MINUS SIGN}": r"\pm ",
        "\N{UNION}": r"\cup ",
        "\N{EMPTY SET}": r"\emptyset ",
    },
    **{"\N{LESS-THAN OR EQUAL TO}": r"\le ", "\N{GREATER-THAN OR EQUAL TO}": r"\ge ", "\N{NOT EQUAL TO}": r"\ne "},
    **{"\N{ELEMENT OF}": r"\in ", "\N{POUND SIGN}": "", "\N{EURO SIGN}": "", "\N{NO-BREAK SPACE}": " "},
    **dict.fromkeys(("\N{CENT SIGN}", "\N{YEN SIGN}", "\N{INDIAN RUPEE SIGN}"), ""),
    **{"\N{NARROW NO-BREAK SPACE}": " ", "\N{THIN SPACE}": " ", "\N{FRACTION SLASH}": "/"},
    **{"\N{SUPERSCRIPT TWO}": "^2", "\N{SUPERSCRIPT THREE}": "^3"},
    **{"\N{GREEK SMALL LETTER PI}": r"\pi ", "\N{GREEK SMALL LETTER THETA}": r"\theta "},
    **{"\N{GREEK SMALL LETTER ALPHA}": r"\alpha ", "\N{GREEK SMALL LETTER BETA}": r"\beta "},
    **{"\N{VULGAR FRACTION ONE HALF}": r"\frac{1}{2}", "\N{VULGAR FRACTION ONE QUARTER}": r"\frac{1}{4}"},
    **{"\N{VULGAR FRACTION THREE QUARTERS}": r"\frac{3}{4}", "\N{VULGAR FRACTION ONE THIRD}": r"\frac{1}{3}"},
    **{"\N{VULGAR FRACTION TWO THIRDS}": r"\frac{2}{3}", "\N{VULGAR FRACTION ONE FIFTH}": r"\frac{1}{5}"},
    **{"\N{VULGAR FRACTION TWO FIFTHS}": r"\frac{2}{5}", "\N{VULGAR FRACTION THREE FIFTHS}": r"\frac{3}{5}"},
    **{"\N{VULGAR FRACTION FOUR FIFTHS}": r"\frac{4}{5}", "\N{VULGAR FRACTION ONE SIXTH}": r"\frac{1}{6}"},
    **{"\N{VULGAR FRACTION FIVE SIXTHS}": r"\frac{5}{6}", "\N{VULGAR FRACTION ONE EIGHTH}": r"\frac{1}{8}"},
    **{"\N{VULGAR FRACTION THREE EIGHTHS}": r"\frac{3}{8}", "\N{VULGAR FRACTION FIVE EIGHTHS}": r"\frac{5}{8}"},
    **{"\N{VULGAR FRACTION SEVEN EIGHTHS}": r"\frac{7}{8}"},
}
_UNICODE = re.compile("|".join(map(re.escape, _SIGNS)))
_ROOT = re.compile(r"([\u221a\u221b])\s*(?:([0-9]+(?:\.[0-9]+)?|[a-z])|(?=[({]))")
_ROOT_OF_BRACKETS = re.compile(r"\\sqrt(\[3\])?\s*\(([^()]*)\)")
_SURROUNDINGS = re.compile(
    r"^(?:(?<!\\)\$+|\\\(|\\\[|\s|[*`,;])+|(?:(?<!\\)\$+|\\\)|\\\]|\s|[*`]|(?<!\\)[.,;]|\\(?=\s*$))+$"
)
# \cdotp before \cdot, \leqslant before \leq.
_ALIKE = (
    (
        re.compile(
            r"\\(?:left|right)(?![a-zA-Z])\s*\.?|\\(?:[bB]igg?[lrm]?|displaystyle|textstyle|limits|mathstrut)(?![a-zA-Z])|\\!"
        ),
        "",
    ),
    (re.compile(r"\\(?:[dtcsx]|nice)frac(?![a-zA-Z])"), r"\\frac"),
    (re.compile(r"\{([^{}]*)\\over(?![a-zA-Z])([^{}]*)\}"), r"\\frac{\1}{\2}"),
    (re.compile(r"^([^{}]*)\\over(?![a-zA-Z])([^{}]*)$"), r"\\frac{\1}{\2}"),
    # As programs write it.
    (re.compile(r"(?<![a-zA-Z\\])sqrt(?=\s*\()"), r"\\sqrt"),
    (re.compile(r"(?<=[a-zA-Z)])\s*\*\*(?=\s*[-({0-9a-z])"), "^"),
    # What parts two rows of a matrix.
    (re.compile(r"\\\\\s*\[[0-9.]{1,5}\s*(?:pt|em|ex|mm|cm)\]"), r"\\\\"),
    (re.compile(r"\\[dt]binom(?![a-zA-Z])"), r"\\binom"),
    (re.compile(r"\\(?:leqslant|leqq|leq|le)(?![a-zA-Z])"), r"\\le "),
    (re.compile(r"\\(?:geqslant|geqq|geq|ge)(?![a-zA-Z])"), r"\\ge "),
    (re.compile(r"\\(?:neq|ne)(?![a-zA-Z])"), r"\\ne "),
    (re.compile(r"\\lt(?![a-zA-Z])"), "<"),
    (re.compile(r"\\gt(?![a-zA-Z])"), ">"),
    (re.compile(r"\\(?:varnothing|emptyset)(?![a-zA-Z])"), r"\\emptyset "),
    (re.compile(r"\\lbrace(?![a-zA-Z])"), r"\\{"),
    (re.compile(r"\\rbrace(?![a-zA-Z])"), r"\\}"),
    (re.compile(r"\\langle(?![a-zA-Z])"), "("),
    (re.compile(r"\\rangle(?![a-zA-Z])"), ")"),
    (re.compile(r"\\(?:lvert|rvert|vert)(?![a-zA-Z])"), "|"),
    (re.compile(r"\\(?:cdotp|times|ast)(?![a-zA-Z])"), r"\\cdot "),
    (re.compile(r"\\div(?![a-zA-Z])"), "/"),
    (
        re.compile(
            r"\\(?:operatorname|mathop)\s*\*?\s*\{\s*(arc(?:sin|cos|tan)|sin|cos|tan|cot|sec|csc|ln|log|lg|exp)\s*\}"
        ),
        r"\\\1 ",
    ),
    (re.compile(r"\\(?:imath|jmath)(?![a-zA-Z])"), "i"),
    (re.compile(r"\\(?:to|rightarrow|Rightarrow|implies)(?![a-zA-Z])"), r"\\to "),
    (re.compile(r"<=|=<"), r"\\le "),
    (re.compile(r">="), r"\\ge "),
    (re.compile(r"!="), r"\\ne "),
)
_WRAPPER = re.compile(
    r"\\(?:text(?:bf|it|rm|sf|normal|up|tt)?|math(?:rm|bf|it|sf|normal)|mbox|emph|boldsymbol|bm|bf|rm|it)\s*\{([^{}]*)\}"
)
# Around what holds braces of its own, where it changes nothing.
_STYLE = re.compile(
    r"\\(?:(?:math(?:rm|bf|it|sf|normal)|boldsymbol|bm|bf|underline|ensuremath|small|large|Large|LARGE|huge|Huge)"
    r"|(?:textcolor|colorbox)\s*\{[a-zA-Z]{1,20}\})(?=\s*\{)"
)
_SWITCH = re.compile(
    r"\\(?:bf|rm|it|bfseries|boldsymbol|mathrm|mathbf|tiny|small|large|Large|LARGE|huge|Huge)(?![a-zA-Z{])\s*"
    r"|\\color\s*\{[a-zA-Z]{1,20}\}"
)
# One and a third, as it is typed.
_MIXED = re.compile(r"(?<![0-9./,^])(?<![0-9./] )([0-9]{1,4}) ([0-9]{1,2})/([0-9]{1,2})(?![0-9./])(?! [0-9])")
_NOTHING = re.compile(r"(?<=[0-9a-zA-Z)}])\{\s*\}$")
# Of what is set as text: words, but for a letter alone and what joins answers.
_SPOKEN = re.compile(r"[A-Za-z][A-Za-z'/.-]*(?:\s+[A-Za-z][A-Za-z'/.-]*)*")
_JOINS = re.compile(r"(?:^|\s+)(and|or)(?:\s+|$)")
_CONSTANTS = ("e", "i", "d")
_BOLD = re.compile(r"\\(?:math(?:bf|it|sf|normal)|b|r)")
_POWER_OF_TEN = re.compile(r"(?<![A-Za-z0-9.])([0-9]+(?:\.[0-9]+)?)[eE]([-+]?[0-9]{1,4})(?![A-Za-z0-9.])")
_DEGREES = re.compile(r"\^\s*(?:\\circ|\{\s*\\circ\s*\})\s*(?:[CF](?![A-Za-z]))?|\\degree(?![a-zA-Z])")
_ANGLE_OF = re.compile(r"\\(?:sin|cos|tan|cot|sec|csc)(?![a-zA-Z])")
_CALLED = re.compile(r"^(?:the )?(?:final )?answer(?: is|\s?[:=])\s*", re.IGNORECASE)
_PERCENT = re.compile(
    r"(?<=[0-9}])\s*(?:\\?%|\"?(?:percent(?:age)?|per cent|pct)(?:\s+points?)?\"?(?![A-Za-z]))", re.IGNORECASE
)
_SPACE = re.compile(r"(?:(?<!\\)\\[,;: ]|\\q?quad(?![a-zA-Z])|\\hspace\s*\{[^{}]*\}|\\space(?![a-zA-Z])|~|\s)+")
# 10{,}000 anywhere; 10,000 and 10 000 in groups of three, and commas of tuples are none of these.
_BRACED_GROUPS = re.compile(r"(?<![0-9.])([1-9][0-9]{0,2}(?:\s*(?:\{\s*,\s*\}|,\\!)\s*[0-9]{3})+)(?![0-9])")
_SPACED_GROUPS = re.compile(r"(?<![0-9.])(?<![0-9.] )([1-9][0-9]{0,2}(?: [0-9]{3})+)(?![0-9])(?! [0-9])")
_COMMA_GROUPS = re.compile(r"(?<![0-9.,])([1-9][0-9]{0,2}(?:,[0-9]{3})+)(?![0-9,])")
_REPEATING = re.compile(
    r"(?<![0-9.])([0-9]*)\.([0-9]*)(?:\\(?:overline|bar|dot)\s*(?:\{([0-9]+)\}|([0-9]))|\(([0-9]+)\))(?![0-9.])"
)
_NO_DIGIT = re.compile(r"[^0-9]+")
_PRINTED = re.compile(r"[ -~]*")
_CURRENCY = re.compile(r"\\\$|(?<!\\)\$")


@lru_cache(REMEMBERED)
def normalise(answer: str) -> str | None:
    """The answer in one notation; None where it is too long or too deep,
    or holds what no one types into an answer.
    """
    text = _spell(answer[: MAX_ANSWER_CHARS + 1])
    if len(answer) > MAX_ANSWER_CHARS or not _PRINTED.fullmatch(text) or count_open(text) > MAX_BRACKETS:
        return None
    text = _CALLED.sub("", text)
    for pattern, plain in _ALIKE:
        text = pattern.sub(plain, text)
    text = _ROOT_OF_BRACKETS.sub(r"\\sqrt\1{\2}", _quote(text.replace('"', "")))
    text = _PERCENT.sub("", _join_digits(_CURRENCY.sub("", text)))
    text = _NOTHING.sub("", _MIXED.sub(r"\1\\frac{\2}{\3}", text))
    text = _POWER_OF_TEN.sub(r"\1\\cdot 10^{\2}", text)
    text = _REPEATING.sub(_write_repeating, text)
    text = _DEGREES.sub(r"\\frac{\\pi}{180}" if _ANGLE_OF.search(text) else "", text)
    return _SURROUNDINGS.sub("", text).strip()


def _spell(answer: str) -> str:
    """Signs of Unicode as LaTeX in ASCII, on one line, without the marks that set an answer off."""
    text = _ROOT.sub(_write_root, answer.replace(r",\!", "{,}"))
    text = _UNICODE.sub(lambda sign: _SIGNS[sign.group()], text)
    return _SURROUNDINGS.sub("", " ".join(text.split()))


def _write_root(found: re.Match[str]) -> str:
    root = r"\sqrt" if found.group(1) == "\u221a" else r"\sqrt[3]"
    return root if found.group(2) is None else f"{root}{{{found.group(2)}}}"


def _quote(text: str) -> str:
    """Words that are set as text in double quotes; a letter or a number that is set so, without its wrapper."""
    text = _SWITCH.sub("", text)
    while wrapped := _WRAPPER.search(text):
        before = text[: wrapped.start()]
        # 5\,\mathrm{m}, but 2\mathrm{e} and 2\mathbf{j}.
        is_unit = before[-1:] in (*" ~,;:", *"0123456789") and not _BOLD.match(wrapped.group())
        text = before + _quote_words(wrapped.group(1), is_unit=is_unit) + text[wrapped.end() :]
    return _STYLE.sub("", text)


def _quote_words(inside: str, *, is_unit: bool) -> str:
    letter = inside.strip(" ~")
    if len(letter) == 1 and letter.isalpha():
        return f' "{letter}" ' if is_unit and letter not in _CONSTANTS else letter
    words = _SPOKEN.sub(lambda words: " ".join(_part_words(words.group())), inside)
    # A digit that is set as text is none of the number before it.
    return f" {words} "


def _part_words(words: str) -> list[str]:
    """Words in quotes, but for "and" and "or", which join answers, and for a letter alone."""
    parts = [part for part in _JOINS.split(words) if part]
    return [part if part in ("and", "or") or len(part) == 1 else f'"{part.strip()}"' for part in parts]


def _write_repeating(found: re.Match[str]) -> str:
    r"""0.1\overline{6} as \frac{15}{90}: what repeats, over as many nines."""
    whole, once, repeated = found[1] or "0", found[2], found[3] or found[4] or found[5]
    below = (10 ** len(repeated) - 1) * 10 ** len(once)
    return rf"\frac{{{int(whole + once + repeated) - int(whole + once)}}}{{{below}}}"


def _join_digits(text: str) -> str:
    """Numbers without what parts their thousands."""
    for groups in (_BRACED_GROUPS, _SPACED_GROUPS):
        text = groups.sub(lambda digits: _NO_DIGIT.sub("", digits.group()), _SPACE.sub(" ", text))
    # In brackets a comma parts what is listed.
    return text if count_open(text) else _COMMA_GROUPS.sub(lambda digits: _NO_DIGIT.sub("", digits.group()), text)
