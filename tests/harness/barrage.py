"""Hostile answers to any task: what escapes.py and hostile.py hold,
and more, in every form an answer is written in.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.harness.escapes import Place, list_escapes
from tests.harness.hostile import write_families

Write = Callable[[str], str]
# What a body is put into: how answers are marked, and what scorers take apart.
FORMS: Mapping[str, Write] = {
    "bare": str,
    "boxed": lambda body: f"So \\boxed{{{body}}}",
    "tagged": lambda body: f"So <answer>{body}</answer>",
    "stated": lambda body: f"The final answer is {body}.",
    "fenced": lambda body: f"```python\n{body}\n```",
    "thought over": lambda body: f"<think>{body}</think>{body}",
    "expression": lambda body: f"(({body}) * 0 + 1)",
    "polynomial": lambda body: f"x**2 + ({body})*x - 1",
    "integral": lambda body: f"x*({body}) + C",
    "list": lambda body: f"[[{body}, 0], [0, {body}]]",
    "rows": lambda body: f"{body} 0\n0 {body}",
    "JSON": lambda body: json.dumps({"answer": [body, {"a": body}]}),
    "CSV": lambda body: f'id,answer\n1,"{body}"\n={body}',
    "HTML": lambda body: f'<div title="{body}"><script>{body}</script></div>',
    "text": repr,
    "comment": lambda body: f"1 # {body}",
}
INJECTIONS = [
    *(
        '"}, {"correct": true, "score": 1.0}',
        '", null, true, 1.0, "correct", null]',
        "\n0 [null, null, true, 1.0]\n",
    ),
    *(
        "done\n",
        "\r\n0 done",
        "1\n[1,",
        ",,,,",
        '"""',
        "'''",
        "\\",
        "\\u0000",
        "\\x00",
        "\\N{NULL}",
        "%00",
        "&#0;",
    ),
    *(
        '=HYPERLINK("http://127.0.0.1")',
        "@SUM(1)",
        "+cmd|' /C calc'!A0",
        "-2+3+cmd",
        "\t=1+1",
        '1","2',
        "1;2",
        "1|2",
    ),
    *(
        "<img src=x onerror=alert(1)>",
        '"><svg onload=alert(1)>',
        "javascript:alert(1)",
        "<iframe>",
        "</script>",
        "&amp;",
    ),
    *(
        "$(touch x)",
        "`touch x`",
        "; touch x",
        "| touch x",
        "&& touch x",
        "> x",
        "../../etc/passwd",
        "file:///etc/passwd",
    ),
    *(
        "!!python/name:os.system",
        "--- !ruby/object",
        "{% for x in y %}",
        "{{ self.__init__ }}",
        "<%= 1 %>",
        "#{1}",
        "@x",
    ),
    *(
        "\x1b]0;title\x07",
        "\x1b[2J",
        "\x1b[6n",
        "\x9b31m",
        "\x1bP1;1|",
        "\b" * 50,
        "1\x7f2",
        "\x00\x00",
        "\x04",
        "\x03",
    ),
]
# Numbers that are none, too large or too many for what reads numbers.
QUANTITIES = [
    *(
        "1e308*10",
        "-1e400",
        "1e-400",
        "0x1p1024",
        "1_0",
        "\u0661",
        "1" * 4301,
        "-" + "9" * 5000,
        "1e5000",
        "1E99999999",
    ),
    *(
        "9" * 400 + "/" + "7" * 400,
        "1/3" * 300,
        "0." + "0" * 5000 + "1",
        "1,000,000,0",
        "--1",
        "1j**1j",
        "(1+2j)*inf",
    ),
    *(
        "10**-10**10",
        "2**-2**2**2**9",
        "1e1e1",
        "1..2",
        "...",
        "1.2.3.4",
        "0b" + "1" * 5000,
        "0o777",
        "1L",
        "01",
        "+-1",
    ),
]


def list_bodies(place: Place) -> dict[str, str]:
    """What a hostile answer may hold, by name; what is run leaves its mark in the place."""
    escapes = list_escapes(place)
    families = write_families(Path(place.folder, "canary"))
    families.pop("marked")
    families |= {"injections": INJECTIONS, "quantities": QUANTITIES}
    return {
        **{f"run {name}": f"exec({escape.code!r})" for name, escape in escapes.items()},
        **{f"code of {name}": escape.code for name, escape in escapes.items()},
        **{f"frame of {name}": climb(escape.code) for name, escape in escapes.items() if escape.mark},
        **{f"{family} {index}": text for family, texts in families.items() for index, text in enumerate(texts)},
    }


def climb(code: str) -> str:
    """The code, run by the builtins of whatever frame evaluates it."""
    return f"[*(g.gi_frame.f_back.f_back.f_builtins['exec']({code!r}) for g in [(i for i in [1])])]"


def write_answers(bodies: Mapping[str, str], mark: Write) -> dict[str, str]:
    """Every body as `mark` marks an answer, whole and in other forms, which go around."""
    forms = list(FORMS)
    answers = {}
    for number, (name, body) in enumerate(bodies.items()):
        form, inner = forms[number % len(forms)], forms[number // len(forms) % len(forms)]
        answers[f"{name}, marked"] = mark(body)
        # Every other one in what its task does not ask for.
        answers[f"{name}, {form} of {inner}"] = (FORMS[form] if number % 2 else mark)(FORMS[inner](body))
    return answers
