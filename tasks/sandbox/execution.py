"""What running a program comes to, and who runs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from tasks.options import Option


class ExecutionOutcome(StrEnum):
    """How a program ended. ``error``: an exception of its own or a non-zero exit; the rest are limits.

    The limits are seen from outside. ``ok`` is what the program's own process says, so a hostile one can say it too:
    what is to be trusted must be a value that it had to work out, compared outside.
    """

    OK = "ok"
    ERROR = "error"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    OUTPUT_LIMIT = "output_limit"
    KILLED = "killed"


class Tier(Option):
    """What confines a program. ``auto``: the best that this machine allows, never ``off``."""

    AUTO = "auto"
    NAMESPACES = "namespaces"
    BWRAP = "bwrap"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Execution:
    """``stdout`` is the last cell's alone; ``stderr`` holds the end of a traceback, for people and models to read."""

    outcome: ExecutionOutcome
    stdout: str
    stderr: str
    seconds: float
    tier: Tier


class Sandbox(Protocol):
    """Runs programs one by one, none of which can reach another, this process or anything outside."""

    @property
    def tier(self) -> Tier: ...

    def run(self, cells: Sequence[str], stdin: str = "") -> Execution:
        """Run Python cells in order in one fresh namespace; the first that fails ends the program."""
        ...
