"""What a search costs beyond its tokens: tokens per second of tree search against the same engine's raw generation.

``python -m benchmarks.search`` (about six minutes). The lab's shape: 125 chain problems at once, 8 candidates an
expansion, 16 rollouts, step by step. The policy is the lab's tiny one after a short cold start, so it knows the form of
a solution and is unsure of the facts; and, in rows of its own, after the lab's whole one, which makes it sure: most of
its candidates are alike, so that a search draws few new tokens with each call. Arms take turns; each begins with an
engine that has computed nothing. Seconds are the process's own (one thread), for the machine may do other things.

- *raw*: the engine's whole solutions of the same problems, as many each as make about the search's number of tokens.
- *raw, distinct*: as many whole solutions, each of another problem, so that almost nothing can be shared.
- *generate*: transformers' own sampling of whole solutions, in batches of 512 rows, ending early where all rows do.
- *lock-step*: the search, all problems in one batch a wave.
- *problem by problem*: the same search with one problem at a time, on a fifth of them; its trees must be the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

import torch

from benchmarks.report import Row, measured, write_report
from evolve.config import SearchStageConfig
from evolve.models import Sampler, load_sampler
from evolve.training import cold_start
from lm.config import OptimiserConfig, Precision
from lm.folder import load_policy
from mcts.config import SearchConfig
from mcts.driver import DriverStats
from mcts.lockstep import search_lockstep
from mcts.search import Search
from mcts.tree import SearchTree
from policy.config import ColdStartConfig, EngineConfig, PolicyConfig
from policy.engine import EngineCounts, GenerateRequest, Sampling
from tasks.problem import Problem, Split
from tasks.registry import build_task
from tasks.suites.chain import ChainConfig

REPEATS = 5
PROBLEMS, ALONE = 125, 25
SEARCH = SearchStageConfig(rollouts=16, width=8, max_depth=12)
TASK = ChainConfig(modulus=7, min_length=3, max_length=5, misconceived_facts=0.22)


def policy(demonstrations: int, epochs: float) -> PolicyConfig:
    """The lab's policy after a cold start of this size."""
    optimiser = OptimiserConfig(
        learning_rate=2e-3, epochs=epochs, batch_rows=32, micro_rows=32, precision=Precision.FP32
    )
    return PolicyConfig(cold_start=ColdStartConfig(demonstrations, optimiser))


POLICY, SURE = policy(3000, 3), policy(6000, 5)
EMBEDDED = EngineConfig(device="cpu")
Drive = Callable[..., DriverStats]
LONGEST, BATCH = POLICY.max_solution_tokens, 512


@dataclass(frozen=True, slots=True)
class Run:
    """What an arm did: tokens drawn, its seconds, the engine's counts, and the trees if it searched."""

    tokens: int
    seconds: float
    counts: EngineCounts
    trees: Sequence[SearchTree] = ()

    @property
    def speed(self) -> float:
        """Tokens per second."""
        return self.tokens / self.seconds


class Bench:
    """The policy, its engine and the problems; each method is an arm."""

    def __init__(self, folder: Path, policy: PolicyConfig, engine: EngineConfig = EMBEDDED) -> None:
        cold_start(lambda *_, **__: None, TASK, policy, EMBEDDED, 0, folder)
        self._folder = folder
        self._engine = engine
        self.task = build_task(TASK)
        self.problems = self.task.problems(Split.TRAIN, PROBLEMS)

    def search(
        self, problems: Sequence[Problem], slots: int, config: SearchConfig = SEARCH, drive: Drive = search_lockstep
    ) -> Run:
        """Tree search, ``slots`` problems at a time."""
        sampler = self._sampler()
        proposer = sampler.proposer(POLICY, temperature=1.0, top_p=1.0)
        searches = [Search(problem, config, 0, self.task.verifier) for problem in problems]
        started = process_time()
        drive(searches, proposer, slots=slots)
        seconds = process_time() - started
        counts = sampler.engine.counts
        return Run(counts.generated, seconds, counts, [search.tree for search in searches])

    def raw(self, problems: Sequence[Problem], each: int) -> Run:
        """``each`` whole solutions of every problem, from the engine."""
        sampler = self._sampler()
        sampling = Sampling(max_tokens=LONGEST)
        requests = [
            GenerateRequest(sampler.encode(problem.prompt), each, sampling, seed)
            for seed, problem in enumerate(problems)
        ]
        started = process_time()
        sampler.engine.generate(requests)
        return Run(sampler.engine.counts.generated, process_time() - started, sampler.engine.counts)

    def generate(self, each: int) -> Run:
        """transformers' own sampling: left-padded batches of 512 rows, each prompt ``each`` times."""
        model, sampler = load_policy(self._folder, "cpu"), self._sampler()
        prompts = [sampler.encode(problem.prompt) for problem in self.problems for _ in range(each)]
        pad = sampler.tokenizer.pad_token_id
        tokens, started = 0, process_time()
        for start in range(0, len(prompts), BATCH):
            batch = prompts[start : start + BATCH]
            width = max(map(len, batch))
            ids = torch.tensor([[pad] * (width - len(prompt)) + list(prompt) for prompt in batch])
            out = model.generate(  # type: ignore[operator]
                ids, attention_mask=(ids != pad).long(), do_sample=True, top_k=0, max_new_tokens=LONGEST
            )
            assert isinstance(out, torch.Tensor)
            tokens += int((out[:, width:] != pad).sum())
        return Run(tokens, process_time() - started, EngineCounts())

    def _sampler(self) -> Sampler:
        return load_sampler(POLICY, self._engine, self._folder)


