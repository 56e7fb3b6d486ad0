"""Which split a problem belongs to: decided by its text alone, so splits are disjoint whatever the seeds."""

from __future__ import annotations

from hashlib import blake2b

from tasks.problem import Split


def content_hash(text: str) -> str:
    """16 hex digits that identify a text on every machine."""
    return blake2b(text.encode(), digest_size=8).hexdigest()


def split_of(prompt: str) -> Split:
    """10 % held-out, 10 % validation, 80 % train, by the prompt's content hash."""
    tenth = int(content_hash(prompt), 16) % 10
    if tenth == 0:
        return Split.HELD_OUT
    return Split.VALIDATION if tenth == 1 else Split.TRAIN
