"""One part of ``benchmarks.gpu`` in a process of its own: ``python -m benchmarks.gpu_arm PART SHAPE SECONDS FILE``.

Each row goes to FILE, a JSON object a line, as soon as it is measured: what comes later may fail or take too long.
"""

from __future__ import annotations

import importlib
import json
import sys
from dataclasses import asdict
from pathlib import Path
from time import monotonic

import torch

from benchmarks.gpu_bench import Bench


def main(part: str, shape: str, limit: str, file: str) -> None:
    """Run the part. No new turn begins after three quarters of the limit: the one under way should end, too."""
    started = monotonic()
    torch.set_num_threads(1)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    bench = Bench(shape, device, started + 0.75 * float(limit))
    with Path(file).open("a", encoding="utf-8") as out:
        for row in importlib.import_module(f"benchmarks.gpu_{part}").rows(bench):
            out.write(json.dumps(asdict(row)) + "\n")
            out.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
