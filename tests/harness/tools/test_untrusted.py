"""Texts of strangers: none can hold a marker or become a control token, for any tokenizer, style or disguise."""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from tokenizers import AddedToken, Regex, Tokenizer
from tokenizers.decoders import Fuse
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Split
from transformers import PreTrainedTokenizerFast

from harness.rendering import encode, load_tokenizer
from harness.tools.calls import CallStyle
from harness.tools.untrusted import KNOWN_MARKERS, Guard, Markers, fold, guard_for, list_control_tokens
from ladder.tokenizer import ALPHABET, build_tokenizer
from tests.harness.byte_tokenizer import build_byte_tokenizer
from tests.harness.tools.hostile import BULK, MARKERS, list_texts

STYLES = sorted(path.stem for path in Path("conf/calls").glob("*.yaml"))
REAL = ("Qwen2.5-Coder-0.5B-Instruct", "SmolLM2-135M-Instruct", "gemma-3-270m")
THINKING = ("<think>", "</think>")
MAX_TOKENS = 100


def style_of(name: str) -> CallStyle:
    values = yaml.safe_load(Path(f"conf/calls/{name}.yaml").read_text())
    assert values.pop("_target_") == "harness.tools.calls.CallStyle"
    return CallStyle(**values)


def build_letters() -> Any:
    """A character a token, "?" for those that it lacks, and the ends of thinking, as a small model has them."""
    characters = " abcdefghijklmnopqrstuvwxyz0123456789{}[]+=;?.,:'-()/_!<>\""
    vocab = {token: at for at, token in enumerate(["<|endoftext|>", *THINKING, *characters])}
    inner = Tokenizer(WordLevel(vocab, unk_token="?"))
    inner.pre_tokenizer = Split(Regex("."), behavior="isolated")
    inner.decoder = Fuse()
    inner.add_tokens([AddedToken(token, special=False, normalized=False) for token in THINKING])
    inner.add_special_tokens(["<|endoftext|>"])
    return PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<|endoftext|>")


BUILT = {"embedded": build_tokenizer, "letters": build_letters, "bytes": build_byte_tokenizer}


@pytest.fixture(scope="module", params=[*BUILT, *REAL])
def tokenizer(request: pytest.FixtureRequest, real_model: Callable[[str], Path]) -> Any:
    name = request.param
    return BUILT[name]() if name in BUILT else load_tokenizer(str(real_model(name)))


def guard_of(tokenizer: Any, style: CallStyle) -> Guard:
    return guard_for(tokenizer, (*style.markers, *THINKING), lambda text: encode(tokenizer, text))


def seen(text: str) -> str:
    """What is left of a text for a reader who sees no invisible characters, cases, widths or accents.

    Written for this test alone, by the text as a whole.
    """
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    text = "".join(part for part in text if unicodedata.category(part) not in ("Cf", "Cc", "Mn", "Me", "Cs"))
    return re.sub("[\u115f\u1160\u2800\u3164\uffa0]", "", text)


@cache
def control_of(tokenizer: Any) -> dict[str, int]:
    return list_control_tokens(tokenizer)


def smuggled(tokenizer: Any, style: CallStyle, whole: str) -> list[str]:
    """Every marker and control token that a wrapped result has beyond those of its wrapper."""
    assert whole.startswith(style.before) and whole.endswith(style.after)
    inner = whole[len(style.before) : len(whole) - len(style.after)]
    control = control_of(tokenizer)
    ids, wrapper = encode(tokenizer, whole), encode(tokenizer, style.before) + encode(tokenizer, style.after)
    numbers = frozenset(control.values())
    extra = Counter(token for token in ids if token in numbers) - Counter(
        token for token in wrapper if token in numbers
    )
    texts = {"text": seen(inner), "decoded": seen(tokenizer.decode(encode(tokenizer, inner)))}
    # One tokenizer has thousands of unused ones, of which the numbers above tell.
    forms = {seen(marker) for marker in (*style.markers, *THINKING, *list(control)[:200])}
    found = [f"{marker} in {kind}" for kind, text in texts.items() for marker in forms if marker in text]
    is_more = count_markers(style, whole) != count_markers(style, style.before + style.after)
    return [*map(str, extra), *found, *(["a marker at an end"] if is_more else [])]


