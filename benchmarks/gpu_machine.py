"""What the machine can do at most: matrix products, copies, and how fast it is told what to do."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from benchmarks.gpu_bench import Bench, matrix_product_rate, take_turns
from benchmarks.report import Row, measured

LAUNCHES = 1000


def rows(bench: Bench) -> Iterator[Row]:
    """Operations per second in two precisions, bytes per second, seconds per call."""
    for dtype, name in ((torch.bfloat16, "bf16"), (torch.float32, "fp32")):
        rates = matrix_product_rate(bench, dtype)
        yield measured(f"matrix product, {name}, TFLOP/s", [rate / 1e12 for rate in rates])
    size = bench.sized(2**30, 2**20)
    source = torch.zeros(size, dtype=torch.uint8, device=bench.device)
    target = torch.empty_like(source)
    turns = take_turns(bench, [lambda: target.copy_(source)])
    yield measured("copy in memory (read and written), GB/s", [2 * size / turn[0] / 1e9 for turn in turns])
    small = torch.zeros(1, device=bench.device)

    def call() -> None:
        for _ in range(LAUNCHES):
            small.add_(1)

    call()
    turns = take_turns(bench, [call])
    yield measured("one small operation, microseconds", [turn[0] / LAUNCHES * 1e6 for turn in turns])
