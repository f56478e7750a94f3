"""Whether search against a verifier beats samples of the same compute, as a section of the report."""

from collections.abc import Sequence

from analysis.questions.search import Asked
from analysis.report import html
from analysis.report.sections import Section
from analysis.text import search as words


def section(asked: Sequence[Asked]) -> Section:
    """What each verifier's searches are worth beside samples."""
    body = ""
    for reading, searches, found, notes in asked:
        body += html.bullets([*words.intro(reading, searches).splitlines(), *notes])
        settings = words.setting_rows(found.settings)
        body += html.table(
            settings, caption="Each search beside samples of its cost", right=list(settings.columns[2:])
        )
        about = words.ABOUT_SETTINGS.format(unit=reading.cost.unit, label=reading.cost.label)
        body += html.paragraph(about, kind="note")
        if len(found.levels):
            levels = words.level_rows(found.levels)
            caption = "The best search and the best samples of the same compute"
            body += html.table(levels, caption=caption, right=list(levels.columns[2:-1]))
            body += html.paragraph(words.ABOUT_LEVELS, kind="note")
            body += "".join(map(html.paragraph, words.verdicts(found.levels)))
    return Section("search", "Does search beat samples?", body)
