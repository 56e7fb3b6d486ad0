"""Solved games, and a bandit whose best arm is known."""

import numpy as np
import pytest

from mcts.config import Rule, SearchConfig
from mcts.rules import RULES
from mcts.search import Search
from mcts.step import Step
from mcts.tree import SearchTree
from tasks.problem import Problem
from tests.mcts.puzzles import NIM, NIM_VERIFIER, nim_problem, run


@pytest.mark.parametrize("rule", [Rule.UCT, Rule.PUCT])
@pytest.mark.parametrize("pile", [5, 6, 7, 9, 10, 11])
def test_nim_is_won_from_every_winning_pile(pile, rule):
    tree = run(Search(nim_problem(pile), SearchConfig(rule=rule, rollouts=64), 1, NIM_VERIFIER), NIM)
    assert tree.solved
    won = tree.trajectory(tree.best_path()[-1])
    assert won.verdict.reward == 1
    assert int(won.steps[0].text) == pile % 4  # the only winning move
    visits = {tree.step(child).text: tree.visits[child] for child in tree.children(0)}
    assert max(visits, key=visits.get) == str(pile % 4)


@pytest.mark.parametrize("pile", [4, 8, 12])
def test_nim_is_lost_from_every_losing_pile(pile):
    tree = run(Search(nim_problem(pile), SearchConfig(rollouts=64), 1, NIM_VERIFIER), NIM)
    assert not tree.solved
    assert tree.q(0) == -1


def bandit(rule: Rule, seed: int, arms: int = 5, pulls: int = 100) -> tuple[SearchTree, int]:
    """One arm always wins, the others win half of the time; returns the tree and the good arm."""
    rng = np.random.default_rng((7, seed))
    tree = SearchTree(Problem("bandit", "", ""))
    tree.add_children(0, [Step(str(arm)) for arm in range(arms)], [1 / arms] * arms)
    good = 1 + int(rng.integers(arms))
    luck = rng.integers(0, 2, size=pulls) * 2.0 - 1.0
    for pull in range(pulls):
        arm = RULES[rule](tree, 0, 2.0, None)
        tree.back_up_mean(arm, 1.0 if arm == good else float(luck[pull]))
    return tree, good


def test_uct_finds_the_arm_that_always_wins():
    found = 0
    for seed in range(1000):
        tree, good = bandit(Rule.UCT, seed)
        found += tree.visits[good] > max(tree.visits[arm] for arm in tree.children(0) if arm != good)
    assert found >= 995


def test_the_released_rule_starves_the_arm_that_always_wins():
    starved = sum(tree.visits[good] == 0 for tree, good in (bandit(Rule.RSTAR_RELEASED, seed) for seed in range(200)))
    assert starved >= 80  # 133 in another bandit of this kind
    assert all(tree.visits[good] > 0 for tree, good in (bandit(Rule.UCT, seed) for seed in range(200)))
