"""Runs the program in a completion against tests, visible and hidden, each in the sandbox."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.graders.base import Item, Resources, failed, graded, unverifiable
from tasks.graders.fences import fenced_blocks
from tasks.graders.program_tests import BadTest, ProgramTest, read_tests
from tasks.graders.spec import Spec
from tasks.options import Option
from tasks.problem import Verdict

_KINDS = ("", "py", "python", "python3")


class Program(Option):
    """Where the program stands in a completion."""

    LAST_BLOCK = "last_block"  # the last block between ``` lines
    TEXT = "text"  # all of it


class Counted(Option):
    """Which tests the reward counts."""

    ALL = "all"
    HIDDEN = "hidden"  # so that fitting the tests that a prompt shows earns nothing


@dataclass(frozen=True, slots=True)
class UnitTests:
    """The reward is the share of the tests that pass (0 or 1 if not ``partial``); correct if all pass.

    The tests are the item's ``visible`` and ``hidden`` fields. ``parts`` tells both shares. A bare answer is the
    program itself. A completion without a program is unverifiable.
    """

    visible: str
    hidden: str
    program: Program
    counted: Counted
    partial: bool
    tolerance: float
    seconds: float | None
    resources: Resources

    def grade(self, item: Item) -> Verdict:
        try:
            tests = {
                "visible": read_tests(item.data(self.visible) or [], self.tolerance),
                "hidden": read_tests(item.data(self.hidden) or [], self.tolerance),
            }
        except BadTest as error:
            return failed(str(error))
        if not (tests["hidden"] if self.counted is Counted.HIDDEN else tests["visible"] + tests["hidden"]):
            return failed(f"the item has no tests (fields {self.visible}, {self.hidden})")
        program = self._program(item)
        if program is None:
            return unverifiable("there is no program between ``` lines")
        passed = {name: self._passed(program, some) for name, some in tests.items()}
        parts = {name: sum(own) / len(own) for name, own in passed.items() if own}
        counted = passed["hidden"] + (passed["visible"] if self.counted is Counted.ALL else [])
        share = sum(counted) / len(counted)
        verdict = graded(
            share if self.partial else float(share == 1), 1.0, parts, f"{sum(counted)} of {len(counted)} tests"
        )
        return verdict

    def _program(self, item: Item) -> str | None:
        text = item.text
        if item.completion is None or self.program is Program.TEXT:
            return text
        blocks = [block for kind, block in fenced_blocks(text) if kind in _KINDS]
        return blocks[-1] if blocks else None

    def _passed(self, program: str, tests: Sequence[ProgramTest]) -> list[bool]:
        sandbox = self.resources.open_sandbox(self.seconds) if tests else None
        return [test.passes(sandbox, program) for test in tests if sandbox]


def unit_tests(spec: Spec, resources: Resources) -> UnitTests:
    """Options: ``visible`` and ``hidden`` (names of fields), ``program``, ``count``, ``partial``, ``tolerance``,
    ``timeout_s`` (of one test)."""
    return UnitTests(
        spec.text("visible", "tests"),
        spec.text("hidden", "hidden_tests"),
        spec.choice("program", Program, Program.LAST_BLOCK),
        spec.choice("count", Counted, Counted.ALL),
        spec.flag("partial", True),
        spec.number("tolerance", 0.0),
        spec.number("timeout_s", None, 0.01, 3600.0),
        resources,
    )
