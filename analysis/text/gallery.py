"""The gallery of docs: figures, a picture of the report and the words of a comparison,
as markdown. Knows no run.
"""

from collections.abc import Mapping

BEGIN = "<!-- gallery: written by `isoquant gallery` -->"
END = "<!-- end of gallery -->"
FIGURES = {
    "isoquants": "Isoquants: the model sizes and inference compute that give one accuracy, by difficulty.",
    "frontier": "Frontiers: what each model reaches at its best, and which model is the best at each compute.",
    "break_even": "When to train the larger model, and when to sample the smaller one more often.",
}
REPORT = "The report of the same run (`isoquant report`), one file that opens from disk."


def section(pictures: Mapping[str, str], *, command: str, comparison: str) -> str:
    """Pictures with their captions, path -> caption, and the comparison as it is printed, between the marks."""
    shown = "\n\n".join(f"![{caption}]({path})\n\n*{caption}*" for path, caption in pictures.items())
    words = f"```sh\n{command}\n```\n\n```text\n{comparison}\n```"
    return f"{BEGIN}\n\n{shown}\n\n## A model against a ladder\n\n{words}\n\n{END}"


def replace(page: str, text: str) -> str:
    """The page with the section in place of the one between the marks. Raises ValueError where there are none."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"The page needs the marks {BEGIN} and {END}, between which the gallery goes.")
    return before + text + after
