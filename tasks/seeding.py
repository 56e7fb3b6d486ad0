"""Seeds are arguments: every random draw gets its own, derived from names, never from a global state."""

from __future__ import annotations

from hashlib import blake2b


def derive_seed(*parts: int | str) -> int:
    """A 63-bit seed from a path of names, e.g. ``derive_seed(run_seed, round, problem_id, node)``.

    Stable across processes, platforms and Python versions; different paths give unrelated seeds.
    """
    text = "\x1f".join(f"{type(part).__name__}:{part}" for part in parts)
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") >> 1
