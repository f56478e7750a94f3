r"""A grammar of the expressions that answers hold: numbers, letters,
+ - \cdot / ^ !, roots, fractions and functions.

It reads a text in the one notation of notation.py into a tree, and works nothing out. What is not in it is not
read.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

# Trees are walked by recursion.
MAX_TOKENS = 300
FUNCTIONS = (
    "sin",
    "cos",
    "tan",
    "cot",
    "sec",
    "csc",
    "arcsin",
    "arccos",
    "arctan",
    "sinh",
    "cosh",
    "tanh",
    "ln",
    "log",
    "lg",
    "exp",
)
_INVERSES = {"sin": "arcsin", "cos": "arccos", "tan": "arctan"}
_GREEK = (
    "alpha|beta|gamma|delta|epsilon|varepsilon|zeta|eta|theta|vartheta|iota|kappa|lambda|mu|nu|xi|rho|sigma|tau|upsilon|"
    "phi|varphi|chi|psi|omega|Gamma|Delta|Theta|Lambda|Xi|Pi|Sigma|Upsilon|Phi|Psi|Omega|ell|hbar"
)
_TOKEN = re.compile(
    r"\s*(?:(?P<number>[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
    rf"|(?P<letter>[A-Za-z]|\\(?:{_GREEK})(?![a-zA-Z])|\\(?:vec|hat|bar|overline|mathbb|mathcal)\s*\{{\s*\w+\s*\}})'*"
    r"|(?P<command>\\(?:[a-zA-Z]+))|(?P<sign>[-+*/^_!|(){}\[\]]))"
)
_OPENED = {"(": ")", "[": "]", "{": "}"}
_SUBSCRIPT = re.compile(r"_(?:\{([A-Za-z0-9+\-, ]{1,20})\}|([A-Za-z0-9]))")


class UnreadError(ValueError):
    """The text is none of the grammar."""


@dataclass(frozen=True)
class Node:
    """op: number, letter, a name of FUNCTIONS, or one of + * / ^ neg root binom ! !! abs floor ceil mixed.

    value: of a number, itself; places: its decimals where it is written with a point. name: of a letter.
    """

    op: str
    args: tuple["Node", ...] = ()
    value: Fraction = Fraction(0)
    places: int | None = None
    name: str = ""


def parse(text: str) -> Node:
    """The whole text as a tree; raises UnreadError."""
    reader = _Reader(_list_tokens(text))
    tree = reader.read_sum()
    if reader.at < len(reader.tokens):
        raise UnreadError(text)
    return tree


def _list_tokens(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    at = 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        if found is None or len(tokens) == MAX_TOKENS:
            raise UnreadError(text)
        kind, token, at = str(found.lastgroup), found.group().strip(), found.end()
        if kind == "letter" and (subscript := _SUBSCRIPT.match(text, at)):
            token, at = f"{token}_{subscript[1] or subscript[2]}", subscript.end()
        tokens.append((kind, token))
    return tokens


class _Reader:
    """Tokens, read from the first to the last by recursive descent."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self.tokens, self.at = tokens, 0
        self.num_bars = 0

    def peek(self, ahead: int = 0) -> str:
        return self.tokens[self.at + ahead][1] if self.at + ahead < len(self.tokens) else ""

    def kind(self) -> str:
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    def take(self, *expected: str) -> str:
        token = self.peek()
        if not token or (expected and token not in expected):
            raise UnreadError(token)
        self.at += 1
        return token

    def read_sum(self) -> Node:
        terms = [self.read_signed(self.read_product)]
        while self.peek() in ("+", "-"):
            terms.append(self.read_signed(self.read_product))
        return terms[0] if len(terms) == 1 else Node("+", tuple(terms))

    def read_signed(self, read: Callable[[], Node]) -> Node:
        num_minus = 0
        while self.peek() in ("+", "-"):
            num_minus += self.take() == "-"
        inner = read()
        for _ in range(num_minus):
            inner = Node("neg", (inner,))
        return inner

    def read_product(self) -> Node:
        product = self.read_power()
        while True:
            if self.peek() in ("\\cdot", "*"):
                self.take()
                product = Node("*", (product, self.read_signed(self.read_power)))
            elif self.peek() == "/":
                self.take()
                product = Node("/", (product, self.read_signed(self.read_power)))
            elif self.starts_factor():
                # Numbers side by side are no product: 60 3.
                if self.kind() == "number":
                    raise UnreadError("a number behind a factor")
                product = Node("*", (product, self.read_power()))
            else:
                return product

    def starts_factor(self) -> bool:
        token = self.peek()
        if self.kind() == "command":
            return (
                token in ("\\frac", "\\sqrt", "\\binom", "\\pi", "\\lfloor", "\\lceil") or token[1:] in FUNCTIONS
            )
        return self.kind() in ("number", "letter") or token in _OPENED or (token == "|" and not self.num_bars)

    def read_power(self) -> Node:
        base = self.read_postfix()
        if self.peek() != "^":
            return base
        self.take("^")
        power = Node("^", (base, self.read_exponent()))
        if self.peek() == "^":
            raise UnreadError("a power of a power without brackets")
        return self.read_factorials(power)

    def read_exponent(self) -> Node:
        """What stands in braces or brackets, or one token."""
        return self.read_signed(self.read_token)

    def read_token(self) -> Node:
        return _read_number(self.take()) if self.kind() == "number" else self.read_atom()

    def read_postfix(self) -> Node:
        return self.read_factorials(self.read_atom())

    def read_factorials(self, node: Node) -> Node:
        while self.peek() == "!":
            self.take()
            is_double = self.peek() == "!"
            if is_double:
                self.take()
            node = Node("!!" if is_double else "!", (node,))
        return node

    def read_digit(self) -> Node:
        r"""What stands in braces, or one character: 1 and 2 of \frac12."""
        kind, token = self.tokens[self.at] if self.at < len(self.tokens) else ("", "")
        if kind != "number" or len(token) == 1:
            return self.read_atom()
        if not token.isdigit():
            raise UnreadError(token)
        self.tokens[self.at] = (kind, token[1:])
        return Node("number", value=Fraction(token[0]))

    def read_atom(self) -> Node:
        kind, token = self.kind(), self.take()
        if kind == "number":
            return self.read_mixed(_read_number(token))
        if kind == "letter":
            return Node("letter", name=token)
        if token in _OPENED:
            inner = self.read_sum()
            if token == "{" and self.peek() == "\\choose":
                self.take()
                inner = Node("binom", (inner, self.read_sum()))
            self.take(_OPENED[token])
            return inner
        if token == "|" and not self.num_bars:
            self.num_bars += 1
            inner = self.read_sum()
            self.take("|")
            self.num_bars -= 1
            return Node("abs", (inner,))
        return self.read_command(token)

    def read_mixed(self, number: Node) -> Node:
        r"""2\frac12 is two and a half; with a fraction of 1 or more it is not read."""
        if self.peek() != "\\frac" or number.places is not None:
            return number
        at, tokens = self.at, list(self.tokens)
        fraction = self.read_atom()
        above, below = fraction.args
        if above.op == below.op == "number":
            if not 0 < above.value < below.value or above.places is not None or below.places is not None:
                raise UnreadError("a mixed number")
            return Node("mixed", (number, fraction))
        self.at, self.tokens = at, tokens
        return number

    def read_command(self, token: str) -> Node:
        name = token.removeprefix("\\")
        if name == "pi":
            return Node("letter", name="\\pi")
        if name in ("frac", "binom"):
            return Node("/" if name == "frac" else name, (self.read_digit(), self.read_digit()))
        if name == "sqrt":
            degree = Node("number", value=Fraction(2))
            if self.peek() == "[":
                degree = self.read_atom()
            return Node("root", (self.read_digit(), degree))
        if name in ("lfloor", "lceil"):
            inner = self.read_sum()
            self.take("\\r" + name[1:])
            return Node(name[1:], (inner,))
        if name not in FUNCTIONS:
            raise UnreadError(token)
        return self.read_function(name)

    def read_function(self, name: str) -> Node:
        power: Node | None = None
        if name == "log" and self.peek() == "_":
            self.take()
            base = self.read_digit()
            return Node("log", (self.read_operand(), base))
        if self.peek() == "^":
            self.take()
            power = self.read_exponent()
            if power == Node("neg", (Node("number", value=Fraction(1)),)):
                name, power = _INVERSES.get(name, ""), None
                if not name:
                    raise UnreadError("an inverse")
        applied = Node(name, (self.read_operand(),))
        return applied if power is None else Node("^", (applied, power))

    def read_operand(self) -> Node:
        r"""What a function is of: a bracket, or all that is multiplied up
        to the next function or sign: \sin 2x.
        """
        if self.peek() in _OPENED:
            operand = self.read_atom()
            # Of \\sin(x)^2 it is not said what is squared.
            if self.peek() in ("^", "!"):
                raise UnreadError("a power behind a function's bracket")
            return operand
        operand = self.read_power()
        while self.starts_factor() and self.kind() != "number" and self.peek()[1:] not in FUNCTIONS:
            if self.peek() in _OPENED:
                raise UnreadError("a bracket behind a function's operand")
            operand = Node("*", (operand, self.read_power()))
        return operand


def _read_number(token: str) -> Node:
    _, point, decimals = token.partition(".")
    return Node("number", value=Fraction(token.rstrip(".") or token), places=len(decimals) if point else None)
