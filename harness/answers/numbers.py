"""Numbers in prose: the last one, or the one that a text states for its answer."""

import re
import unicodedata
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction

from harness.answers.boxes import behind_box, boxed
from harness.answers.phrases import final_answer
from harness.answers.texts import clean, find_last

_NUMBER = re.compile(
    r"(?<![0-9./])[0-9]+/[0-9]+(?![0-9/])"
    r"|(?<![0-9.])[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?|(?<![0-9])\.[0-9]+"
)
# How LaTeX writes 1,250 and 1/2; what is raised is no number of its own: 42 m^2.
THOUSANDS = re.compile(r"(?<=[0-9])(?:\\[,;:! ]|\{,\}|['’\u00a0\u2009\u202f])(?=[0-9]{3}(?![0-9]))")
# Where one number is said, and none of a list.
_SPACED = re.compile(r"(?<![0-9.,])(?<![0-9.,] )([1-9][0-9]{0,2}(?: [0-9]{3})+)(?![0-9])(?! [0-9])")
_PART = r"\s*(?:\{\s*([0-9]+)\s*\}|([0-9]))"
_FRACTION = re.compile(rf"\\[dtcs]?frac{_PART}{_PART}")
_EXPONENT = re.compile(r"\^(?:\{[^{}]{0,20}\}|-?[0-9]+)")
_GOES_ON = re.compile(
    r"(?:\s{0,3}(?:-{1,2}|[+*/x×÷±]|\\times|\\div|\\cdot|\\pm"
    r"|[({]?\b(?:plus|minus|times|less|mod|modulo|(?:multiplied|divided)\s{1,3}by)\b|\\[bp]mod(?![a-z])\s{0,3}\{?)"
    r"\s{0,3}(?:\$?[0-9][0-9.,]*+|(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve)\b)){1,20}"
)
# A number, "or", and the last number.
_OR = r"(?:\b(?:or|vs|versus|alternatively)\b|\\(?:lor|vee)(?![A-Za-z])|∨)"
_HEDGED = re.compile(rf"[0-9][^0-9.\n]{{0,20}}{_OR}[^0-9.\n]{{0,20}}[0-9][0-9.,]*[^0-9]*$")
# Taken back right behind it: 18, no, 19. Which one is meant is not for a reader to say.
_TAKEN_BACK = re.compile(
    r"[0-9][.,;:?!\s\u2013\u2014-]{0,5}(?:\b(?:no|wait|sorry|correction|actually|I\smean|or\srather)\b"
    r"[.,;:?!\s\u2013\u2014-]{1,5}){1,3}\\?\$?-?[0-9]",
    re.IGNORECASE,
)
# In the next sentence, which is the last: 18. Wait, it is 19.
_TAKEN_BACK_LAST = re.compile(
    r"[0-9][^0-9]{0,20}[.;:?!\n})$\u2013\u2014]\s{0,3}\b(?:no|wait|sorry|oops|correction|actually|I\smean|or\srather)\b"
    r"[^0-9]{0,40}?(-?[0-9][0-9,]*(?:\.[0-9]+)?)[^0-9A-Za-z]*$",
    re.IGNORECASE,
)
# Numbers that are only joined: 18 and 19, but not 5 hours and 30 minutes.
_AND = r"\s{1,3}and\s{1,3}\\?\$?-?[0-9][0-9.,]*+"
_PAIRED_FIRST = re.compile(r"[^0-9]*[0-9][0-9.,]*+" + _AND)
_PAIRED_LAST = re.compile(r"[0-9]" + _AND + r"[^0-9]*$")
_DENIED = re.compile(
    r"(?:(?:\bnot|n['’]t|\bcannot|\bnever|\bunlikely(?:\sto)?|\bno\slonger|\bother\sthan|\banything\s(?:but|except)"
    r"|\b(?:is|be)\s(?:more|less|fewer|greater|larger|smaller)\sthan)(?:\sbe)?[\s}]{1,3}|\\neq?(?![A-Za-z])\s?|≠\s?|!=\s?)"
    r"\\?\$?-?[0-9][0-9.,]*(?<![.,])"
)
# A sign in words, where a number is said.
_MINUS = re.compile(
    r"(?:(?<=[=:({*$])|(?<=\bis)|(?<=\bbe)|^)(\s{0,3})(?:minus|negative)\s{1,3}(?=\\?\$?[0-9])", re.MULTILINE
)
# A sign with a space behind it, or in another of Unicode's dashes: behind a colon or on a line of its own it would
# begin what is listed.
_DASH = re.compile(
    r"(?:(?<=[=({])|(?<=\bis)|(?<=\bbe))(\s{0,3})[-\u2010-\u2014\u207b\u2212\ufe63\uff0d]\s?(?=\\?\$?[0-9])"
)
_SCALES: dict[str, Fraction | int] = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9}
_SCALES |= {"trillion": 10**12, "lakh": 10**5, "crore": 10**7}
_SCALES |= {"tenths": Fraction(1, 10), "hundredths": Fraction(1, 100), "thousandths": Fraction(1, 1000)}
# Right behind a number: $18k, 18M.
_SUFFIXES = {"k": 10**3, "K": 10**3, "M": 10**6, "mn": 10**6, "bn": 10**9}
_SUFFIXED = re.compile(
    r"(?<![0-9A-Za-z.,])([0-9]{1,12}(?:\.[0-9]{1,12})?)(?:\\text\{)?(?:([kKM])|\s?(mn|bn))\b\}?"
)
_SCALED = re.compile(
    r"(?<![0-9.,])([0-9]{1,12}(?:,[0-9]{3}){0,4}(?:\.[0-9]{1,12})?)(?:\s|~|\\[,;: ]|\\text\{){1,4}"
    rf"({'|'.join(_SCALES)})s?\b\}}?",
    re.IGNORECASE,
)
# 1.8e4 and 1.8*10^4; 18 1/2; a power that is left to work out.
_SCIENTIFIC = re.compile(
    r"(?<![0-9A-Za-z.])([0-9]{1,12}(?:\.[0-9]{1,12})?)"
    r"(?:[eE]\+?|\s?(?:\*|x|×|\\times|\\cdot)\s?10(?:\^|\*\*)\{?)(-?[0-9]{1,2})(?![0-9A-Za-z])\}?"
)
_MIXED = re.compile(
    r"(?<![0-9./,])([0-9]{1,9})"
    r"(?:\s([0-9]{1,4})/([0-9]{1,4})(?![0-9/])|\s?\\frac\{([0-9]{1,4})\}\{([0-9]{1,4})\}|\s?([½⅓⅔¼¾⅕⅛])"
    r"|\sand\s(?:a|one)\s(half|third|quarter|fourth|fifth)\b)"
)
_SMALL = {"½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅕": "1/5", "⅛": "1/8"}
_SMALL_SIGN = re.compile(f"[{''.join(_SMALL)}]")
_WORDS = {"half": "½", "third": "⅓", "quarter": "¼", "fourth": "¼", "fifth": "⅕"}
_RAISED = re.compile("(?<=10)(⁻?)([⁰¹²³⁴-⁹]{1,2})")
_POWER = re.compile(
    r"(?<![0-9.])[0-9]+(?:\.[0-9]+)?(?:\s?(?:\^|\*\*)\s?(?:\{[^{}]{0,20}\}|-?[0-9]+)|[\u00b2\u00b3\u00b9\u2070-\u2079]"
    r"|\s(?:squared|cubed|doubled|tripled|halved)\b)"
    r"|(?:\\sqrt|\bsqrt|\u221a|\b(?:half\sof|(?:twice|thrice|double|triple)(?:\sof)?)\s)\s?[({]?\s?\$?[0-9]+(?:\.[0-9]+)?[)}]?"
)
# Beside numbers that are only listed these may stand, and none of those.
_LISTS = re.compile(
    r"\b(?:answers?|either|one of|any of|among|from|to|through|or|and|maybe)\b|\\q?quad", re.IGNORECASE
)
_OPERATES = re.compile(r"[A-Za-z+*/×÷=<>^-]")
_BARE = re.compile(r"\W*(-?[0-9][0-9,]*(?:\.[0-9]+)?)\W*")
_POINT_ZERO = re.compile(r"(?<=[0-9])\.0+$")


