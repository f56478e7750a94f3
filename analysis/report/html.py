"""Text, frames, figures and data as HTML in which nothing that a model wrote can run. Knows no run."""

import html
import json
import math
import re
from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd

# Controls that turn text around, hide it or end a line of a script.
UNSEEN = re.compile(
    "[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]"
)
# Cells of a table that are longer than this go over several lines.
WRAP_CHARS = 60
# Markup that a figure's words may hold: line breaks, and plotly's empty box beside a hover text.
FIGURE_MARKUP = {"&lt;br&gt;": "<br>", "&lt;extra&gt;&lt;/extra&gt;": "<extra></extra>"}


def escape(text: object) -> str:
    """Text as it stands, safe in elements and quoted attributes; unseen controls by name, as in ‹U+202E›."""
    return UNSEEN.sub(lambda found: f"‹U+{ord(found[0]):04X}›", html.escape(str(text), quote=True))


def paragraph(text: str, *, kind: str | None = None) -> str:
    """Plain text as a paragraph, of a CSS class where given."""
    return f"<p{_kind(kind)}>{escape(text)}</p>"


def bullets(texts: list[str]) -> str:
    """Plain texts as a list; nothing where there are none."""
    return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in texts)}</ul>" if texts else ""


def table(
    frame: pd.DataFrame, *, caption: str, headers: Mapping[str, str] | None = None, right: Collection[str] = ()
) -> str:
    """A frame as a table whose first column heads its rows; numbers stand right, NaN is a dash and inf is never.

    headers: words for columns whose names are not words; right: columns of words that stand right as numbers do.
    On narrow screens the table scrolls within itself.
    """
    words = [str((headers or {}).get(name, name)) for name in frame.columns]
    kinds = ["number" if name in right or _is_number(frame[name]) else None for name in frame.columns]
    head = "".join(
        f'<th scope="col"{_kind(kind)}>{escape(word)}</th>' for word, kind in zip(words, kinds, strict=True)
    )
    rows = "".join(_row(row, kinds) for row in frame.itertuples(index=False, name=None))
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(caption)}"><table>'
        f"<caption><span>{escape(caption)}</span></caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def details(summary: str, body: str) -> str:
    """HTML behind a line that unfolds it."""
    return f"<details><summary>{escape(summary)}</summary>{body}</details>"


def figure(spec: Mapping[str, Any], *, alt: str, caption: str = "") -> str:
    """A plotly figure, {"data": [...], "layout": {...}} of plain values, drawn in the page's own colours and type.

    alt: what the figure shows, for those who do not see it. Strings are escaped but for <br>.
    """
    words = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return (
        f'<figure class="plot"><div class="canvas" role="img" aria-label="{escape(alt)}"></div>'
        f'<script type="application/json">{encode(_without_markup(spec))}</script>{words}</figure>'
    )


def embed(value: object, *, name: str) -> str:
    """Data for the page's scripts, in an element of that id; it is never parsed as markup."""
    return f'<script type="application/json" id="{escape(name)}">{encode(value)}</script>'


def encode(value: object) -> str:
    """JSON that cannot end its element or open a comment: markup and unseen controls are written as escapes.

    NaN is null and inf the string "never": JSON has neither. Floats keep all their digits.
    """
    text = json.dumps(_plain(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    text = re.sub("[<>&]", _escape_json, text)
    return UNSEEN.sub(_escape_json, text)


def number(value: float, *, digits: int = 3) -> str:
    """A number to `digits` digits with thousands apart; '–' for NaN, 'never' for inf."""
    if isinstance(value, int):
        return f"{value:,}"
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "never"
    return (
        f"{value:,.0f}"
        if 100 <= abs(value) < 1e6 or value == int(value) and abs(value) < 1e6
        else f"{value:.{digits}g}"
    )


def _row(values: tuple[Any, ...], kinds: list[str | None]) -> str:
    cells = [number(value) if _is_plain_number(value) else escape(value) for value in values]
    kinds = ["words" if len(cell) > WRAP_CHARS else kind for cell, kind in zip(cells, kinds, strict=True)]
    rest = "".join(f"<td{_kind(kind)}>{cell}</td>" for cell, kind in zip(cells[1:], kinds[1:], strict=True))
    return f'<tr><th scope="row">{cells[0]}</th>{rest}</tr>'


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _is_plain_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _kind(name: str | None) -> str:
    return f' class="{name}"' if name else ""


def _escape_json(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def _plain(value: Any) -> Any:
    """Arrays and numpy scalars as lists and numbers, NaN as None, inf as "never"."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else "never"
    return value


def _without_markup(value: Any) -> Any:
    if isinstance(value, str):
        text = html.escape(value, quote=False)
        for escaped, markup in FIGURE_MARKUP.items():
            text = text.replace(escaped, markup)
        return text
    if isinstance(value, Mapping):
        return {key: _without_markup(item) for key, item in value.items()}
    if hasattr(value, "tolist"):
        return _without_markup(value.tolist())
    return [_without_markup(item) for item in value] if isinstance(value, list | tuple) else value
