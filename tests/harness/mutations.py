"""Answers that are gold ones made otherwise, each with whether it is still right. Knows no grader."""

from collections.abc import Callable, Mapping
from typing import NamedTuple


class Mutation(NamedTuple):
    """How a gold answer is written anew, and whether what comes out is right; None where it does not apply."""

    write: Callable[[str], str | None]
    is_right: bool


def box(answer: str) -> str:
    return f"so the answer is $\\boxed{{{answer}}}$."


def whole(answer: str, write: Callable[[int], str]) -> str | None:
    plain = answer.replace(",", "")
    return write(int(plain)) if plain.lstrip("-").isdigit() else None


# Of GSM8K's answers, which are whole numbers.
NUMBERS: Mapping[str, Mutation] = {
    "plain": Mutation(lambda gold: f"The answer is {gold}.", True),
    "one more": Mutation(lambda gold: whole(gold, lambda n: f"The answer is {n + 1}."), False),
    "times ten": Mutation(lambda gold: whole(gold, lambda n: f"The answer is {n * 10 + 3}."), False),
    "negated": Mutation(lambda gold: whole(gold, lambda n: f"The answer is {-n - 1}."), False),
    "dollars": Mutation(lambda gold: f"The answer is ${gold}.", True),
    "unit": Mutation(lambda gold: f"The answer is {gold} apples", True),
    "thousands separators": Mutation(lambda gold: whole(gold, lambda n: f"The answer is {n:,}."), True),
    "point zero zero": Mutation(lambda gold: f"The answer is {gold}.00", True),
    "bold": Mutation(lambda gold: f"**{gold}**", True),
    "trailing text": Mutation(lambda gold: f"The answer is {gold}. I hope this helps!", True),
    "trailing number": Mutation(lambda gold: f"The answer is {gold}. I am 95% sure of it.", True),
    "boxed": Mutation(lambda gold: f"She has $\\boxed{{{gold}}}$.", True),
    "boxed, then a number": Mutation(lambda gold: f"She has \\(\\boxed{{{gold}}}\\) in 4 weeks.", True),
    "boxed another": Mutation(lambda gold: f"She has {gold}, and so $\\boxed{{999983}}$.", False),
    "goes on to another question": Mutation(
        lambda gold: f"The answer is {gold}.\n\nQ: What is 7777777 + 1?\nA: 9", True
    ),
}
# Of MATH-500's answers, which are LaTeX.
LATEX: Mapping[str, Mutation] = {
    "boxed": Mutation(box, True),
    "boxed, spaces": Mutation(lambda gold: box(f" {gold} "), True),
    "boxed after another box": Mutation(lambda gold: f"First $\\boxed{{999983}}$; {box(gold)}", True),
    "boxed before another box": Mutation(lambda gold: f"{box(gold)} No: {box('999983')}", False),
    "dfrac": Mutation(lambda gold: box(gold.replace("\\frac", "\\dfrac")) if "\\frac" in gold else None, True),
    "left and right": Mutation(
        lambda gold: (
            box(gold.replace("(", "\\left(").replace(")", "\\right)"))
            if "(" in gold and "\\left" not in gold
            else None
        ),
        True,
    ),
    "one more": Mutation(lambda gold: whole(gold, lambda n: box(str(n + 1))), False),
    "plus one": Mutation(lambda gold: box(f"{gold} + 1") if gold.replace("\\", "").isalnum() else None, False),
    "decimal point": Mutation(lambda gold: whole(gold, lambda n: box(f"{n}.0")), True),
    "as a fraction": Mutation(lambda gold: whole(gold, lambda n: box(f"\\frac{{{2 * n}}}{{2}}")), True),
    "x =": Mutation(lambda gold: whole(gold, lambda n: box(f"x = {n}")), True),
    "unit": Mutation(lambda gold: whole(gold, lambda n: box(f"{n} \\text{{ cm}}")), True),
    "not boxed": Mutation(lambda gold: f"The answer is {gold}", False),
}


def mutate(golds: list[str], mutations: Mapping[str, Mutation], size: int) -> list[tuple[int, str, str, bool]]:
    """`size` of (position of the gold, mutation, text, whether right): the mutations in turn over the golds."""
    mutated, names = [], list(mutations)
    for turn in range(len(golds) * len(names)):
        position, name = turn % len(golds), names[(turn + turn // len(golds)) % len(names)]
        text = mutations[name].write(golds[position])
        if text is not None:
            mutated.append((position, name, text, mutations[name].is_right))
        if len(mutated) == size:
            break
    return mutated