def last_number(text: str) -> str | None:
    """The last number or fraction of numbers, in ASCII digits,
    without thousands separators; None where there is none.

    Exponents are none.
    """
    plain = _plain_digits(text)
    last = find_last(_NUMBER, plain)
    return None if last is None else _read_number(last, plain)


def stated_number(text: str) -> str | None:
    """The number of what is boxed, or else of what is called the answer, or else the last of the whole text.

    Of what is boxed or called the answer, the first number behind its last sign of equality. A whole number in
    whatever notation (160.00, 320/2, 2 thousand) is one without a point. A number that it is said not to be is
    none; None where it is one of two (12 or 13, 12 and 13), of a list of nothing but numbers (12, 13), or a sum
    that is left to work out (20 - 2).
    """
    told = _write_out(_DENIED.sub("", text))
    for read, said in _stated(told):
        if said and (number := read(said)):
            paired = (
                _PAIRED_LAST.search(said) if read is last_number else _PAIRED_FIRST.match(said.rpartition("=")[2])
            )
            listed = said.strip().rpartition("\n")[2] if read is last_number else said
            if read is not last_number and _is_left(said):
                worked = behind_box(told)
                return None if worked is None else _work_out(worked.replace(",", ""))
            is_taken_back = read is not last_number and (_TAKEN_BACK.search(said) or _is_taken_back(number, told))
            is_open = _HEDGED.search(said) or is_taken_back or paired or _is_list(listed)
            return None if is_open else _work_out(number)
    return None


