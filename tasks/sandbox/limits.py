"""What a program may use up."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.errors import UserError


@dataclass(frozen=True, slots=True)
class Limits:
    """``seconds`` on the wall clock; ``memory_mb`` on top of the libraries' own; ``output_bytes``: both streams."""

    seconds: float = 5.0
    memory_mb: int = 512
    output_bytes: int = 1 << 16

    def __post_init__(self) -> None:
        for name, low, high in (("seconds", 0.01, 3600), ("memory_mb", 1, 1 << 20), ("output_bytes", 1, 1 << 30)):
            value = getattr(self, name)
            if not low <= value <= high:
                raise UserError(f"sandbox limit {name} must be between {low:g} and {high:g}, got {value:g}")
