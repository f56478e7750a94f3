"""Sections -> one HTML file that opens from disk: its style,
its scripts and plotly lie within it, and nothing else.
"""

import base64
import hashlib
from collections.abc import Sequence
from importlib import resources
from string import Template

from analysis.report import html
from analysis.report.sections import Section

SCRIPTS = ("dom.js", "plots.js", "curves.js", "rates.js", "explorer.js", "page.js")


def render(sections: Sequence[Section], *, title: str, lead: str, subtitle: str = "") -> str:
    """The whole page as text, equal for equal sections.

    title, lead (the finding, in a sentence) and subtitle are plain text. The page's own policy lets no script run
    but those that it was built with, and nothing be fetched.
    """
    from plotly.offline import get_plotlyjs

    plotly, script = get_plotlyjs(), "\n".join(_part(name) for name in SCRIPTS)
    parts = {
        "title": html.escape(title),
        "lead": html.escape(lead),
        "subtitle": html.escape(subtitle),
        "policy": f"default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; {_only(plotly, script)}",
        "links": "".join(f'<a href="#{part.anchor}">{html.escape(part.title)}</a>' for part in sections),
        "sections": "\n".join(map(_section, sections)),
        "style": _part("page.css"),
        "plotly": plotly,
        "script": script,
    }
    return Template(_part("template.html")).substitute(parts)


def _section(part: Section) -> str:
    anchor = html.escape(part.anchor)
    return (
        f'<section id="{anchor}" aria-labelledby="{anchor}-title">'
        f'<h2 id="{anchor}-title">{html.escape(part.title)}</h2>\n{part.body}</section>'
    )


def _only(*scripts: str) -> str:
    """The policy that lets these inline scripts run and no other."""
    digests = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    return "script-src " + " ".join(f"'sha256-{digest}'" for digest in digests)


def _part(name: str) -> str:
    return resources.files("analysis.report").joinpath(name).read_text(encoding="utf-8")
