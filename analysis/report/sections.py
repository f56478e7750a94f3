"""A part of a report: what page.render puts under one heading."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it.

    anchor: its place in the page's address, lower-case letters and hyphens. title: plain text, escaped by the
    page. body: HTML that is safe to show, built with `analysis.report.html`, whose functions escape whatever a
    model wrote.
    """

    anchor: str
    title: str
    body: str
