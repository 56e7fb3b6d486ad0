"""The jobs that judge a policy on problems it never saw: greedy, mean of k samples, majority, PPM-guided search."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from evolve.models import Sampler, load_evaluator, load_sampler
from evolve.search_stage import refuse_verifier_errors, run_searches
from evolve.stages import StageResult
from evolve.work import EvaluationWork, judging_units
from mcts.search import Search
from mcts.step import Continuation
from mcts.trajectory import shown_text, solution_text
from mcts.votes import solution_of, vote
from policy.engine import Sampling
from policy.writer import StepWriter, WriteRequest
from tasks.answers import votes_of
from tasks.problem import Outcome, Problem, Verifier
from tasks.registry import build_task
from tasks.seeding import derive_seed


def evaluate_group(report: Callable[..., None], work: EvaluationWork, problems: list[Problem]) -> StageResult:
    """A record per problem: ``greedy`` and ``majority`` and ``search`` (bool or None), ``sampled`` (share correct).

    ``outcomes`` counts the verifier's findings by method. UserError if it failed on more than 1 % of all solutions.
    """
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
    records: list[dict[str, Any]] = []
    verdicts = Counter[Outcome]()
    for problem, (written,), drawn, found in zip(problems, greedy, sampled, searched, strict=True):
        first, several = solution_text(written), [solution_text(steps) for steps in drawn]
        voted = vote(several, key=votes_of(verifier, without_answer(problem)))
        answers: dict[str, Sequence[str | None]] = {"greedy": [first], "sampled": several, "majority": [voted]}
        if work.ppm_path is not None:
            answers["search"] = [found]
        judged = {name: Counter(outcome_of(verifier, problem, text) for text in some) for name, some in answers.items()}
        verdicts.update(outcome for counted in judged.values() for outcome in counted.elements())
        shown = {"shown": shown_text(written)} if any(step.observation for step in written) else {}
        records.append(_record(problem, judged) | {"solution": first, **shown, "found": found})
    refuse_verifier_errors(verdicts)
    seconds = {"sandbox": sampler.steps.code.seconds} if sampler.steps.runs_code else {}
    return StageResult({"records": records, "generated_tokens": sampler.engine.counts.generated}, seconds=seconds)


def _record(problem: Problem, judged: Mapping[str, Counter[Outcome]]) -> dict[str, Any]:
    share = {name: counted[Outcome.CORRECT] / counted.total() for name, counted in judged.items()}
    return {
        "id": problem.id,
        "level": problem.meta.get("level"),
        "greedy": share["greedy"] == 1,
        "sampled": round(share["sampled"], 6),
        "majority": share["majority"] == 1,
        "search": share["search"] == 1 if "search" in share else None,
        "outcomes": {name: by_name(counted) for name, counted in judged.items()},
    }


def _solutions(
    sampler: Sampler, work: EvaluationWork, problems: list[Problem], count: int, temperature: float
) -> list[list[Continuation]]:
    """``count`` whole solutions a problem, up to and with the final step."""
    sampling = Sampling(temperature=temperature, max_tokens=work.policy.max_solution_tokens)
    kind = "greedy" if temperature == 0 else "samples"
    requests = [
        WriteRequest(sampler.encode(p.prompt), (), count, sampling, derive_seed(work.seed, kind, p.id))
        for p in problems
    ]
    answers = StepWriter(sampler.engine, sampler.steps).write(requests)
    return [[one.with_flaw for one in answer] for answer in answers]


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


def outcome_of(verifier: Verifier, problem: Problem, solution: str | None) -> Outcome:
    """What the verifier finds. Where a method came to no solution there is nothing to read: ``unverifiable``."""
    return Outcome.UNVERIFIABLE if solution is None else verifier.verify(problem, solution).outcome


def by_name(outcomes: Counter[Outcome]) -> dict[str, int]:
    """The counts by the outcomes' names, always in the same order."""
    return {str(outcome): outcomes[outcome] for outcome in Outcome if outcomes[outcome]}
