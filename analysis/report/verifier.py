"""What the verifier is worth that chose among the samples, as a section of the report."""

from analysis.questions import ceilings, verifier
from analysis.reading.reading import Reading
from analysis.report import html
from analysis.report.sections import Section
from analysis.text import verifier as words


def section(reading: Reading) -> Section:
    """How it tells right from wrong, and what choosing by its scores yields.
    reading: by a rule that reads scores.
    """
    found = verifier.frame(reading)
    quality, yields = words.quality(found), words.yields(found)
    body = html.paragraph(words.intro(reading))
    tables = [
        (quality, "How the verifier tells right answers from wrong ones", words.ABOUT_QUALITY),
        (yields, "What choosing by its scores yields", words.about_yields(reading)),
    ]
    if len(reading.outcomes.prompt_ids) > 1:
        filtered = words.filtering(ceilings.frame(reading))
        tables.append((filtered, "How far its error rates let a filter come", words.ABOUT_CEILINGS))
    for frame, caption, about in tables:
        body += html.table(frame, caption=caption, right=list(frame.columns[2:])) + html.paragraph(
            about, kind="note"
        )
    return Section("verifier", "What is the verifier worth?", body)
