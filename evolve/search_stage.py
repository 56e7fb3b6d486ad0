"""The job that grows trees: one fixed group of problems, searched together and redone together after a crash."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import fmean

from evolve.config import Aggregation
from evolve.models import load_evaluator, load_sampler
from evolve.stages import StageResult
from evolve.work import SearchWork
from mcts.config import Mode
from mcts.lockstep import search_lockstep
from mcts.search import Search
from mcts.storage import write_trees
from mcts.tree import SearchTree
from tasks.errors import UserError
from tasks.problem import Outcome, Problem
from tasks.registry import build_task

_MOST_VERIFIER_ERRORS = 0.01
_COMBINE: dict[Aggregation, Callable[[list[float]], float]] = {
    Aggregation.LAST: lambda scores: scores[-1],
    Aggregation.MIN: min,
    Aggregation.MEAN: fmean,
}


def search_group(report: Callable[..., None], work: SearchWork, problems: list[Problem], out: Path) -> StageResult:
    """Search the problems and write their trees to ``out`` in the order of the problems."""
    sampler = load_sampler(work.policy, work.engine, work.policy_path)
    proposer = sampler.proposer(work.policy, work.search.temperature, work.search.top_p)
    evaluator = None
    if work.search.mode is not Mode.TERMINAL_GUIDED:
        assert work.ppm_path is not None
        evaluator = load_evaluator(work.engine, work.ppm_path, sampler.encode)
    verifier = None if work.search.mode is Mode.INFERENCE else build_task(work.task).verifier
    searches = [Search(problem, work.search, work.seed, verifier) for problem in problems]
    solved = 0

    def on_done(search: Search) -> None:
        nonlocal solved
        solved += search.tree.solved
        done = sum(other.done for other in searches)
        report(done, len(searches), solved=f"{solved}/{done}")

    stats = search_lockstep(searches, proposer, evaluator, slots=work.search.slots, on_done=on_done)
    verdicts = sum((search.stats.verdicts for search in searches), start=Counter[Outcome]())
    _refuse_verifier_errors(verdicts)
    trees = [search.tree for search in searches]
    write_trees(out, trees)
    counts = {
        "generated_tokens": sampler.engine.counts.generated,
        "prefilled_tokens": sampler.engine.counts.prefilled,
        "scored_tokens": evaluator.counts.scored if evaluator else 0,
        "proposed_steps": proposer.counts.steps,
        "dodged_steps": proposer.counts.dodged,
        "nodes": sum(len(tree) for tree in trees),
    }
    seconds = {
        "search": stats.total_seconds,
        "proposer": stats.proposer_seconds,
        "evaluator": stats.evaluator_seconds,
        "verifier": stats.verifier_seconds,
        "bookkeeping": stats.bookkeeping_seconds,
    }
    solved_ids = [tree.problem.id for tree in trees if tree.solved]
    named = {str(outcome): count for outcome, count in sorted(verdicts.items())}
    return StageResult({"solved": solved_ids, "verdicts": named, "counts": counts}, seconds=seconds)


def solution_of(tree: SearchTree, aggregation: Aggregation) -> str | None:
    """The answer of an inference search: the ended solution that the PPM scores highest, or None without one.

    ``aggregation`` makes one score of its steps' scores; ties go to more visits, then to what was found first.
    """
    combine = _COMBINE[aggregation]
    ended = [node for node in tree.terminals() if node and node not in tree.dead_ends]
    if not ended:
        return None
    scored = {node: combine([tree.score[step] for step in tree.path(node)]) for node in ended}
    best = max(ended, key=lambda node: (scored[node], tree.visits[node], -node))
    return tree.trajectory(best).text


def _refuse_verifier_errors(verdicts: Counter[Outcome]) -> None:
    errors, total = verdicts[Outcome.ERROR], verdicts.total()
    if errors > _MOST_VERIFIER_ERRORS * total:
        raise UserError(f"the verifier failed on {errors} of {total} solutions, and 1 % is the most; mend the verifier")
