"""Graders that need no file: their names and configs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

READY: Mapping[str, Mapping[str, Any]] = {
    "exact": {"type": "string_check", "operation": "eq"},
    "number": {"type": "number"},
    "math": {"type": "math"},
    "unit_tests": {"type": "unit_tests"},
    "instruction": {"type": "instruction"},
    "instruction_loose": {"type": "instruction", "loose": True},
    "proof": {"type": "proof"},
    "plan": {"type": "simulator"},
    "think_format": {"type": "regex_format", "pattern": r"(?s)\s*<think>.+</think>.+", "match": "full"},
}
"""``think_format``: reasoning between tags, then something behind it (DeepSeek-R1's format reward)."""
