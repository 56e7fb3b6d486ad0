"""Which problems a round searches: the same, fresh ones, or a curriculum by what the last trees solved.

Problems in quarantine are left out, and a share of the round may be variations of problems that were solved.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np

from evolve.config import EvolveConfig, ProblemChoice, SearchStageConfig, round_search
from mcts.tree import SearchTree
from tasks.durable import write_json_atomic
from tasks.errors import DataError, UserError
from tasks.problem import Outcome, Problem, Split, Task, VariesProblems
from tasks.registry import varies
from tasks.seeding import derive_seed

SUCCESS = "success.json"
"""How the solutions in a round's trees ended, problem by problem; written by its selection."""


def training_problems(task: Task, config: EvolveConfig, round_number: int) -> list[Problem]:
    """The problems that a round may search: the first ones, with ``choice=fresh`` those after the rounds' before.

    With ``choice=curriculum`` both: those of the rounds before, and as many new ones as the round searches. A task
    whose problems stand in a file may hold fewer than are asked for, even none.
    """
    search = round_search(config, round_number)
    if search.choice is ProblemChoice.SAME:
        return task.problems(Split.TRAIN, search.problems)
    used = _used(config, round_number)
    found = task.problems(Split.TRAIN, used + search.problems)
    return found if search.choice is ProblemChoice.CURRICULUM else found[used:]


def _used(config: EvolveConfig, round_number: int) -> int:
    """How many of the first training problems the rounds before may have searched."""
    used = 0
    for number in range(1, round_number):
        search = round_search(config, number)
        used = max(used, search.problems) if search.choice is ProblemChoice.SAME else used + search.problems
    return used


def refuse_varied(task: Task, config: EvolveConfig) -> None:
    """UserError if a round wants variations of a task that knows none."""
    rounds = range(1, config.rounds + 1)
    if any(round_search(config, number).varied for number in rounds) and not varies(task):
        raise UserError(
            f"search.varied: task {task.name} cannot make new problems of old ones, only chain and wordmath can; "
            "set it to 0, in the schedule too"
        )


def write_success(path: Path, by_problem: Mapping[str, Sequence[SearchTree]]) -> None:
    """Write for each problem ``[right, ended]``: its trees' solutions that the verifier could judge, each path once."""
    counts = {}
    for name, trees in by_problem.items():
        verdicts = [found.verdict for tree in trees for found in tree.trajectories() if found.verdict is not None]
        judged = [verdict.outcome for verdict in verdicts if verdict.outcome is not Outcome.ERROR]
        counts[name] = [sum(outcome is Outcome.CORRECT for outcome in judged), len(judged)]
    write_json_atomic(path, counts)


def read_success(paths: Sequence[Path]) -> dict[str, float]:
    """The share of right solutions of each problem, by id; a later file's word counts. 0 where none was judged."""
    shares: dict[str, float] = {}
    for path in paths:
        try:
            counts = json.loads(path.read_text(encoding="utf-8"))
            shares |= {name: right / ended if ended else 0.0 for name, (right, ended) in counts.items()}
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise DataError(
                f"{path} is missing or damaged ({error}); start the run under another name, or with overwrite=true"
            ) from error
    return shares


def curriculum_weights(problems: Sequence[Problem], shares: Mapping[str, float], floor: float) -> np.ndarray:
    """p * (1 - p) of each problem [P], at least ``floor``: most for those that are solved half of the time.

    p is the problem's share of right solutions; of one that was never searched the mean of its level's (problems
    without a level are one level), and where nothing is known of the level, p * (1 - p) counts as 0.
    """
    by_level: dict[Any, list[float]] = defaultdict(list)
    for problem in problems:
        if problem.id in shares:
            by_level[problem.meta.get("level")].append(shares[problem.id])
    of_level = {level: sum(found) / len(found) for level, found in by_level.items()}
    p = np.array([shares.get(each.id, of_level.get(each.meta.get("level"), 0.0)) for each in problems])
    weights_P: np.ndarray = np.maximum(p * (1 - p), floor)
    return weights_P


def drawn(problems: Sequence[Problem], weights: np.ndarray, count: int, seed: int) -> list[Problem]:
    """``count`` different problems, one after the other by weight [P], in their own order; all if there are no more.

    The smallest of exponential draws over weights: the same law as drawing without putting back (Efraimidis and
    Spirakis 2006).
    """
    keys = np.random.default_rng(seed).exponential(size=len(problems)) / weights
    return [problems[index] for index in sorted(np.argsort(keys, kind="stable")[:count].tolist())]


@dataclass(frozen=True, slots=True)
class Supply:
    """Hands the rounds of a run their problems. ``success_of``: where a round's ``success.json`` is."""

    task: Task
    config: EvolveConfig
    success_of: Callable[[int], Path]

    def problems(self, number: int, suspects: set[str]) -> tuple[list[Problem], dict[str, Any]]:
        """What round ``number`` searches, and what the report says of it. UserError if nothing is left."""
        search = round_search(self.config, number)
        candidates = training_problems(self.task, self.config, number)
        left = [problem for problem in candidates if problem.id not in suspects]
        if not left:
            raise UserError(
                f"all {len(candidates)} training problems of round {number} are in quarantine; raise "
                "selection.quarantine, or give the task more problems"
            )
        told: dict[str, Any] = {"choice": str(search.choice), "quarantined": len(candidates) - len(left)}
        shares = self._shares(number, search)
        most = min(search.problems, len(left))
        new = self._variations(number, search, shares, left)[:most]
        count = max(0, most - len(new))
        if search.choice is ProblemChoice.CURRICULUM:
            weights = curriculum_weights(left, shares, search.floor)
            found = drawn(left, weights, count, derive_seed(self.config.seed, "curriculum", number))
            known = [shares[problem.id] for problem in found if problem.id in shares]
            mean = round(sum(known) / len(known), 6) if known else None
            told |= {"candidates": len(left), "unseen": len(found) - len(known), "success_before": mean}
        else:
            found = left[:count]
        return [*found, *new], told | {"varied": len(new)}

    def _shares(self, number: int, search: SearchStageConfig) -> dict[str, float]:
        """What is known of the problems of the rounds before; nothing where nobody asks."""
        if search.choice is not ProblemChoice.CURRICULUM and not search.varied:
            return {}
        return read_success([self.success_of(before) for before in range(1, number)])

    def _variations(
        self, number: int, search: SearchStageConfig, shares: Mapping[str, float], beside: list[Problem]
    ) -> list[Problem]:
        """Variations of problems that were solved, the likelier the nearer to half of the time; none is ``beside``."""
        wanted = int(search.varied * search.problems)
        if not wanted or not shares or not isinstance(self.task, VariesProblems):
            return []
        known = self.task.problems(Split.TRAIN, _used(self.config, number))
        solved = [each for each in known if shares.get(each.id, 0.0) > 0]
        seed = derive_seed(self.config.seed, "vary", number)
        sources = drawn(solved, curriculum_weights(solved, shares, search.floor), wanted, seed)
        rng = np.random.default_rng(derive_seed(seed, "change"))
        made: dict[str, Problem] = {}
        taken = {problem.prompt for problem in beside}
        for source in islice(cycle(sources), wanted):
            if (problem := self.task.vary(source, rng)) is not None and problem.prompt not in taken:
                made.setdefault(problem.prompt, problem)
        return list(made.values())
