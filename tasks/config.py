"""What every task's configuration has in common."""

from __future__ import annotations

from dataclasses import dataclass, field

from tasks.fault import FaultConfig
from tasks.options import Option
from tasks.sandbox.execution import Tier


class StepFormat(Option):
    """What a step of a solution is. See docs/code_steps.md."""

    TEXT = "text"  # a piece of text up to the delimiter
    CODE = "code"  # a comment and Python, run as soon as it is written; what it prints is shown (rStar-Math)


@dataclass
class TaskConfig:
    """Which problems there are. The class of a configuration chooses the task (tasks.registry)."""

    name: str  # the task's name: the first part of every problem id
    step_format: StepFormat = StepFormat.TEXT  # with code, an answer is looked for in a solution's final step alone
    sandbox: Tier = Tier.AUTO  # what confines programs that a verifier runs; also as the program's option sandbox
    fault: FaultConfig = field(default_factory=FaultConfig)  # how often the verifier errs in search and training
