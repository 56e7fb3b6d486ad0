"""What every task's configuration has in common."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class TaskConfig:
    """Which problems there are. The class of a configuration chooses the task (tasks.registry)."""

    name: str  # the task's name: the first part of every problem id
