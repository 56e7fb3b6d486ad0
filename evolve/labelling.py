"""The job that labels the solutions of a group of problems."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field

from evolve.label_config import OF_POLICY, LabelMethod
from evolve.label_solutions import chosen
from evolve.models import Sampler, load_sampler
from evolve.search_stage import refuse_verifier_errors
from evolve.stages import StageResult
from evolve.work import LabelWork
from mcts.step import ProposeRequest
from mcts.trajectory import Trajectory
from policy.continuations import Continuations
from policy.engine import Sampling
from policy.rl import judged, sample_groups, without_errors
from prm.labels.base import Continuer, Costs, Labeller, Unlabelled
from prm.labels.binary_search import BinarySearch
from prm.labels.consensus import Consensus, SecondEstimate
from prm.labels.judge import step_judge
from prm.labels.monte_carlo import MonteCarlo
from prm.labels.oracle import OracleLabels
from prm.labels.tree_q import TreeQ
from prm.labels.weighted_value import WeightedValue
from tasks.errors import UserError
from tasks.fault import with_faults
from tasks.problem import Outcome, Problem
from tasks.registry import build_task
from tasks.seeding import derive_seed


def label_group(
    report: Callable[..., None], work: LabelWork, problems: list[Problem], given: list[list[Unlabelled]] | None
) -> StageResult:
    """Label the solutions ``given`` for each problem, or without any, fresh ones.

    The result holds ``labelled`` (of each solution, None for one left out), ``costs`` of the labels, and
    ``drawn_tokens``: what sampling the fresh solutions took.
    """
    needs_policy = given is None or work.wanted.method in OF_POLICY
    sampler = load_sampler(work.of_run.policy, work.of_run.engine, work.policy_path) if needs_policy else None
    report(0, len(problems))
    if given is None:
        assert sampler is not None, "it is loaded where solutions are to be drawn"
        given = _fresh(work, sampler, problems)
    drawn = Costs() if sampler is None else _tokens(sampler)
    ends = _Watched(_continuations(work, sampler)) if sampler is not None else None
    labeller = _labeller(work, ends)
    labelled = labeller.label([one for mine in given for one in mine])
    costs = Costs()
    costs.add(labeller.costs)
    if ends is not None and sampler is not None:
        refuse_verifier_errors(ends.outcomes)
        costs.add(_tokens(sampler, drawn))
    report(len(problems), len(problems))
    return StageResult({"labelled": labelled, "costs": asdict(costs), "drawn_tokens": drawn.generated})


@dataclass
class _Watched:
    """Continuations whose verdicts are counted, so that a failing verifier is noticed."""

    inner: Continuer
    outcomes: Counter[Outcome] = field(default_factory=Counter)

    def complete(self, requests: Sequence[ProposeRequest]) -> list[list[Trajectory]]:
        answers = self.inner.complete(requests)
        self.outcomes.update(each.verdict.outcome for answer in answers for each in answer if each.verdict)
        return answers


def _labeller(
    work: LabelWork, ends: Continuer | None, method: LabelMethod | None = None, seed: int | None = None
) -> Labeller:
    wanted, method, seed = work.wanted, method or work.wanted.method, work.seed if seed is None else seed
    match method:
        case LabelMethod.TREE_Q:
            return TreeQ()
        case LabelMethod.WEIGHTED_VALUE:
            return WeightedValue()
        case LabelMethod.JUDGE:
            return step_judge(wanted.judge)
        case LabelMethod.CONSENSUS:
            if wanted.confirm is LabelMethod.JUDGE:
                return Consensus(_labeller(work, ends, wanted.estimate), step_judge(wanted.judge))
            second = _labeller(work, ends, wanted.confirm, derive_seed(seed, "second estimate"))
            return Consensus(_labeller(work, ends, wanted.estimate), SecondEstimate(second), str(wanted.confirm))
        case LabelMethod.ORACLE:
            oracle = build_task(work.of_run.task).oracle
            if oracle is None:
                raise UserError(f"method=oracle: the task {work.of_run.task.name} has no oracle; use another method")
            return OracleLabels(oracle)
    assert ends is not None, "the policy is loaded for the methods that sample it"
    if method is LabelMethod.BINARY_SEARCH:
        return BinarySearch(ends, wanted.continuations, seed)
    is_hard = method is LabelMethod.MONTE_CARLO_HARD
    return MonteCarlo(ends, wanted.continuations, seed, hard=is_hard)


def _continuations(work: LabelWork, sampler: Sampler) -> Continuations:
    config = work.of_run
    verifier = with_faults(build_task(config.task).verifier, config.task.fault)
    sampling = Sampling(temperature=work.wanted.temperature, max_tokens=config.policy.max_solution_tokens)
    return Continuations(sampler.engine, sampler.encode, sampler.steps, verifier, sampling)


def _fresh(work: LabelWork, sampler: Sampler, problems: list[Problem]) -> list[list[Unlabelled]]:
    """Different solutions of each problem, drawn independently."""
    config, wanted = work.of_run, work.wanted
    verifier = with_faults(build_task(config.task).verifier, config.task.fault)
    most, seed = config.policy.max_solution_tokens, derive_seed(work.seed, "fresh")
    drawn = sample_groups(
        sampler.engine, sampler.encode, sampler.steps, problems, wanted.per_problem, most, seed, wanted.temperature
    )
    groups = judged(drawn, verifier)
    refuse_verifier_errors(Counter(one.verdict.outcome for g in groups for one in g.trajectories if one.verdict))
    found = (
        [Unlabelled(group.problem, one, "fresh") for one in group.trajectories] for group in without_errors(groups)
    )
    return [chosen(mine, wanted.per_problem, work.seed) for mine in found]


def _tokens(sampler: Sampler, before: Costs | None = None) -> Costs:
    """What the policy has computed, less what it had ``before``."""
    counts, less = sampler.engine.counts, before or Costs()
    return Costs(
        generated=counts.generated - less.generated,
        prefilled=counts.prefilled - less.prefilled,
        cached=counts.cached - less.cached,
        sandbox_calls=sampler.steps.code.calls - less.sandbox_calls,
    )
