"""PPM scoring: rows that share prefixes packed (``prm.model.score_rows``) against one padded row per path.

Both get several batch sizes. The speed-up compares the best of either; which batch is best is in the rows. Differences
between the scores: in float32 they are arithmetic, in bfloat16 mostly rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import torch
from transformers import Qwen2ForSequenceClassification

from benchmarks.gpu_bench import Bench, random_model, take_turns
from benchmarks.ppm_scoring import Case, Grower, path_scores
from benchmarks.report import Row, measured
from lm.packing import pack, packed_batches
from lm.rows import in_order_batches
from prm.model import BATCH_TOKENS, score_rows

PATH_BATCHES, PACKED_BATCHES = (16384, 65536), (BATCH_TOKENS, 16384, 65536)
ALIKE_FP32, ALIKE_BF16 = 1e-5, 0.1  # random heads give scores around 0.6 in size
VOID = 10  # times the tolerance in float32: then the arms do not compute the same thing


def cases(bench: Bench) -> list[Case]:
    """A tree of short steps, one of long steps, and the children that a wave of searches wants scored."""
    if bench.sized(False, True):
        return [Case("tree", Grower(6, 0).tree(12, 3, 3), speed_up=4)]
    short, long = Grower(16, 1), Grower(48, 2)
    return [
        Case("tree of short steps", short.tree(60, 8, 10), speed_up=4),
        Case("tree of long steps", long.tree(150, 10, 12), speed_up=4),
        Case("wave of 100 nodes", long.siblings(100, 150, 8)),
    ]


def rows(bench: Bench) -> Iterator[Row]:
    """First the difference in float32, then in bfloat16 the speeds and the difference."""
    yield _fp32_difference(bench)
    model = random_model(Qwen2ForSequenceClassification, bench, torch.bfloat16)
    for case in cases(bench):
        if bench.has_time():
            yield from _case_rows(bench, model, case)


def _fp32_difference(bench: Bench) -> Row:
    model = random_model(Qwen2ForSequenceClassification, bench, torch.float32)
    case = cases(bench)[0]
    difference = _difference(model, case)
    if not difference <= VOID * ALIKE_FP32:
        raise ValueError(f"{case.name}: the arms differ by {difference:.1e} in float32: the comparison is void")
    return measured(f"{case.name}, fp32: largest difference", [difference], at_most=ALIKE_FP32)


def _case_rows(bench: Bench, model: Qwen2ForSequenceClassification, case: Case) -> Iterator[Row]:
    difference = _difference(model, case)
    if not difference <= VOID * ALIKE_BF16:
        raise ValueError(f"{case.name}: the arms differ by {difference:.1e} in bfloat16: the comparison is void")
    arms: dict[str, Callable[[], object]] = {
        **{f"one row per path, batch {size}": partial(by_path, model, case, size) for size in PATH_BATCHES},
        **{f"packed, batch {size}": partial(score_rows, model, case.rows, size) for size in PACKED_BATCHES},
        "laying rows out (CPU)": partial(_lay_out, case, bench.device),
    }
    for arm in arms.values():
        arm()
    turns = take_turns(bench, list(arms.values()))
    tokens, split = sum(map(len, case.rows)), len(PATH_BATCHES)
    ratio = tokens / len(pack(case.rows).ids_N)
    speed_ups = [min(turn[:split]) / min(turn[split:-1]) for turn in turns]
    yield measured(f"{case.name}: speed-up", speed_ups, at_least=case.speed_up)
    yield measured(f"{case.name}: token ratio", [ratio])
    yield measured(f"{case.name}: speed-up / token ratio", [one / ratio for one in speed_ups], at_least=0.7)
    for name, values in zip(arms, zip(*turns, strict=True), strict=True):
        yield measured(f"{case.name}: {name}, thousand tokens of rows/s", [tokens / one / 1000 for one in values])
    yield measured(f"{case.name}, bf16: largest difference", [difference], at_most=ALIKE_BF16)


@torch.no_grad()
def by_path(model: Qwen2ForSequenceClassification, case: Case, batch_tokens: int) -> list[float]:
    """The raw score of every row from its own padded row, in batches of rows of like length."""
    scores = [0.0] * len(case.rows)
    for indices in in_order_batches([len(row) for row in case.rows], batch_tokens):
        found = path_scores(model, [case.rows[index] for index in indices]).tolist()
        for index, score in zip(indices, found, strict=True):
            scores[index] = score
    return scores


def _difference(model: Qwen2ForSequenceClassification, case: Case) -> float:
    packed = score_rows(model, case.rows)
    alone = by_path(model, case, PATH_BATCHES[0])
    return max(abs(packed[row] - score) for row, score in zip(case.rows, alone, strict=True))


def _lay_out(case: Case, device: str) -> None:
    for indices in packed_batches(case.rows, PACKED_BATCHES[-1]):
        pack([case.rows[index] for index in indices], device)
