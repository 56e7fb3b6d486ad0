"""Graders that need no file: their names and configs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_THINK = r"(?s)\s*<think>.+</think>.+"
_STEPS = r"(?s)[^#\n].*\n#### [^\n]+\n?"
_TASK = {"type": "task"}

READY: Mapping[str, Mapping[str, Any]] = {
    "exact": {"type": "string_check", "operation": "eq"},
    "number": {"type": "number"},
    "math": {"type": "math"},
    "unit_tests": {"type": "unit_tests"},
    "instruction": {"type": "instruction"},
    "instruction_loose": {"type": "instruction", "loose": True},
    "proof": {"type": "proof"},
    "plan": {"type": "simulator"},
    "accuracy_and_steps": {
        "type": "multi",
        "formula": "0.9 * accuracy + 0.1 * form",
        "pass_at": 0.9,
        "graders": {"accuracy": _TASK, "form": {"type": "regex_format", "pattern": _STEPS, "match": "full"}},
    },
    "accuracy_and_think": {
        "type": "multi",
        "formula": "0.9 * accuracy + 0.1 * form",
        "pass_at": 0.9,
        "graders": {"accuracy": _TASK, "form": {"type": "regex_format", "pattern": _THINK, "match": "full"}},
    },
    "accuracy_and_english": {
        "type": "multi",
        "formula": "0.9 * accuracy + 0.1 * language",
        "pass_at": 0.9,
        "graders": {"accuracy": _TASK, "language": {"type": "language_consistency", "language": "en"}},
    },
    "think_format": {"type": "regex_format", "pattern": _THINK, "match": "full"},
}
"""``think_format``: reasoning between tags, then something behind it (DeepSeek-R1's format reward).

``accuracy_and_*`` reward training (``arms.NAME.reward``): the task's verdict, and a tenth for form (``steps``: working
before a last line ``####``) or language. A right answer passes in any form, and one without letters too.
"""