def _is_taken_back(number: str, text: str) -> bool:
    """Whether a last sentence of the text says another number."""
    other = _TAKEN_BACK_LAST.search(text)
    return other is not None and _work_out(other[1].replace(",", "")) != _work_out(number)


def _write_out(text: str) -> str:
    """Numbers in digits: 2 million as 2000000, 1.8e4 as 18000, 18 1/2 as 37/2; what is left to work out,
    without.
    """
    text = _DASH.sub(r"\1-", _MINUS.sub(r"\1-", text))
    text = _RAISED.sub(lambda told: f"^{'-' * len(told[1])}{unicodedata.normalize('NFKC', told[2])}", text)
    text = _SUFFIXED.sub(lambda told: _show(Fraction(told[1]) * _SUFFIXES[told[2] or told[3]]), text)
    text = _SCALED.sub(lambda told: _show(Fraction(told[1].replace(",", "")) * _SCALES[told[2].lower()]), text)
    text = _SCIENTIFIC.sub(lambda told: _show(Fraction(told[1]) * Fraction(10) ** int(told[2])), text)
    text = _MIXED.sub(_mix, _FRACTION.sub(_write_fraction, text))
    return _POWER.sub("power", _SMALL_SIGN.sub(lambda sign: _SMALL[sign[0]], text))


def _write_fraction(found: re.Match[str]) -> str:
    above, below = filter(None, found.groups())
    return rf"\frac{{{above}}}{{{below}}}"


def _show(number: Fraction) -> str:
    """In digits, without an exponent."""
    return (
        f"{Decimal(number.numerator) / Decimal(number.denominator):f}" if number.denominator > 1 else str(number)
    )


def _mix(mixed: re.Match[str]) -> str:
    """A whole number and a fraction below 1 as one fraction; others as they stand."""
    whole, *told, sign, word = mixed.groups()
    if sign or word:
        above, below = map(int, _SMALL[sign or _WORDS[word]].split("/"))
    else:
        above, below = map(int, filter(None, told))
    return f"{int(whole) * below + above}/{below}" if above < below else mixed.group()


def _is_list(said: str) -> bool:
    """Whether several numbers stand there with nothing that tells which is meant: 12, 13 and 12 = 13."""
    *_, before, behind = ["", *said.split("=")]
    if (one := _BARE.fullmatch(before)) and (other := _BARE.fullmatch(behind)):
        return Fraction(one[1].replace(",", "")) != Fraction(other[1].replace(",", ""))
    plain = _plain_digits(behind)
    return len(set(_NUMBER.findall(plain))) > 1 and not _OPERATES.search(_LISTS.sub("", _NUMBER.sub("", plain)))


def _stated(text: str) -> Iterator[tuple[Callable[[str], str | None], str | None]]:
    """Where a text may state its number, in order, and how it is read there."""
    for said in (boxed(text), final_answer(text)):
        yield _first_number, said and _SPACED.sub(lambda digits: digits[1].replace(" ", ""), said)
    yield last_number, text


def _work_out(number: str) -> str:
    """The number as a whole one where it is one."""
    numerator, _, denominator = number.partition("/")
    if denominator.strip("0"):
        return str(Fraction(int(numerator), int(denominator)))
    return _POINT_ZERO.sub("", number)


def _first_number(said: str) -> str | None:
    """The first number behind the last sign of equality, or before where there is none;
    of a sum that is not worked out, the last.
    """
    before, _, behind = said.rpartition("=")
    for part in filter(None, (behind, before)):
        plain = _plain_digits(part)
        if first := _NUMBER.search(plain):
            return last_number(part) if _GOES_ON.match(plain, first.end()) else _read_number(first, plain)
    return None


def _is_left(said: str) -> bool:
    """Whether it is a sum that is left to work out: 20 - 2, but not 42 - 3, which is 39."""
    *_, behind = said.split("=")
    plain = _plain_digits(behind)
    first = _NUMBER.search(plain)
    worked = first and _GOES_ON.match(plain, first.end())
    return worked is not None and not _NUMBER.search(plain, worked.end())


def _plain_digits(text: str) -> str:
    """Numbers as they are typed: thousands without LaTeX's marks, fractions with a slash, no exponents."""
    plain = _FRACTION.sub(lambda found: "/".join(filter(None, found.groups())), THOUSANDS.sub("", text))
    return _EXPONENT.sub("", plain)


def _read_number(found: re.Match[str], text: str) -> str | None:
    """The number with its sign."""
    # -$18 is as negative as $-18.
    before = text[max(found.start() - 4, 0) : found.start()].rstrip("\\$£€")[-2:].replace("\N{MINUS SIGN}", "-")
    # 5-3 ends in 3, not in -3.
    is_negative = before.endswith("-") and not (len(before) == 2 and (before[0].isalnum() or before[0] in ")]}"))
    return clean("-" * is_negative + found.group().replace(",", ""))
