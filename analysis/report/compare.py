"""A comparison as a section of a page: the same tables as the text, and every cell behind a line that unfolds."""

import pandas as pd

from analysis.questions.compare import Comparison
from analysis.report import html
from analysis.report.sections import Section
from analysis.text import setbacks, verdict

SHOWN = ("base", "bin", "budget", "width", "base_accuracy", "new_accuracy", "difference", "low", "high")
TESTS = ("p_value", "p_holm", "p_bh", "detectable")


def title(found: Comparison) -> str:
    """'A against B' or 'A on a ladder of 4'."""
    base = found.rungs[0] if len(found.rungs) == 1 else f"a ladder of {len(found.rungs)}"
    return f"{found.new} against {base}"


def draw(found: Comparison) -> Section:
    """Every table of the comparison with what its columns mean; all cells with their p-values unfold."""
    parts = [html.paragraph(line) for line in verdict.headline(found).splitlines()]
    parts += _table(
        verdict.differences_title(found), verdict.difference_rows(found), verdict.differences_legend(found)
    )
    cells = found.words.rename(found.differences[[*SHOWN, *TESTS]])
    parts.append(html.details(f"All {len(cells)} cells", html.table(cells, caption="Shares, not points.")))
    if not found.sizes.empty:
        parts += _table(verdict.sizes_title(found), verdict.size_rows(found), verdict.sizes_legend(found))
    parts += _table(verdict.needs_title(found), verdict.need_rows(found), verdict.needs_legend(found))
    parts += [html.paragraph(line) for line in setbacks.lost_cells(found).splitlines()]
    parts += _prompts(found)
    parts.append(html.paragraph(setbacks.power(found)))
    parts.append(html.bullets(list(found.notes)))
    return Section("compare", title(found), "\n".join(parts))


def _table(caption: str, rows: list[list[str]], legend: str) -> list[str]:
    # Headings repeat ("never"), which columns of a frame may.
    frame = pd.DataFrame(rows[1:], columns=rows[0])
    return [html.table(frame, caption=caption), *(html.paragraph(line) for line in legend.splitlines())]


def _prompts(found: Comparison) -> list[str]:
    rows = setbacks.lost_prompt_rows(found)
    if len(rows) == 1:
        return [html.paragraph(setbacks.lost_prompts(found))]
    return _table(setbacks.lost_prompts_title(found), rows, setbacks.lost_prompts_legend(found))
