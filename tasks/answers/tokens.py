r"""From LaTeX, or plain typing, to tokens. One pass of one regular expression; texts over MAX_TEXT are refused.

Spacing, sizes of brackets and mathematics' dollar signs go; Unicode's signs become LaTeX's; words are told from
products of letters by a list of functions, units and by their length.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from tasks.answers.units import is_unit

MAX_TEXT = 1000
"""Longest answer, in characters, that is parsed."""


class Unreadable(Exception):
    """A text that is not mathematics as this package knows it: why."""


class Kind(StrEnum):
    """What a token is."""

    NUMBER = "number"
    SYMBOL = "symbol"
    COMMAND = "command"  # without its backslash
    MARK = "mark"
    TEXT = "text"  # words: the inside of \text{}, or a unit
    SEPARATOR = "separator"  # , ; and or


@dataclass(frozen=True, slots=True)
class Token:
    """``text``: the digits, the name, or the mark itself."""

    kind: Kind
    text: str
    is_glued: bool = False  # a letter with the one before it, as in ``ab``


_FUNCTIONS = "sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln exp sqrt max min gcd lcm det abs"
FUNCTIONS = frozenset(_FUNCTIONS.split())
NAMES = FUNCTIONS | {"pi", "infty", "infinity", "inf", "oo"}
"""What is written without a backslash too."""

_GREEK = (
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi rho sigma tau"
    " upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega ell hbar"
)
GREEK = frozenset(_GREEK.split())
_SAME = {
    "frac": "dfrac tfrac cfrac",
    "binom": "dbinom tbinom",
    "le": "leq leqslant",
    "ge": "geq geqslant",
    "<": "lt",
    ">": "gt",
    "ne": "neq",
    "*": "times cdot ast",
    "/": "div",
    ":": "colon",
    "'": "prime",
    "|": "vert lvert rvert mid",
    "(": "lparen langle",
    ")": "rparen rangle",
    "[": "lbrack",
    "]": "rbrack",
    "{set": "lbrace {",
    "}set": "rbrace }",
    "infty": "infin infinity inf oo",
    "emptyset": "varnothing",
    "circ": "degree degrees",
}
_SYNONYMS = {name: one for one, names in _SAME.items() for name in names.split()}
_SIZES = (
    "left right big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr quad qquad displaystyle textstyle limits nobreak"
    " , ; : ! > ( ) [ ] mathbf boldsymbol bm vec mathit"
)
_DROPPED = frozenset((*_SIZES.split(), " ", "\n", "\t"))
_TEXTUAL = r"text|textbf|textit|textrm|textsf|texttt|textnormal|mbox|hbox|mathrm|mathsf|operatorname|mathbb"
_UNICODE = str.maketrans(
    {
        "\u2212": "-", "–": "-", "×": "*", "·": "*", "⋅": "*", "∗": "*", "÷": "/", "⁄": "/",
        "π": "\\pi ", "∞": "\\infty ", "√": "\\sqrt ", "°": "^\\circ ", "±": "\\pm ",
        "≤": "\\le ", "≥": "\\ge ", "≠": "\\ne ", "∪": "\\cup ",
        "∈": "\\in ", "∅": "\\emptyset ", "²": "^2", "³": "^3", "½": "\\frac12 ", "¼": "\\frac14 ", "¾": "\\frac34 ",
        "θ": "\\theta ", "α": "\\alpha ", "β": "\\beta ", "λ": "\\lambda ", "ℝ": "\\mathbb{R}", "\u00a0": " ",
        "\u2009": " ", "\u202f": " ", "′": "'", "’": "'", "“": '"', "”": '"',
    }
)  # fmt: skip
_GROUPED = re.compile(r"(?<=[0-9])(?:\{,\}|,\\!|\\,)\s*(?=[0-9]{3}(?![0-9]))")
_TIMES = re.compile(r"(?<=[0-9])\s*[xX]\s*(?=10\s*\^)")
_DIGITS = re.compile(r"\s*[0-9]+")
_REALS = re.compile(r"\\mathbb\s*(?:\{\s*R\s*\}|R(?![a-zA-Z]))")
_WRITTEN = re.compile(r"([0-9]+(?:\.[0-9]+)?)(?:\s*/\s*([0-9]+))?")  # a number within \text{}
_TOKEN = re.compile(
    rf"""\s*(?:
    (?P<repeating>[0-9]*\.[0-9]*\\(?:overline|bar|dot)\s*(?:\{{[0-9]+\}}|[0-9])|[0-9]+\.\([0-9]+\))
    |(?P<grouped>[0-9]{{1,3}}(?:,[0-9]{{3}})+(?![0-9]|,[0-9])(?:\.[0-9]+)?)
    |(?P<number>(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]{{1,3}}(?![0-9.]))?)
    |(?P<noon>[ap]\.\s?m\.?(?![a-z]))
    |\\(?:{_TEXTUAL})\s*\{{(?P<text>[^{{}}]*)\}}
    |\\begin\{{(?P<begin>[pbvBV]?matrix|array)\}}(?:\{{[lcr|\s]*\}})?
    |\\end\{{(?P<end>[pbvBV]?matrix|array)\}}
    |(?P<row>\\\\(?:\[[^\]]*\])?|\\cr(?![a-zA-Z]))
    |\\(?P<command>[a-zA-Z]+|.)
    |(?P<word>[a-zA-Z]+)
    |(?P<power>\*\*)
    |(?P<order><=|>=|!=)
    |(?P<mark>[-+*/^_=<>()\[\]{{}}|!&':%$])
    |(?P<separator>[,;])
    |(?P<blank>~|")
    )""",
    re.VERBOSE | re.DOTALL,
)
_ORDER = {"<=": "le", ">=": "ge", "!=": "ne"}
_CLOSING = frozenset(")]}|!'%")


def tokenise(text: str, grouping: bool = True) -> list[Token]:
    """The tokens of an answer. ``grouping``: whether ``1,234`` outside brackets is one number.

    Raises Unreadable for a text that is too long, holds control characters or signs that mathematics does not use.
    """
    if len(text) > MAX_TEXT:
        raise Unreadable(f"longer than {MAX_TEXT} characters")
    text = _TIMES.sub("*", text)
    text = _GROUPED.sub("", _undollared(text.translate(_UNICODE).strip()))
    text = _REALS.sub(r"(-\\infty,\\infty)", text)
    text = text[:-1].rstrip() if text.endswith(".") and not text.endswith("..") else text
    tokens: list[Token] = []
    position, depth = 0, 0
    while position < len(text.rstrip()):
        found = _TOKEN.match(text, position)
        if found is None:
            raise Unreadable(f"a sign that is not known: {text[position:].strip()[:8]!r}")
        kind, written = found.lastgroup or "", found[found.lastgroup or 0]
        if kind == "grouped" and (depth or not grouping):
            written = written.split(",", 1)[0]
            found, kind = _DIGITS.match(text, position) or found, "number"
        tokens += _tokens_of(kind, written, tokens)
        position = found.end()
        if tokens and tokens[-1].kind is Kind.MARK:
            depth += {"(": 1, "[": 1, "{set": 1, "begin": 1, ")": -1, "]": -1, "}set": -1, "end": -1}.get(
                tokens[-1].text, 0
            )
    return tokens


def _tokens_of(kind: str, written: str, before: list[Token]) -> list[Token]:
    match kind:
        case "repeating" | "grouped" | "number":
            return [Token(Kind.NUMBER, written)]
        case "text":
            return _textual(written)
        case "noon":
            return [Token(Kind.TEXT, written)]
        case "begin" | "end":
            return [Token(Kind.MARK, kind), *([Token(Kind.MARK, written)] if kind == "begin" else [])]
        case "row" | "power":
            return [Token(Kind.MARK, "\\\\" if kind == "row" else "^")]
        case "order":
            return [Token(Kind.COMMAND, _ORDER[written])]
        case "command":
            return _command(written)
        case "word":
            return _word(written, before)
        case "separator":
            return [Token(Kind.SEPARATOR, written)]
        case "blank":
            return []
        case _:
            return [Token(Kind.MARK, written)]


def _undollared(text: str) -> str:
    """Without mathematics' dollar signs: those in pairs. An odd one in front is money."""
    bare = re.sub(r"\\\$", "", text)
    if "$" not in bare:
        return text
    if bare.count("$") % 2:
        if bare.lstrip("+- ")[:1] == "$" and bare.count("$") == 1:
            return text
        raise Unreadable("an odd number of dollar signs")
    return re.sub(r"(?<!\\)\$", " ", text).strip()


def _textual(inside: str) -> list[Token]:
    words = inside.strip()
    if (number := _WRITTEN.fullmatch(words)) is not None:
        top, bottom = number.groups()
        fraction = [Token(Kind.MARK, "/"), Token(Kind.NUMBER, bottom)] if bottom else []
        return [Token(Kind.NUMBER, top), *fraction]
    if words.lower() in ("and", "or"):
        return [Token(Kind.SEPARATOR, words.lower())]
    if words in FUNCTIONS:
        return [Token(Kind.COMMAND, words)]
    if words in ("i", "e"):
        return [Token(Kind.SYMBOL, words)]
    if words in ("", ",", "."):
        return []
    return [Token(Kind.TEXT, words)]


def _command(name: str) -> list[Token]:
    if name in _DROPPED:
        return []
    name = _SYNONYMS.get(name, name)
    return [Token(Kind.MARK if not name.isalpha() else Kind.COMMAND, name)]


def _word(word: str, before: list[Token]) -> list[Token]:
    last = before[-1] if before else None
    behind_value = last is not None and (last.kind in (Kind.NUMBER, Kind.SYMBOL) or last.text[-1] in _CLOSING)
    if word in NAMES:
        return _command(word)
    if word.lower() in ("and", "or"):
        return [Token(Kind.SEPARATOR, word.lower())]
    if len(word) > 1 and behind_value and is_unit(word):
        return [Token(Kind.TEXT, word)]
    if len(word) <= 3:
        return [Token(Kind.SYMBOL, letter, is_glued=index > 0) for index, letter in enumerate(word)]
    return [Token(Kind.TEXT, word)]
