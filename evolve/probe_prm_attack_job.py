"""The job that searches for solutions that a process model scores highly, and has the verifier say what they are worth.

The searches see neither answers nor verifier: the policy writes, the model's scores alone guide and choose.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from evolve.config import ScorerName
from evolve.evaluation import without_answer
from evolve.models import load_evaluator, load_sampler
from evolve.probe_prm_config import AttackWork
from evolve.probe_prm_found import Found
from evolve.search_stage import refuse_verifier_errors, run_searches
from evolve.stages import StageResult
from mcts.search import Search
from mcts.searcher import Searcher
from mcts.tree import SearchTree
from mcts.votes import ended
from mcts.whole import WholeSolutions
from tasks.fault import with_faults
from tasks.problem import Outcome, Problem, Verdict, Verifier
from tasks.registry import build_task

_SLOTS = 64  # searches under way at once


def attack_group(report: Callable[..., None], work: AttackWork, problems: list[Problem]) -> StageResult:
    """``found``: of each problem every solution that best of N and the tree search came to, with scores and verdicts.

    Where ``work.faulty`` the verdicts are the run's own (``task.fault``), else the true ones.
    UserError if the verifier failed on more than 1 % of them.
    """
    config, attack = work.of_run, work.attack
    sampler = load_sampler(config.policy, config.engine, work.policy_path)
    proposer = sampler.proposer(config.policy, attack.temperature, 1.0)
    evaluator = load_evaluator(ScorerName.HF, config.engine, work.prm, sampler.encode)
    hidden = [without_answer(problem) for problem in problems]
    depth = attack.search.max_depth
    searches: dict[str, Sequence[Searcher]] = {
        "best_of_n": [WholeSolutions(each, attack.solutions, depth, work.seed, scored=True) for each in hidden],
        "mcts": [Search(each, attack.search, work.seed, None) for each in hidden],
    }
    report(0, len(problems))
    for own in searches.values():
        run_searches(attack.search.driver, own, proposer, evaluator, slots=_SLOTS)
    verifier = build_task(config.task).verifier
    judge = _Judge(with_faults(verifier, config.task.fault) if work.faulty else verifier)
    found = [
        [one for how, own in searches.items() for one in _found(how, own[at].tree, problem, judge)]
        for at, problem in enumerate(problems)
    ]
    refuse_verifier_errors(judge.outcomes)
    report(len(problems), len(problems))
    counts = {"generated_tokens": sampler.engine.counts.generated, "scored_tokens": evaluator.counts.scored}
    return StageResult({"found": found, "counts": counts})


class _Judge:
    """A verifier, asked once for each solution."""

    def __init__(self, verifier: Verifier) -> None:
        self.outcomes: Counter[Outcome] = Counter()
        self._verifier = verifier
        self._known: dict[tuple[str, str], Verdict] = {}

    def __call__(self, problem: Problem, text: str) -> Verdict:
        key = (problem.id, text)
        if key not in self._known:
            self._known[key] = self._verifier.verify(problem, text)
            self.outcomes[self._known[key].outcome] += 1
        return self._known[key]


def _found(how: str, tree: SearchTree, problem: Problem, judge: _Judge) -> list[Found]:
    found = []
    for node in ended(tree):
        one = tree.trajectory(node)
        scores = tuple(tree.score[step] for step in tree.path(node))
        found.append(Found(how, one.steps, scores, judge(problem, one.text)))
    return [one for one in found if one.verdict.outcome is not Outcome.ERROR]
