"""The jobs that judge a policy on problems it never saw: greedy, mean of k samples, majority, PPM-guided search."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from evolve.models import Sampler, load_evaluator, load_sampler
from evolve.search_stage import run_searches
from evolve.stages import StageResult
from evolve.work import EvaluationWork, judging_units
from mcts.search import Search
from mcts.trajectory import solution_text
from mcts.votes import solution_of, vote
from policy.engine import Sampling
from policy.writer import StepWriter, WriteRequest
from tasks.problem import Outcome, Problem, Verifier
from tasks.registry import build_task
from tasks.seeding import derive_seed


def evaluate_group(report: Callable[..., None], work: EvaluationWork, problems: list[Problem]) -> StageResult:
    """A record per problem: ``greedy`` and ``majority`` and ``search`` (bool or None), ``sampled`` (share correct)."""
    sampler = load_sampler(work.policy, work.engine, work.policy_path)
    verifier = build_task(work.task).verifier
    done, total = 0, judging_units(work) * len(problems)

    def add(units: int) -> None:
        nonlocal done
        done += units
        report(done, total)

    add(0)
    greedy = _solutions(sampler, work, problems, 1, 0.0)
    add(len(problems))
    sampled = _solutions(sampler, work, problems, work.evaluation.samples, work.evaluation.temperature)
    add(work.evaluation.samples * len(problems))
    searched = _searched(sampler, work, problems, lambda _: add(work.evaluation.search.rollouts))
    records = []
    for problem, (first,), several, found in zip(problems, greedy, sampled, searched, strict=True):
        right = [is_right(verifier, problem, text) for text in several]
        record: dict[str, Any] = {
            "id": problem.id,
            "level": problem.meta.get("level"),
            "greedy": is_right(verifier, problem, first),
            "sampled": round(sum(right) / len(right), 6),
            "majority": is_right(verifier, problem, vote(several)),
            "search": None if work.ppm_path is None else is_right(verifier, problem, found),
            "solution": first,
            "found": found,
        }
        records.append(record)
    seconds = {"sandbox": sampler.steps.code.seconds} if sampler.steps.runs_code else {}
    return StageResult({"records": records, "generated_tokens": sampler.engine.counts.generated}, seconds=seconds)


def _solutions(
    sampler: Sampler, work: EvaluationWork, problems: list[Problem], count: int, temperature: float
) -> list[list[str]]:
    """``count`` whole solutions a problem, as text up to and with the final step."""
    sampling = Sampling(temperature=temperature, max_tokens=work.policy.max_solution_tokens)
    kind = "greedy" if temperature == 0 else "samples"
    requests = [
        WriteRequest(sampler.encode(p.prompt), (), count, sampling, derive_seed(work.seed, kind, p.id))
        for p in problems
    ]
    answers = StepWriter(sampler.engine, sampler.steps).write(requests)
    return [[solution_text(one.with_flaw) for one in answer] for answer in answers]


def _searched(
    sampler: Sampler, work: EvaluationWork, problems: list[Problem], on_done: Callable[[Search], None]
) -> list[str | None]:
    """The answers of PPM-guided searches, which cannot reach the verifier: they are not given one."""
    if work.ppm_path is None:
        return [None] * len(problems)
    proposer = sampler.proposer(work.policy, work.evaluation.temperature, 1.0)
    evaluator = load_evaluator(work.scorer, work.engine, work.ppm_path, sampler.encode)
    searches = [Search(without_answer(p), work.evaluation.search, work.seed, None) for p in problems]
    run_searches(work.evaluation.search.driver, searches, proposer, evaluator, slots=64, on_done=on_done)
    return [solution_of(search.tree, work.evaluation.choose_by) for search in searches]


def without_answer(problem: Problem) -> Problem:
    """The problem without its answer: what a search without ground truth may see."""
    return replace(problem, answer="")


def is_right(verifier: Verifier, problem: Problem, solution: str | None) -> bool:
    """Is there a solution, and does the verifier find it correct?"""
    return solution is not None and verifier.verify(problem, solution).outcome is Outcome.CORRECT