def arms(bench: Bench) -> dict[str, Callable[[], Run]]:
    """The arms by name. All draw about as many tokens, but the slow loop, which draws a fifth."""
    each = as_many(bench)
    return {
        "raw": lambda: bench.raw(bench.problems, each),
        "raw, distinct": lambda: bench.raw(bench.task.problems(Split.TRAIN, PROBLEMS * each), 1),
        "generate": lambda: bench.generate(each),
        "lock-step": lambda: bench.search(bench.problems, PROBLEMS),
        "problem by problem": lambda: bench.search(bench.problems[:ALONE], 1),
    }


def as_many(bench: Bench) -> int:
    """Whole solutions of each problem that make about the tokens of a search."""
    drawn = bench.search(bench.problems, PROBLEMS).tokens
    return max(1, round(drawn / bench.raw(bench.problems, 1).tokens))


def shape(tree: SearchTree) -> list[tuple[tuple[int, ...], int]]:
    """Tokens and visits of every node. Log-probs are left out: they depend on the batch in the last digits."""
    return [(tree.step(node).token_ids, tree.visits[node]) for node in range(1, len(tree))]


def refuse_other_trees(one: Run, other: Run) -> None:
    """Both searched the same problems first, whose trees must not differ."""
    for tree, same in zip(one.trees, other.trees, strict=False):
        if shape(tree) != shape(same):
            raise SystemExit(f"the trees of problem {tree.problem.id} differ: the comparison is void")


def rows(runs: list[dict[str, Run]]) -> list[Row]:
    """One figure per repeat of each quantity."""
    search = [run["lock-step"] for run in runs]

    def ratio(metric: str, to: str, at_least: float | None = None) -> Row:
        ratios = [one.speed / run[to].speed for one, run in zip(search, runs, strict=True)]
        return measured(f"search, lock-step / {metric}", ratios, at_least=at_least)

    return [
        ratio("raw generation, same problems", "raw", 0.95),
        ratio("raw generation, distinct problems", "raw, distinct", 0.95),
        ratio("transformers' generate", "generate"),
        ratio("problem by problem", "problem by problem", 4),
        measured("prompt tokens computed again per token", [s.counts.reread / s.tokens for s in search], at_most=0),
        measured("prompt tokens computed in all per token", [s.counts.prefilled / s.tokens for s in search]),
        *(measured(f"{name}, tokens/s", [run[name].speed for run in runs]) for name in runs[0]),
    ]


def rows_of_sure_policy(folder: Path) -> list[Row]:
    """The search against raw generation of the same problems, with the policy of the lab's whole cold start."""
    bench = Bench(folder, SURE)
    each = as_many(bench)
    ratios, reread = [], []
    for _ in range(REPEATS):
        raw, search = bench.raw(bench.problems, each), bench.search(bench.problems, PROBLEMS)
        ratios.append(search.speed / raw.speed)
        reread.append(search.counts.reread / search.tokens)
    return [
        measured("sure policy: search, lock-step / raw generation, same problems", ratios, at_least=0.95),
        measured("sure policy: prompt tokens computed again per token", reread, at_most=0),
    ]


def main() -> None:
    """Train the policies, measure, write, print."""
    torch.set_num_threads(1)
    with TemporaryDirectory() as folder:
        found = arms(Bench(Path(folder) / "policy", POLICY))
        runs = []
        for _ in range(REPEATS):
            runs.append({name: arm() for name, arm in found.items()})
            refuse_other_trees(runs[-1]["lock-step"], runs[-1]["problem by problem"])
            refuse_other_trees(runs[-1]["lock-step"], runs[0]["lock-step"])
        sure = rows_of_sure_policy(Path(folder) / "sure")
    write_report("search", rows(runs) + sure)


if __name__ == "__main__":
    main()
