"""A folder with a tokenizer and nothing else."""

from __future__ import annotations

import json
from pathlib import Path


def write_tokenizer(folder: Path, letters: str) -> None:
    """Write what is compared of a ``tokenizer.json``: each letter a token."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = {letter: number for number, letter in enumerate(letters)}
    (folder / "tokenizer.json").write_text(json.dumps({"model": {"vocab": vocabulary}, "added_tokens": []}))
