r"""The tests of a program: read from an item, turned into cells for the sandbox, and judged outside it.

| a test is | it passes if |
|---|---|
| ``{"stdin": "3 4\n", "stdout": "7\n"}`` | the program prints this (but for spaces at line ends and empty last lines) |
| ``{"call": "add", "args": [3, 4], "expected": 7}`` | the function returns it (``kwargs`` too; a tuple is a list) |
| ``{"assert": "assert add(3, 4) == 7"}`` or the text | each assert holds; maybe statements before it |

What is expected never enters the sandbox, so a program cannot read, patch or forge it: it must come up with the answer.
Of an assert this is so where a plain value is compared (``tasks.graders.claims``). Any other is asked for its truth,
which a program can guess; and asserts inside a loop or a function run beside the program, which can deceive them.
"""

from __future__ import annotations

import ast
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Protocol

from tasks.graders.claims import UNREADABLE, Claim, equal, read_claims
from tasks.sandbox.execution import ExecutionOutcome, Sandbox

MAX_TESTS = 200
"""Most tests of an item, of each kind (visible, hidden)."""

_MAX_RESULT = 100_000
_SECRET = secrets.token_bytes(32)
# NumPy's numbers and arrays, and what is a dict or a list by another name, are told as Python's plain values.
_TELL = """
def __plain(value):
    if hasattr(type(value), "tolist"):
        return value.tolist()
    for kind in (list, tuple, set, frozenset):
        if isinstance(value, kind):
            return (set if kind is frozenset else kind)(map(__plain, value))
    if isinstance(value, dict):
        return {__plain(key): __plain(each) for key, each in value.items()}
    return value
__told = []
"""


class BadTest(Exception):
    """What is wrong with a test."""


class ProgramTest(Protocol):
    """One test. Each is an execution of its own, so no test can disturb another."""

    def passes(self, sandbox: Sandbox, program: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class StreamTest:
    """Standard input and what must be printed."""

    stdin: str
    stdout: str

    def passes(self, sandbox: Sandbox, program: str) -> bool:
        done = sandbox.run([program], self.stdin)
        return done.outcome is ExecutionOutcome.OK and _lines(done.stdout) == _lines(self.stdout)


@dataclass(frozen=True, slots=True)
class ValueTest:
    """Statements that append values, written out, to the list ``__told``: one for each claim, which must hold of it."""

    statements: str
    claims: Sequence[Claim]

    def passes(self, sandbox: Sandbox, program: str) -> bool:
        cell = f"{_TELL}{self.statements}"
        mark = _mark(program, cell)
        done = sandbox.run([program, f"{cell}\nprint({mark!r} + repr(__told))"])
        _, found, text = done.stdout.rpartition(mark)
        if done.outcome is not ExecutionOutcome.OK or not found:
            return False
        told = _read_literal(text.partition("\n")[0])
        if not isinstance(told, list) or len(told) != len(self.claims):
            return False
        try:
            return all(claim.holds(_read_literal(one)) for claim, one in zip(self.claims, told, strict=True))
        except (TypeError, ValueError, ArithmeticError, RecursionError):
            return False


@dataclass(frozen=True, slots=True)
class StatementTest:
    """Statements that must run to their end, by the program's own word."""

    statements: str

    def passes(self, sandbox: Sandbox, program: str) -> bool:
        # A program that only leaves early, with status 0, has not printed this.
        mark = _mark(program, self.statements)
        done = sandbox.run([program, f"{self.statements}\nprint({mark!r})"])
        return done.outcome is ExecutionOutcome.OK and mark in done.stdout


def _mark(*texts: str) -> str:
    """Hangs on a secret, so no value holds it; the same for the same cells, so that a sandbox may remember them."""
    return blake2b(json.dumps(texts).encode(), key=_SECRET, digest_size=16).hexdigest()


def _read_literal(text: Any) -> Any:
    """The plain value that a ``repr`` tells, or UNREADABLE."""
    if not isinstance(text, str) or len(text) > _MAX_RESULT:
        return UNREADABLE
    if text in ("inf", "-inf", "nan"):
        return float(text)
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        return UNREADABLE


def read_tests(listed: Any, tolerance: float) -> list[ProgramTest]:
    """The tests of a list. Raises BadTest."""
    if not isinstance(listed, list):
        raise BadTest("tests must be a list")
    if len(listed) > MAX_TESTS:
        raise BadTest(f"there are {len(listed)} tests, and {MAX_TESTS} are the most")
    return [_read(each, tolerance) for each in listed]


def _read(test: Any, tolerance: float) -> ProgramTest:
    match test:
        case str() | {"assert": str()}:
            given: Mapping[str, Any] = {"assert": test} if isinstance(test, str) else test
            return _read_assert(given["assert"], str(given.get("setup", "")), tolerance)
        case {"stdin": str() as stdin, "stdout": str() as stdout}:
            return StreamTest(stdin, stdout)
        case {"call": str() as name, "expected": expected} if name.replace(".", "").isidentifier():
            args, kwargs = test.get("args", []), test.get("kwargs", {})
            if isinstance(args, list) and isinstance(kwargs, dict):
                called = f"{name}(*__arguments[0], **__arguments[1])"
                arguments = f"__arguments = __import__('json').loads({json.dumps([args, kwargs])!r})"
                claim = Claim(called, lambda value: equal(value, expected, tolerance))
                return ValueTest(f"{arguments}\n{_telling(claim)}", [claim])
    raise BadTest("a test must have stdin and stdout, or call, args and expected, or assert")


def _read_assert(text: str, setup: str, tolerance: float) -> ProgramTest:
    as_it_is = StatementTest(f"{setup}\n{text.strip()}")
    claims: list[Claim] = []
    statements = [setup]
    try:
        body = ast.parse(text.strip()).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise BadTest(f"the assert is not Python: {text[:60]!r}") from error
    try:
        for part in body:
            own = read_claims(part.test, tolerance) if isinstance(part, ast.Assert) else []
            statements += map(_telling, own) if own else [ast.unparse(part)]
            claims += own
    except (ValueError, RecursionError):  # what Python can read and cannot write, such as some f-strings
        return as_it_is
    inner = (deeper for part in body for deeper in ast.walk(part) if deeper is not part)
    if not claims or any(isinstance(deeper, ast.Assert) for deeper in inner):
        return as_it_is  # how often an inner assert runs, only the program knows
    return ValueTest("\n".join(statements), claims)


def _telling(claim: Claim) -> str:
    return f"__told.append(repr(__plain({claim.expression})))"


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().split("\n")]
