"""Answers that reasoning-gym's own scorers take for right and that are not,
by generator, as found in their code.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

Entry = Mapping[str, Any]


def add_up(entry: Entry) -> str:
    """An algebraic zero that holds the numbers, and as many ones as the target."""
    numbers = "+".join(map(str, entry["metadata"]["numbers"]))
    return f"({numbers})*S.Zero" + "+S.One" * entry["metadata"]["target"]


def leave(entry: Entry) -> str:
    return f"Integral({entry['metadata']['integrand']}, {entry['metadata']['variable']})"


def quote_first(entry: Entry) -> str:
    """A JSON object whose numbers are texts."""
    gold = json.loads(entry["answer"])
    return json.dumps({key: str(value) if type(value) is int else value for key, value in gold.items()})


def raise_all(entry: Entry) -> str:
    return json.dumps([str(float(number) + 0.9) for number in entry["metadata"]["sorted_numbers"]])


def hedge_roles(entry: Entry) -> str:
    """Both roles for whoever comes last."""
    terms = entry["metadata"]["knight_knave_terms"]
    return f"{entry['answer']} {terms['knight']} {terms['knave']}"


def has_rows(entry: Entry) -> bool:
    return "\n" in entry["answer"]


def has_counts(entry: Entry) -> bool:
    gold = json.loads(entry["answer"]) if entry["answer"].startswith("{") else {}
    return any(type(value) is int for value in gold.values())


def behind(text: str) -> Callable[[Entry], str]:
    return lambda entry: f"{entry['answer']}{text}"


def choose_another(entry: Entry) -> str:
    """The candidate that is farthest from the right one."""
    solution = entry["metadata"]["solution"]
    return str(max(entry["metadata"]["candidates"], key=lambda number: abs(number - solution)))


class Bought(NamedTuple):
    """A generator with its parameters, the answer made of an entry, and the entries that it buys full marks on."""

    name: str
    write: Callable[[Entry], str]
    params: Mapping[str, Any] = {}
    holds: Callable[[Entry], bool] = lambda entry: True
    # What an entry is given that the generator seldom makes.
    changes: Mapping[str, Any] = {}


INDIC = dict(zip(range(48, 58), "\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669", strict=True))
LINEAR = {"problem_types": ("linear",), "problem_type_weights": (1.0,)}
TENTHS = {"min_num_decimal_places": 1, "max_num_decimal_places": 1}
BOUGHT = [
    Bought("countdown", add_up),
    Bought("puzzle24", lambda entry: "1*1*4*6"),
    Bought("polynomial_multiplication", lambda entry: f"expand({entry['metadata']['polynomial_expr']})"),
    Bought("simple_integration", leave),
    Bought("intermediate_integration", leave, LINEAR),
    Bought("complex_arithmetic", lambda entry: "nan"),
    Bought("coin_flip", lambda entry: entry["answer"][:3], holds=lambda entry: len(entry["answer"]) > 6),
    Bought("coin_flip", lambda entry: "0", holds=lambda entry: float(entry["answer"]) < 1),
    Bought("word_sorting", behind(", junk")),
    Bought("letter_jumble", behind(" or not"), {"min_words": 4, "max_words": 4}),
    Bought("figlet_font", behind(" or not"), {"static_word": "transparent"}),
    Bought("spell_backward", behind(" or not"), holds=lambda entry: len(entry["answer"]) == 9),
    Bought("number_sorting", lambda entry: json.dumps(["nan"] * len(entry["metadata"]["sorted_numbers"]))),
    Bought("number_sorting", raise_all),
    Bought("fraction_simplification", behind(r" or \frac{1}{2}"), {"styles": ["latex_frac"]}),
    Bought("gsm_symbolic", behind(" or 77")),
    Bought("gsm_symbolic", lambda entry: f"-{entry['answer']}", holds=lambda entry: float(entry["answer"]) > 0),
    Bought("advanced_geometry", behind(", 77"), {"task_types": ["orthocenter"]}),
    Bought("time_intervals", behind(" or 77 days"), {"task_types": ["date"]}),
    Bought(
        "calendar_arithmetic", lambda entry: "17", {"tasks": ["recurring_event_day"]}, changes={"answer": "-1"}
    ),
    Bought("game_of_life", lambda entry: f"{entry['answer'][:-1]},[1,1]]"),
    Bought("pool_matrix", lambda entry: entry["answer"].replace("\n", " # or 7\n"), holds=has_rows),
    Bought("polynomial_equations", lambda entry: "I do not know", changes={"answer": ""}),
    Bought("chain_sum", lambda entry: entry["answer"].translate(INDIC)),
    Bought("chain_sum", lambda entry: "_".join(entry["answer"]), holds=lambda entry: len(entry["answer"]) == 3),
    Bought("cryptarithm", lambda entry: f"{entry['answer'][0]}=0,{entry['answer']}"),
    Bought("kakurasu", lambda entry: entry["answer"].replace(" ", " or ")),
    Bought("survo", lambda entry: entry["answer"].replace(" ", " or ")),
    Bought("quantum_lock", lambda entry: f"I go: {entry['answer']}"),
    Bought("knights_knaves", lambda entry: f"not {entry['answer']}"),
    Bought("knights_knaves", hedge_roles),
    Bought("knights_knaves", lambda entry: f"{entry['answer']} {entry['answer']}"),
    *(
        Bought(name, lambda entry: ",".join(entry["answer"]), holds=lambda entry: len(entry["answer"]) > 2)
        for name in ("chain_sum", "products", "number_format")
    ),
    Bought("number_format", choose_another, {"max_delta": 1e-3, "min_num_candidates": 3}),
    Bought("decimal_arithmetic", lambda entry: "0", TENTHS, changes={"answer": "0.07"}),
    Bought("decimal_arithmetic", lambda entry: "7.1", TENTHS, changes={"answer": "7.07"}),
    Bought("codeio", quote_first, holds=has_counts),
]
