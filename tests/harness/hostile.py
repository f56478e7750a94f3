"""Answers that no reader should choke on, by family. Those of `code` would write the file they are given."""

from pathlib import Path

WRAPPERS = (r"\boxed{{{}}}", "<answer>{}</answer>", "The final answer is {}.")
LONG = 1_000_000


def write_families(canary: Path) -> dict[str, list[str]]:
    """Family -> answers; `canary` is the file that appears if one of them is executed."""
    code = list_code(str(canary))
    return {
        "code": code,
        "numbers": NUMBERS,
        # In the ways that answers are marked, so that what is inside reaches what reads answers.
        "marked": [wrapper.format(text) for text in (*code, *NUMBERS, *FORMATS) for wrapper in WRAPPERS],
        "latex": LATEX,
        "formats": FORMATS,
        "sizes": SIZES,
        "nesting": NESTING,
        "searches": SEARCHES,
        "unicode": UNICODE,
        "control": CONTROL,
        "markup": [
            *MARKUP,
            f"!!python/object/apply:os.system ['touch {canary}']",
            f"cos\nsystem\n(S'touch {canary}'\ntR.",
        ],
    }


def list_code(canary: str) -> list[str]:
    write = f"open('{canary}', 'w')"
    return [
        write,
        f"[{write}.write('x')]",
        f"__import__('os').system('touch {canary}')",
        f"__import__('subprocess').run(['touch', '{canary}'])",
        f"__import__('pathlib').Path('{canary}').touch()",
        f'exec("{write}")',
        f'eval("{write}")',
        f'sympify("{write}")',
        f'S("{write}")',
        f'parse_expr("{write}")',
        f'lambdify(x, "{write}")(1)',
        f"preview(x, output='png', viewer='file', filename='{canary}')",
        f"[c for c in ().__class__.__base__.__subclasses__() if c.__name__ == 'Popen'][0](['touch', '{canary}'])",
        f"(lambda f: f('{canary}', 'w'))(open)",
        f"[f('{canary}', 'w') for f in [open]]",
        f"getattr(__builtins__, 'op' + 'en')('{canary}', 'w')",
        f"Random.__init__.__globals__['_os'].system('touch {canary}')",
        f"dataclass.__globals__['sys'].modules['os'].system('touch {canary}')",
        "__import__('socket').create_connection(('127.0.0.1', 9))",
        "__import__('os')._exit(0)",
        "__import__('os').fork()",
        "__import__('ctypes').string_at(0)",
        "exit()",
        "input()",
        "breakpoint()",
        "entry.update(answer='x')",
        "[entry['answer']]",
        "oracle_answer",
        "[*entry['answer']]",
        "globals().clear()",
        "setattr(self, 'score_answer', None)",
        "print('loud' * 10**6)",
        "(lambda f: f(f))(lambda f: f(f))",
        "[x for x in iter(int, 1)]",
    ]