def count_markers(style: CallStyle, text: str) -> list[int]:
    return [text.count(marker) for marker in (*style.markers, *THINKING)]


def short(texts: Sequence[str]) -> list[str]:
    """Texts of millions of characters are read in full by a test of their own, once."""
    return [text[:3000] for text in texts]


@pytest.mark.parametrize("style_name", STYLES)
def test_no_hostile_text_smuggles_anything(tokenizer: Any, style_name: str, tmp_path: Path) -> None:
    style = style_of(style_name)
    guard = guard_of(tokenizer, style)
    texts = list_texts(tmp_path / "canary")
    assert len(texts) >= 300
    failed, cut = {}, 0
    for text in short(texts):
        whole = style.write(text, guard, MAX_TOKENS)
        inner = whole[len(style.before) : len(whole) - len(style.after)]
        cut += len(inner) < len(text)
        assert len(encode(tokenizer, inner)) <= MAX_TOKENS
        if found := smuggled(tokenizer, style, whole):
            failed[text[:80]] = found
    assert failed == {} and cut > 20


@pytest.mark.parametrize("style_name", STYLES)
def test_without_the_guard_many_of_them_do(tokenizer: Any, style_name: str, tmp_path: Path) -> None:
    style = style_of(style_name)
    texts = [text for text in short(list_texts(tmp_path / "canary")) if not has_surrogate(text)]
    caught = [bool(smuggled(tokenizer, style, style.before + text + style.after)) for text in texts]
    assert sum(caught) > 100


def has_surrogate(text: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def test_texts_of_millions_of_characters_are_cut() -> None:
    style = style_of("search_r1")
    tokenizer = build_byte_tokenizer()
    guard = guard_of(tokenizer, style)
    for text in BULK:
        whole = style.write(text, guard, MAX_TOKENS)
        assert len(whole) <= len(style.before) + len(style.after) + MAX_TOKENS
        assert smuggled(tokenizer, style, whole) == []


def test_a_harmless_text_stays_as_it_is() -> None:
    markers = Markers((*KNOWN_MARKERS, *style_of("search_r1").markers))
    for text in (
        *(
            "if a < b and c > d: return x[0] | y",
            "Crème brûlée, 50 % off; naïve Ünïcode – 漢字 👩‍👩‍👧",
            "1\n\t2",
            "",
        ),
        *("a search for information <b>in bold</b>", "<searching>", "< search >", "5 <s 6", "<information"),
    ):
        assert markers.neutralise(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a </search> b", "a ‹/search> b"),
        ("<SEARCH>", "‹SEARCH>"),
        ("<|im_start|>", "‹|im_start|>"),
        ("<<search>search>", "<‹search>search>"),
        ("＜search＞", "‹search＞"),
        ("<\u200bsearch>", "‹\u200bsearch>"),
        ("[INST]", "(INST]"),
        ("a\U000e003cb", "a�b"),
        ("a\0b\x1b[0m\r\nc\rd", "a�b�[0m\nc\nd"),
    ],
)
def test_what_is_done_to_a_marker_is_in_plain_view(text: str, shown: str) -> None:
    assert Markers((*KNOWN_MARKERS, "<search>", "</search>")).neutralise(text) == shown


def test_neutralising_again_changes_nothing(tmp_path: Path) -> None:
    for style in map(style_of, STYLES):
        markers = Markers((*KNOWN_MARKERS, *style.markers))
        for text in short(list_texts(tmp_path / "canary"))[::3]:
            once = markers.neutralise(text)
            assert markers.neutralise(once) == once and style.wrap(once) == style.wrap(text)


@pytest.mark.parametrize(
    ("before", "text", "after"),
    [
        *(("<sea", "rch>", "!"), ("<", "search>", ""), ("x<", "\u200bsearch>", ""), ("", "<sea", "rch>")),
        *(("<se", "ar", "ch>"), ("<se", "\u200b", "arch>"), ("", "</searc", "h>"), ("<", "|", "x")),
    ],
)
def test_no_marker_comes_about_where_a_text_meets_its_wrapper(before: str, text: str, after: str) -> None:
    markers = Markers((*KNOWN_MARKERS, "<search>", "</search>"))
    inner = markers.neutralise(text, before=before, after=after)
    whole = before + inner + after
    assert inner != text and len(inner) == len(text)
    assert not any(marker in whole for marker in ("<search>", "</search>", "<|"))


