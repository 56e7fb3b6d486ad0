"""The same through vLLM's CPU build: ``.venv-vllm/bin/python -m benchmarks.search_vllm`` (about six minutes).

vLLM keeps full blocks of 32 tokens alone on a CPU, and what lies behind the last one is read again for every candidate.
So a search step by step, whose steps here have some seven tokens, reads more than it samples; one that samples whole
solutions and splits them into steps (``search.expansion=continuation``) reads a prompt once for a solution. Both search
the problems of ``benchmarks.search`` with its policy and budget of rollouts, through the streaming driver; raw
generation makes about as many tokens as each. Seconds are those of the whole process, whose main thread and vLLM's
share one core.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from benchmarks.report import Row, measured, write_report
from benchmarks.search import POLICY, PROBLEMS, SEARCH, Bench, Run
from mcts.config import Expansion
from mcts.streaming import search_streaming
from policy.config import EngineConfig, EngineName

REPEATS = 5
ENGINE = EngineConfig(name=EngineName.VLLM, device="cpu", cache_mb=512)
SHAPES = {expansion: replace(SEARCH, expansion=expansion) for expansion in Expansion}


def rows(expansion: Expansion, searches: list[Run], raws: list[Run]) -> list[Row]:
    """What a search costs beside raw generation, and how much of its prompts it reads again."""
    ratios = [search.speed / raw.speed for search, raw in zip(searches, raws, strict=True)]
    read = [run.counts.prefilled / run.tokens for run in searches]
    hits = [run.counts.cached / (run.counts.cached + run.counts.prefilled) for run in searches]
    return [
        measured(f"{expansion}: search, streaming / raw generation, same problems", ratios, at_least=0.90),
        measured(f"{expansion}: prompt tokens read per generated token", read, at_most=0.6),
        measured(f"{expansion}: hit rate of the prefix cache", hits),
    ]


def measure(bench: Bench, expansion: Expansion) -> list[Row]:
    """Search and raw generation by turns."""
    problems, searches, raws = bench.problems, [], []
    drawn = bench.search(problems, PROBLEMS, SHAPES[expansion], search_streaming).tokens
    each = max(1, round(drawn / bench.raw(problems, 1).tokens))
    for _ in range(REPEATS):
        searches.append(bench.search(problems, PROBLEMS, SHAPES[expansion], search_streaming))
        raws.append(bench.raw(problems, each))
    return rows(expansion, searches, raws)


def main() -> None:
    """Train a policy, measure, write, print."""
    torch.set_num_threads(1)
    with TemporaryDirectory() as folder:
        bench = Bench(Path(folder) / "policy", POLICY, ENGINE)
        write_report("search_vllm", [row for expansion in Expansion for row in measure(bench, expansion)])


if __name__ == "__main__":
    main()
