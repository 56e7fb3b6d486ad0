"""The job that grows trees: one fixed group of problems, searched together and redone together after a crash."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from evolve.models import load_evaluator, load_sampler
from evolve.stages import StageResult
from evolve.work import SearchWork
from mcts.config import Driver, Mode
from mcts.driver import AnySearch, DriverStats
from mcts.lockstep import search_lockstep
from mcts.search import Search
from mcts.step import Evaluator
from mcts.storage import write_trees
from mcts.streaming import search_streaming
from policy.config import EngineName
from policy.engine import StreamingEngine
from policy.proposer import PolicyProposer
from tasks.errors import UserError
from tasks.fault import with_faults
from tasks.problem import Outcome, Problem
from tasks.registry import build_task

_MOST_VERIFIER_ERRORS = 0.01


def search_group(report: Callable[..., None], work: SearchWork, problems: list[Problem], out: Path) -> StageResult:
    """Search the problems and write their trees to ``out`` in the order of the problems."""
    sampler = load_sampler(work.policy, work.engine, work.policy_path)
    proposer = sampler.proposer(work.policy, work.search.temperature, work.search.top_p)
    evaluator = None
    if work.search.mode is not Mode.TERMINAL_GUIDED:
        assert work.ppm_path is not None
        evaluator = load_evaluator(work.scorer, work.engine, work.ppm_path, sampler.encode)
    verifier = None
    if work.search.mode is not Mode.INFERENCE:
        verifier = with_faults(build_task(work.task).verifier, work.task.fault)
    searches = [Search(problem, work.search, work.seed, verifier) for problem in problems]
    solved = 0

    def on_done(search: Search) -> None:
        nonlocal solved
        solved += search.tree.solved
        report(sum(other.done for other in searches), len(searches), solved=solved)

    report(0, len(searches))  # the models are loaded
    slots = work.search.slots
    stats = run_searches(work.search.driver, searches, proposer, evaluator, slots=slots, on_done=on_done)
    verdicts = sum((search.stats.verdicts for search in searches), start=Counter[Outcome]())
    refuse_verifier_errors(verdicts)
    trees = [search.tree for search in searches]
    write_trees(out, trees)
    counts = {
        "generated_tokens": sampler.engine.counts.generated,
        "prefilled_tokens": sampler.engine.counts.prefilled,
        "cached_tokens": sampler.engine.counts.cached,
        "scored_tokens": evaluator.counts.scored if evaluator else 0,
        "proposed_steps": proposer.counts.steps,
        "dodged_steps": proposer.counts.dodged,
        "nodes": sum(len(tree) for tree in trees),
        **code_counts(proposer),
    }
    if work.engine.name is EngineName.HF:  # the others do not say
        counts["reread_tokens"] = sampler.engine.counts.reread
    seconds = {
        "search": stats.total_seconds,
        "proposer": stats.proposer_seconds,
        "evaluator": stats.evaluator_seconds,
        "verifier": stats.verifier_seconds,
        "bookkeeping": stats.bookkeeping_seconds,
    }
    if sampler.steps.runs_code:
        seconds["sandbox"] = sampler.steps.code.seconds  # part of the proposer's
    solved_ids = [tree.problem.id for tree in trees if tree.solved]
    named = {str(outcome): count for outcome, count in sorted(verdicts.items())}
    metrics = [{"logprob_gap": float(f"{sampler.gap:.3g}")}]
    return StageResult({"solved": solved_ids, "verdicts": named, "counts": counts}, metrics, seconds)


def code_counts(proposer: PolicyProposer) -> dict[str, int]:
    """How often code ran, and how many steps were left out because theirs failed; nothing where none runs."""
    if not proposer.steps.runs_code:
        return {}
    failed = {f"failed_steps_{outcome}": count for outcome, count in sorted(proposer.counts.failed.items())}
    return {"sandbox_calls": proposer.steps.code.calls, "failed_steps": proposer.counts.failed.total(), **failed}


def run_searches(
    driver: Driver,
    searches: Iterable[AnySearch],
    proposer: PolicyProposer,
    evaluator: Evaluator | None,
    *,
    slots: int,
    on_done: Callable[[AnySearch], None] | None = None,
) -> DriverStats:
    """Run the searches under the chosen driver. UserError if the engine cannot stream and is asked to."""
    if driver is Driver.LOCKSTEP:
        return search_lockstep(searches, proposer, evaluator, slots=slots, on_done=on_done)
    if not isinstance(proposer.engine, StreamingEngine):
        raise UserError(
            f"driver=streaming needs an engine that answers request by request, but {type(proposer.engine).__name__} "
            "answers whole batches; use driver=lockstep or another engine"
        )
    return search_streaming(searches, proposer, evaluator, slots=slots, on_done=on_done)


def refuse_verifier_errors(verdicts: Counter[Outcome]) -> None:
    """UserError if the verifier failed on more than 1 % of what it was to judge."""
    errors, total = verdicts[Outcome.ERROR], verdicts.total()
    if errors > _MOST_VERIFIER_ERRORS * total:
        raise UserError(f"the verifier failed on {errors} of {total} solutions, and 1 % is the most; mend the verifier")