def test_a_cut_makes_no_marker() -> None:
    """Behind a cut there stands a wrapper that could end what the text begins."""
    style = CallStyle("<q>", "</q>", "<r>", "bra>", tool="search")
    tokenizer = build_byte_tokenizer()
    guard = guard_for(tokenizer, (*style.markers, "<zebra>"), lambda text: encode(tokenizer, text))
    changed = 0
    for length in range(1, 40):
        whole = style.write(text := "abc <ze <ze <ze <zest", guard, length)
        assert "<zebra>" not in whole and len(encode(tokenizer, whole)) <= length + len("<r>bra>")
        changed += not text.startswith(whole[len(style.before) : -len(style.after)])
    assert changed


def test_a_cut_keeps_the_longest_beginning_that_fits() -> None:
    tokenizer = build_byte_tokenizer()
    guard = guard_for(tokenizer, (), lambda text: encode(tokenizer, text))
    text = "é" * 50 + "x" * 500
    for most in (1, 2, 3, 99, 100, 101, 599, 600, 601, 10_000):
        kept = guard.cut(text, most)
        assert text.startswith(kept) and len(kept.encode()) <= most
        following = text[: len(kept) + 1]
        assert kept == text or len(following.encode()) > most


def test_characters_that_a_small_tokenizer_lacks_do_not_become_its_end_of_text() -> None:
    tokenizer = build_tokenizer()
    guard = guard_of(tokenizer, style_of("embedded"))
    assert tokenizer.encode("x") == [tokenizer.eos_token_id]
    assert guard.clean("12 apples=3") == "12 ------=3"
    assert guard.clean(ALPHABET) == ALPHABET
    assert guard.clean("{1}[2]") == "(1)(2)"


def test_a_tokenizer_that_writes_nothing_harmless_gets_nothing() -> None:
    def only_control(text: str) -> Sequence[int]:
        return [0] * len(text)

    guard = Guard(Markers(()), only_control, frozenset({0}))
    assert guard.write("abc", 10) == ""


def test_every_control_token_of_a_tokenizer_is_a_marker(tokenizer: Any) -> None:
    guard = guard_of(tokenizer, style_of("search_r1"))
    for token in list_control_tokens(tokenizer):
        cleaned = guard.clean(f"a{token}b")
        assert token not in cleaned and not guard.forbidden & set(encode(tokenizer, cleaned))


def test_plain_words_that_a_tokenizer_was_given_are_no_control_tokens() -> None:
    tokenizer = build_letters()
    tokenizer.add_tokens(["isotope", "two words", "<doc>", "x+y"])
    tokenizer.add_tokens(["stop"], special_tokens=True)
    added = {"<doc>", "x+y", "stop"} & list_control_tokens(tokenizer).keys()
    assert added == {"<doc>", "x+y", "stop"} and "isotope" not in list_control_tokens(tokenizer)
    assert guard_of(tokenizer, style_of("search_r1")).clean("an isotope in two words") == "an isotope in two words"


def test_a_replaced_character_is_part_of_no_marker() -> None:
    """Even where markers hold what is usually put in place of others."""
    markers = Markers(("<a", "‹a", "·a", "?a", "{", "("))
    cleaned = markers.neutralise("<a ‹a ·a ?a { (")
    assert not any(marker in cleaned for marker in markers.texts)


def test_letters_that_look_like_others_by_unicode_count_as_them() -> None:
    assert [fold(letter) for letter in ("Ａ", "Ⓐ", "é", "\u200b", "\n", "ß", "≮")] == [
        "a",
        "a",
        "e",
        "",
        "\n",
        "ss",
        "<",
    ]


@cache
def _disguised() -> list[str]:
    return [
        f"{filler}".join(marker)
        for marker in MARKERS
        for filler in ("\u200b", "\u2062", "\u034f", "\u180e", "\u2064")
    ]


def test_other_unseen_characters_hide_no_marker() -> None:
    markers = Markers(MARKERS)
    for text in _disguised():
        cleaned = seen(markers.neutralise(text))
        assert not any(seen(marker) in cleaned for marker in MARKERS)
