"""What a round has computed, as FLOPs: 2N for a token that a model of N parameters reads or writes, 6N for one trained.

The estimate of Kaplan et al. 2020 (section 2.1), as in a comparison's ledger (docs/comparison.md). The cold start and
what only judges (evaluation, the held-out trees) are not counted.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tasks.errors import DataError

_LENGTH = 8  # bytes of a safetensors file that say how long its header is


def round_flops(about: Mapping[str, Any], grower: Path, guide: Path | None, policy: Path, ppm: Path) -> dict[str, int]:
    """By ``search``, ``ppm`` and ``policy``. ``about``: the results of the round's stages, as in ``eval.json``.

    ``grower`` and ``guide`` are the folders of the models that searched, ``policy`` and ``ppm`` of those trained.
    """
    search, judging = about["search"], about["search"].get("held_out", {})
    generated, prefilled, scored = (
        search.get(name, 0) - judging.get(name, 0) for name in ("generated_tokens", "prefilled_tokens", "scored_tokens")
    )
    read = generated + prefilled
    found = {"search": 2 * parameters_in(grower) * read if read else 0}
    if guide is not None:
        found["search"] += 2 * parameters_in(guide) * scored
    for name, folder in (("ppm", ppm), ("policy", policy)):
        each = 6 * about[name].get("trained_tokens", 0) + 2 * about[name].get("reference_tokens", 0)
        found[name] = parameters_in(folder) * each if each else 0
    return found


def parameters_in(folder: Path) -> int:
    """Numbers in a folder's weights, from the headers of its safetensors files. DataError if they cannot be read."""
    total = 0
    for path in sorted(folder.glob("*.safetensors")):
        try:
            with path.open("rb") as file:
                header = json.loads(file.read(int.from_bytes(file.read(_LENGTH), "little")))
            total += sum(math.prod(row["shape"]) for name, row in header.items() if name != "__metadata__")
        except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
            raise DataError(f"{path}: its header cannot be read ({error}); train the model again") from error
    return total
