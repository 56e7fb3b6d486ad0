"""The job that has one group of problems answered by each method at each budget, and counts what that costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

from evolve.drawn import Drawn
from evolve.evaluation import by_name, outcome_of, without_answer
from evolve.meter import MeteredProposer, scored_tokens
from evolve.methods import SAMPLED, SEARCHES, WITHOUT_PPM, Method, MethodWork, units
from evolve.models import load_evaluator, load_sampler
from evolve.search_stage import refuse_verifier_errors, run_searches
from evolve.stages import StageResult
from mcts.beam import BeamSearch
from mcts.dvts import DiverseTreeSearch
from mcts.search import Search
from mcts.searcher import Searcher
from mcts.step import Evaluator
from mcts.tree import SearchTree
from mcts.votes import AnswerKey, ended, solution_of, vote_of
from mcts.waves import WaveConfig
from mcts.whole import WholeSolutions
from prm.scorer import Scorer
from tasks.answers import votes_of
from tasks.problem import Outcome, Problem
from tasks.registry import build_task


@dataclass(frozen=True, slots=True)
class Answer:
    """What a method answered at one budget: one solution (several for pass@N), and the tokens that it cost."""

    solutions: Sequence[str]
    generated: int
    scored: int


_Keys = Callable[[Problem], AnswerKey]  # what a problem's solutions are voted on by
_Answers = Iterator[tuple[Method, int, list[Answer]]]  # a method at a budget: an answer per problem


def judge_methods(
    report: Callable[..., None], work: MethodWork, problems: list[Problem], scorer: Scorer | None = None
) -> StageResult:
    """A record per problem: ``found[method][budget]`` is [right, generated tokens, scored tokens].

    ``scorer`` takes the place of the PPM at ``work.ppm_path``, such as one that knows the truth, for a ceiling.
    ``verdicts`` counts the different solutions of each problem by the verifier's finding. UserError if it failed on
    more than 1 % of them.
    """
    verifier = build_task(work.task).verifier
    bench = _Bench(work, problems, scorer, partial(votes_of, verifier))
    records: list[dict[str, Any]] = [
        {"id": problem.id, "level": problem.meta.get("level"), "found": {str(method): {} for method in work.methods}}
        for problem in problems
    ]
    verdicts = Counter[Outcome]()

    @cache
    def right(number: int, solution: str) -> bool:
        outcome = outcome_of(verifier, problems[number], solution)
        verdicts[outcome] += 1
        return outcome is Outcome.CORRECT

    total = units(work) * len(problems)
    done = 0
    report(0, total)
    for size, answers in bench.answers():
        for method, budget, by_problem in answers:
            for number, answer in enumerate(by_problem):
                found = any(right(number, solution) for solution in answer.solutions)
                records[number]["found"][str(method)][str(budget)] = [found, answer.generated, answer.scored]
        done += size * len(problems)
        report(done, total)
    refuse_verifier_errors(verdicts)
    return StageResult({"records": records, "work": bench.work_done(), "verdicts": by_name(verdicts)})


class _Bench:
    """The models, and the problems as a search without ground truth may see them."""

    def __init__(self, work: MethodWork, problems: list[Problem], scorer: Scorer | None, keys: _Keys) -> None:
        self._work = work
        self._keys = keys
        self._problems = [without_answer(problem) for problem in problems]
        self._sampler = load_sampler(work.policy, work.engine, work.policy_path)
        self._evaluator = scorer
        if scorer is None and work.ppm_path is not None:
            self._evaluator = load_evaluator(work.scorer, work.engine, work.ppm_path, self._sampler.encode)

    def answers(self) -> Iterator[tuple[int, _Answers]]:
        """Each part of the work with its size in ``units``, done when its answers are read."""
        work = self._work
        if Method.GREEDY in work.methods:
            yield 1, self._greedy()
        if SAMPLED & set(work.methods):
            yield max(work.budgets), self._sampled()
        for kind, named in SEARCHES.items():
            methods = [method for method in named if method in work.methods]
            for budget in work.budgets if methods else ():
                yield budget, self._searched(kind, methods, budget)

    def work_done(self) -> dict[str, int]:
        """Tokens that the models computed, all methods together."""
        counts = self._sampler.engine.counts
        scored = self._evaluator.counts.scored if self._evaluator else 0
        work = {"generated_tokens": counts.generated, "prefilled_tokens": counts.prefilled, "scored_tokens": scored}
        steps = self._sampler.steps
        return work | ({"sandbox_calls": steps.code.calls} if steps.runs_code else {})

    def _run(self, searches: Sequence[Searcher], temperature: float, evaluator: Evaluator | None) -> MeteredProposer:
        proposer = MeteredProposer(self._sampler, self._work.policy, temperature)
        run_searches(self._work.evaluation.search.driver, searches, proposer, evaluator, slots=64)
        return proposer

    def _whole(self, problem: Problem, count: int, *, scored: bool) -> WholeSolutions:
        # A step has at least one token, so this bound never cuts what max_solution_tokens allows.
        return WholeSolutions(problem, count, self._work.policy.max_solution_tokens, self._work.seed, scored=scored)

    def _greedy(self) -> _Answers:
        searches = [self._whole(problem, 1, scored=False) for problem in self._problems]
        tokens = self._run(searches, 0.0, None).tokens
        texts = [[search.tree.trajectory(node).text for node in ended(search.tree)] for search in searches]
        yield Method.GREEDY, 1, [Answer(t, sum(tokens(s.problem.id)), 0) for t, s in zip(texts, searches, strict=True)]

    def _sampled(self) -> _Answers:
        """Smaller budgets choose from the first of the same solutions."""
        work = self._work
        methods = [method for method in work.methods if method in SAMPLED]
        scored = not set(methods) <= set(WITHOUT_PPM)
        searches = [self._whole(problem, max(work.budgets), scored=scored) for problem in self._problems]
        tokens = self._run(searches, work.evaluation.temperature, self._evaluator if scored else None).tokens
        for budget in work.budgets:
            drawn = [Drawn.first(search, budget) for search in searches]
            for method in methods:
                answers = []
                for search, each in zip(searches, drawn, strict=True):
                    read = self._scored(search.tree, search.problem, each.nodes) if method not in WITHOUT_PPM else 0
                    answers.append(
                        Answer(
                            each.choose(method, work.evaluation.choose_by, self._keys(search.problem)),
                            sum(tokens(search.problem.id)[:budget]),
                            read,
                        )
                    )
                yield method, budget, answers

    def _searched(self, kind: Method, methods: list[Method], budget: int) -> _Answers:
        searches = [self._search(kind, problem, budget) for problem in self._problems]
        tokens = self._run(searches, self._work.evaluation.temperature, self._evaluator).tokens
        for method in methods:
            answers = []
            for search in searches:
                tree, choose_by = search.tree, self._work.evaluation.choose_by
                if method is Method.DVTS_WEIGHTED:
                    found = vote_of(tree, choose_by, self._keys(search.problem))
                else:
                    found = solution_of(tree, choose_by)
                read = self._scored(tree, search.problem, range(1, len(tree)))
                answers.append(Answer([found] if found is not None else [], sum(tokens(search.problem.id)), read))
            yield method, budget, answers

    def _search(self, kind: Method, problem: Problem, budget: int) -> Searcher:
        work, config = self._work, self._work.evaluation.search
        if kind is Method.MCTS:
            return Search(problem, replace(config, rollouts=budget), work.seed, None)
        waves = WaveConfig(budget, work.beam_width, config.max_depth, work.evaluation.choose_by)
        return (BeamSearch if kind is Method.BEAM else DiverseTreeSearch)(problem, waves, work.seed)

    def _scored(self, tree: SearchTree, problem: Problem, nodes: Sequence[int]) -> int:
        return scored_tokens(tree, len(self._sampler.encode(problem.prompt)), nodes)
