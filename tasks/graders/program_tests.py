r"""The tests of a program: read from an item, turned into cells for the sandbox, and judged outside it.

| a test is | it passes if |
|---|---|
| ``{"stdin": "3 4\n", "stdout": "7\n"}`` | the program prints this (but for spaces at line ends and empty last lines) |
| ``{"call": "add", "args": [3, 4], "expected": 7}`` | the function returns it (``kwargs`` too; a tuple is a list) |
| ``{"assert": "assert add(3, 4) == 7"}`` or the text | one == with a plain value: as above; others: it ends |

What is expected never enters the sandbox (in the third form: if it is a plain value), so a program cannot read, patch
or forge it: it must come up with the answer. Statements that run beside the program can be deceived by it: prefer the
others.
"""

from __future__ import annotations

import ast
import json
import math
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from tasks.sandbox.execution import ExecutionOutcome, Sandbox

MAX_TESTS = 200
"""Most tests of an item, of each kind (visible, hidden)."""

_MARK = "result: "
_MAX_RESULT = 100_000
_SECRET = secrets.token_hex(16)


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
    """An expression whose value must equal ``expected``; ``tolerance`` for numbers, absolute."""

    setup: str
    expression: str
    expected: Any
    tolerance: float

    def passes(self, sandbox: Sandbox, program: str) -> bool:
        cell = f"{self.setup}\n__value = (\n{self.expression}\n)\nprint({_MARK!r} + repr(__value))"
        done = sandbox.run([program, cell])
        _, found, text = done.stdout.rpartition(_MARK)
        if done.outcome is not ExecutionOutcome.OK or not found or len(text) > _MAX_RESULT:
            return False
        try:
            value = ast.literal_eval(text.strip())
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            return False
        try:
            return _equal(_plain(value), _plain(self.expected), self.tolerance)
        except RecursionError:
            return False


@dataclass(frozen=True, slots=True)
class StatementTest:
    """Statements that must run to their end."""

    setup: str
    statements: str

    def passes(self, sandbox: Sandbox, program: str) -> bool:
        # A program that ends the process early, with status 0, does not get to print what it does not know.
        done = sandbox.run([program, f"{self.setup}\n{self.statements}\nprint({_SECRET!r})"])
        return done.outcome is ExecutionOutcome.OK and done.stdout.rstrip().endswith(_SECRET)


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
                setup = f"import json as __json\n__arguments = __json.loads({json.dumps([args, kwargs])!r})"
                return ValueTest(setup, called, expected, tolerance)
    raise BadTest("a test must have stdin and stdout, or call, args and expected, or assert")


def _read_assert(text: str, setup: str, tolerance: float) -> ProgramTest:
    try:
        body = ast.parse(text.strip()).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise BadTest(f"the assert is not Python: {text[:60]!r}") from error
    match body:
        case [ast.Assert(test=ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]))]:
            try:
                return ValueTest(setup, ast.unparse(left), ast.literal_eval(right), tolerance)
            except (ValueError, TypeError):
                pass
    return StatementTest(setup, text.strip())


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().split("\n")]


def _plain(value: Any) -> Any:
    """Tuples as lists: JSON has no others."""
    match value:
        case list() | tuple():
            return [_plain(each) for each in value]
        case dict():
            return {key: _plain(each) for key, each in value.items()}
    return value


def _equal(found: Any, expected: Any, tolerance: float) -> bool:
    numbers = isinstance(found, int | float) and isinstance(expected, int | float)
    if numbers and tolerance and not isinstance(found, bool):
        return math.isfinite(found) and abs(found - expected) <= tolerance
    if isinstance(found, list) and isinstance(expected, list):
        pairs = zip(found, expected, strict=False)
        return len(found) == len(expected) and all(_equal(one, other, tolerance) for one, other in pairs)
    if isinstance(found, dict) and isinstance(expected, dict):
        return found.keys() == expected.keys() and all(_equal(found[key], expected[key], tolerance) for key in found)
    return bool(found == expected)