NUMBERS = [
    *(
        "9**9**9",
        "9^9^9^9",
        "9^{9^{9^9}}",
        "2**2**2**2**2**2",
        "10**10**10",
        "(9!)!!!",
        "99999999!",
        "-9**9**9**9",
    ),
    *("1e999999999", "1e-999999999", "1E+400", "0x" + "f" * 400, "0b1", "1_000", "1j", "0" * 400, "1" * 400),
    *("inf", "-inf", "nan", "NaN", "Infinity", "1/0", "0/0", "0**0", "0**-1", "1//0", "1%0", "1<<10**10", "1<2<3"),
    *("1/" * 100 + "1", "0." + "3" * 400, "1" * 200 + "/" + "3" * 200, "-" * 100 + "1", "+" * 100 + "1"),
    *("factorial(10**8)", "binomial(10**9, 5*10**8)", "prime(10**12)", "fibonacci(10**10)", "factorint(10**90+7)"),
    *(
        "Sum(n, (n, 1, 10**9)).doit()",
        "integrate(exp(exp(exp(x))), x)",
        "(x+y+z+a+b)**500",
        "expand((x+y+z)**500)",
    ),
    *(
        "[0]*10**12",
        "'a'*10**12",
        "bytearray(10**12)",
        "list(range(10**12))",
        "sum(range(10**12))",
        "1 if 1 else 2",
    ),
]
LATEX = [
    *(
        r"\sum_{n=1}^{10^{9}} n^n",
        r"\prod_{n=1}^{10^9} n",
        r"\int_0^1 e^{e^{e^x}} dx",
        r"\lim_{x \to 0} x^{x^{x^x}}",
    ),
    *(
        r"\binom{10^9}{10^8}",
        r"\log_{0} 0",
        r"\frac{1}{0}",
        r"\sqrt[0]{5}",
        r"\det" + r"\begin{pmatrix}1&2\end{pmatrix}",
    ),
    *(
        r"\def\a{\a\a}\a",
        r"\loop\iftrue\repeat",
        r"\input{/etc/passwd}",
        r"\immediate\write18{touch x}",
        r"\csname a",
    ),
    *(
        "1" + r" \pm 1" * 25,
        r"\frac" * 60,
        r"\sin" * 60 + "x",
        r"\frac12" * 40,
        r"\%" * 60,
        r"\{" * 60,
        "1" + r" \cup 1" * 50,
    ),
    *(
        r"\begin{pmatrix}" + "1&" * 90 + r"1\end{pmatrix}",
        r"\begin{matrix}" * 20,
        "x_{" * 60,
        "2^{" * 60 + "2" + "}" * 60,
    ),
]
FORMATS = [
    "%s%s%s%n",
    "{0.__class__}",
    "{answer}",
    "${jndi:ldap://x}",
    "%(name)s",
    "{0:>1000000000}",
    "{!r:{}}",
    "{{}}",
]
SIZES = [text * (LONG // len(text)) for text in ("1", " ", "(")]
SIZES += [text * (LONG // 20) for text in ("a", "1,", "\n", "+1", "-", "%", "1.1.", "\u00e9", "/2")]
BRACKETS = [
    *(
        ("(", "1", ")"),
        ("[", "", "]"),
        ("{", "1", "}"),
        ("-(", "1", ")"),
        ("(", "", ""),
        ("1+(", "1", ")"),
        ("~", "1", ""),
    ),
    *(
        (r"\frac{", "1", "}{2}"),
        (r"\sqrt{", "x", "}"),
        (r"\boxed{", "1", "}"),
        (r"\boxed{", "", ""),
        ("f(", "x", ")"),
    ),
    *((r"\left(", "1", r"\right)"), ("<answer>", "1", "</answer>"), ("x^", "x", ""), ("lambda: ", "1", "")),
]
NESTING = [a * depth + middle + z * depth for depth in (30, 400, 20_000) for a, middle, z in BRACKETS]
SEARCHES = [
    *(
        "final answer is " * 20_000,
        "answer: " * 20_000,
        "(A)" * 20_000,
        "$" * 20_000,
        "$1" * 20_000,
        "\\" * 20_000,
    ),
    *(
        "answer" + " " * 20_000,
        "final answer" + "-" * 20_000,
        r"\boxed" + " " * 20_000,
        r"\boxed " * 20_000,
        "** " * 20_000,
    ),
    *(
        "a" * 50 + "!",
        "1,111" * 20_000,
        "\n" * 20_000 + "A",
        "<answer>" * 20_000,
        "</answer>" * 20_000,
        "\\(" * 20_000,
    ),
    *(
        "((a+)+)+$",
        "(?R)" * 20,
        "1 " * 20_000,
        "... " * 20_000,
        "answer is (" * 20_000,
        "{}" * 20_000,
        "-." * 20_000,
    ),
]
UNICODE = [
    *(
        "\u0663\u0664",
        "\uff11\uff0b\uff12",
        "x\u00b2",
        "\u00bd",
        "\u2167",
        "\u221e",
        "\U0001f600",
        "\u202e12\u202c",
    ),
    *(
        "1\u200d2",
        "1\u0301" * 500,
        "\ufeff1",
        "\U0001d7cf\U0001d7d0",
        "1\u00a0000",
        "\u22125",
        "\u0663/\u0664",
        "\u20281",
    ),
    *("\u0430+b", "1\u20442", "\u2460", "\u96f6", "\ufdfa" * 200, "\u0d4d" * 300),
]
CONTROL = [
    *("\0", "1\0", "\x1b[31m1\x1b[0m", "\x07" * 100, "\r\n1\r", "\x7f", "\ud800", "\udfff1", "1\ud83d", "\uffff"),
    *("".join(map(chr, range(32))), "\x0c1\x0b", "1\x001", "\x85", "\x1a", "\ue000"),
]
MARKUP = [
    *(
        "<script>alert(1)</script>",
        "&lol9;",
        "<answer><answer></answer>",
        "'; DROP TABLE grades; --",
        "</answer><answer>",
    ),
    *(
        "=cmd|' /C calc'!A0",
        "![x](file:///etc/passwd)",
        "<!--",
        "]]>",
        "<![CDATA[1]]>",
        "<answer></answer>",
        "{{7*7}}",
    ),
    '<!DOCTYPE x [<!ENTITY a "lol">'
    + "".join(f'<!ENTITY a{n} "{"&a;" * 10}">' for n in range(9))
    + "]><x>&a8;</x>",
    '{"a": ' * 500,
]
