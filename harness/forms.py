"""The forms that answers take: how each is written, and what leads a cut trace to one.
Knows no model and no grader.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from harness.answers import boxed

SENTENCE_ENDS = (". ", ".\n")
FormName = Literal["whole", "boxed", "tagged", "number", "phrase", "conclusion", "letter", "hashes"]


@dataclass(frozen=True)
class Form:
    """An answer is written as lead, gap, what is answered, tail.

    lead: put behind a trace that is cut, so that what follows is an answer in this form. It never ends in a space:
    most tokenizers join a space to the word after it, and one that stands alone is a token that models have rarely
    seen. stop: strings at which an answer that was led to is over. cue: what leads a plain chain of thought to an
    answer that must stand alone; neither is part of it.
    """

    lead: str = ""
    gap: str = ""
    tail: str = ""
    stop: tuple[str, ...] = ()
    cue: str = ""

    def write(self, answer: str) -> str:
        """The answer as a model writes it that was asked for this form."""
        return f"{self.lead}{self.gap}{answer}{self.tail}"

    def is_over(self, text: str) -> bool:
        """Whether `text`, the lead included, holds a whole answer, so that nothing after it counts."""
        if self.tail == "}":
            return boxed(text) is not None
        return any(stop in text[len(self.lead) :] for stop in self.stop)

    def close(self, text: str) -> str:
        """`text`, led to this form and over, with the tail that it was left without: readers look for one."""
        written = text[len(self.lead) :].rstrip()
        ends = SENTENCE_ENDS if self.tail == "." else (self.tail,)
        is_closed = boxed(text) is not None if self.tail == "}" else any(end in f"{written} " for end in ends)
        return text if is_closed or not written else text.rstrip() + self.tail


FORMS: Mapping[FormName, Form] = {
    # The text is the answer and nothing else.
    "whole": Form(cue="Therefore, the final answer is"),
    "boxed": Form("The final answer is \\boxed{", tail="}", stop=("\n\n",)),
    "tagged": Form("<answer>", tail="</answer>", stop=("</answer>",)),
    # To the end of the sentence: what stands behind it would be read in place of the answer.
    "number": Form("The answer is", gap=" ", tail=".", stop=SENTENCE_ENDS),
    "phrase": Form("The final answer is", gap=" ", tail=".", stop=SENTENCE_ENDS),
    # In a sentence of its own, as the worked examples of chain-of-thought prompting end (Wei et al. 2022).
    "conclusion": Form("So the answer is", gap=" ", tail=".", stop=SENTENCE_ENDS),
    "letter": Form("The answer is (", tail=")", stop=(")", "\n")),
    # What GSM8K's own solutions end with.
    "hashes": Form("####", gap=" ", stop=("\n",)),
}
