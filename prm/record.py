"""What a process model that was trained on labels says of itself: ``prm.json`` in its folder. Free of torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tasks.errors import DataError

RECORD = "prm.json"


def read_record(path: Path | str) -> dict[str, Any] | None:
    """The record of the folder; None where there is none (a round's PPM). DataError if it cannot be read."""
    file = Path(path) / RECORD
    if not file.exists():
        return None
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{file}: the record of the model cannot be read ({error}); train it again") from error
    if not isinstance(record, dict):
        raise DataError(f"{file}: the record of the model cannot be read (no JSON object); train it again")
    return record


def step_end_of(path: Path | str) -> str:
    """What ends a step of which there is only the text, as the model learned it; a line break where nothing says so."""
    options = (read_record(path) or {}).get("options")
    found = options.get("step_end") if isinstance(options, dict) else None
    return found if isinstance(found, str) and found else "\n"
