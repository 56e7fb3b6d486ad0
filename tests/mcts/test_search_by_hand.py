"""Trees worked out on paper: exact visits and value sums."""

import pytest

from mcts.config import Backup, Mode, SearchConfig, Simulation
from mcts.scripted import ScriptedEvaluator, TableProposer
from mcts.search import Search, verdict_value
from mcts.step import Step
from tasks.problem import Outcome, Problem, Verdict
from tests.mcts.puzzles import TABLE_VERIFIER, run, search_table, statistics


def test_every_rollout_ends_in_a_verdict():
    search = search_table(rollouts=4)
    # 1: root and a are expanded, x and y valued. 2: b, then c is expanded, z valued.
    # 3: a 0 + 2 sqrt(ln 3 / 2) = 1.48 against b 1 + 2 sqrt(ln 3) = 3.10: z again. 4: 1.67 against 2.67: z again.
    assert statistics(search.tree) == {
        "": (5, 3.0), "a": (2, 0.0), "b": (3, 3.0), "ax": (1, -1.0), "ay": (1, 1.0), "bc": (3, 3.0), "bcz": (3, 3.0),
    }  # fmt: skip
    assert search.stats.rollouts == 4
    assert search.stats.verdicts == {Outcome.CORRECT: 2, Outcome.WRONG: 1}
    assert {trajectory.text for trajectory in search.tree.trajectories()} == {"ax", "ay", "bcz"}


def test_siblings_of_a_finished_candidate_stay():
    table = {"": [Step("x", is_final=True), Step("b")], "b": [Step("z", is_final=True)]}
    search = Search(Problem("s", "?", ""), SearchConfig(rollouts=2), 0, TABLE_VERIFIER)
    assert {t.text for t in run(search, TableProposer(table)).trajectories()} == {"x", "bz"}


def test_no_simulation_backs_up_only_what_ended():
    # 1: root is expanded. 2: a, x and y valued. 3: b is expanded. 4: b is still unvisited; c is expanded, z valued.
    assert [search_table(rollouts=n, simulation=Simulation.NONE).tree.visits[0] for n in (1, 2, 3, 4)] == [0, 2, 2, 3]


def test_simulation_to_the_end():
    # 1: root is expanded; a's first candidate, x, fails. 2: b is expanded; c's candidate, z, is right.
    # 3: a -1 + 2 sqrt(ln 2) = 0.67 against b 2.67: c is expanded, z is valued. 4: z again.
    search = search_table(rollouts=4, simulation=Simulation.END)
    assert statistics(search.tree) == {
        "": (4, 2.0), "a": (1, -1.0), "b": (3, 3.0), "bc": (3, 3.0), "bcz": (2, 2.0),
    }  # fmt: skip
    assert (search.stats.simulations, search.stats.simulations_correct) == (2, 1)
    assert search.stats.verdicts == {Outcome.CORRECT: 2, Outcome.WRONG: 1}


def test_simulation_of_one_step():
    # 1: a's one step is x: -1. 2: b is expanded, c's one step is z: +1.
    tree = search_table(rollouts=2, simulation=Simulation.STEPS).tree
    assert statistics(tree) == {"": (2, 0.0), "a": (1, -1.0), "b": (1, 1.0), "bc": (1, 1.0)}


def test_a_simulated_step_that_does_not_end_is_valued_by_the_ppm():
    table = {"": [Step("b")], "b": [Step("c")], "bc": [Step("z", is_final=True)]}
    values = {"b": -0.5, "bc": 0.25}
    config = SearchConfig(rollouts=1, mode=Mode.PPM_AUGMENTED, simulation=Simulation.STEPS)
    evaluator = ScriptedEvaluator(lambda problem, prefix: values["".join(step.text for step in prefix)])
    tree = run(Search(Problem("s", "?", ""), config, 0, TABLE_VERIFIER), TableProposer(table), evaluator)
    assert statistics(tree) == {"": (1, 0.25), "b": (2, -0.25)}  # b: its score as a pseudo-visit, and c's


def test_ppm_score_is_one_pseudo_visit():
    # 1: a has the higher score; x and y are valued. 2: a 1/6 + 2 sqrt(ln 2 / 3) = 1.128 against
    # b -0.5 + 2 sqrt(ln 2) = 1.165: b, then c is expanded, z valued.
    tree = search_table(rollouts=2, mode=Mode.PPM_AUGMENTED).tree
    assert statistics(tree) == {
        "": (3, 1.0), "a": (3, 0.5), "b": (2, 0.5), "ax": (1, -1.0), "ay": (1, 1.0), "bc": (2, 1.25), "bcz": (1, 1.0),
    }  # fmt: skip
    assert tree.q(1) == (0.5 + (-1 + 1)) / (1 + 2)
    assert tree.q(2) == (-0.5 + 1) / (1 + 1)
    assert tree.node(1).score == 0.5
    assert tree.node(3).score is None


def test_inference_values_ends_by_the_ppm():
    search = search_table(rollouts=1, mode=Mode.INFERENCE)
    assert statistics(search.tree) == {
        "": (2, 1.0), "a": (3, 1.5), "b": (1, -0.5), "ax": (1, 0.125), "ay": (1, 0.875),
    }  # fmt: skip
    assert search.tree.verdicts == {}
    assert search.tree.best_path() == [1, 4]
    assert not search.tree.solved


def test_a_leaf_score_is_backed_up_without_simulation():
    # 1: root is expanded (it has no score). 2: a, x and y valued. 3: b (-0.5 + 1.67 against 1/6 + 0.96) is expanded:
    # its own score once more.
    tree = search_table(rollouts=3, mode=Mode.PPM_AUGMENTED, simulation=Simulation.NONE).tree
    assert statistics(tree)[""] == (3, -0.5)
    assert statistics(tree)["b"] == (2, -1.0)


def test_max_backup_and_discount():
    best = statistics(search_table(rollouts=1, backup=Backup.MAX).tree)
    assert (best[""], best["a"]) == ((2, 2.0), (2, 2.0))
    discounted = statistics(search_table(rollouts=2, discount=0.5).tree)
    assert (discounted["b"], discounted["bc"], discounted["bcz"]) == ((1, 0.25), (1, 0.5), (1, 1.0))


def test_dead_ends():
    table = {"": [Step("a"), Step("b")], "b": [Step("c"), Step("z", is_final=True)]}
    search = Search(Problem("d", "?", ""), SearchConfig(rollouts=2, max_depth=2), 0, TABLE_VERIFIER)
    tree = run(search, TableProposer(table))
    # a has no continuation: rollout 1. c is too deep; it and z (wrong) are valued: rollout 2.
    assert tree.dead_ends == {1, 3}
    assert statistics(tree) == {"": (3, -3.0), "a": (1, -1.0), "b": (2, -2.0), "bc": (1, -1.0), "bz": (1, -1.0)}
    assert [trajectory.verdict for trajectory in tree.trajectories() if not trajectory.is_final] == [None, None]


def test_a_problem_without_any_valid_step():
    search = Search(Problem("d", "?", ""), SearchConfig(rollouts=3), 0, TABLE_VERIFIER)
    tree = run(search, TableProposer({}))
    assert (len(tree), tree.visits[0], tree.value_sum[0], tree.trajectories()) == (1, 3, -3.0, [])


@pytest.mark.parametrize("merge", [True, False])
def test_duplicates_become_one_child_whose_prior_is_their_share(merge):
    table = {"": [Step("x", (1,), (-1.0,), True), Step("y", (), (), True), Step("x", (2, 3), (-1.0, -2.0), True)] * 2}
    search = Search(Problem("m", "?", ""), SearchConfig(rollouts=1, merge_duplicates=merge), 0, TABLE_VERIFIER)
    tree = run(search, TableProposer(table))
    if merge:
        assert [(tree.step(n).token_ids, tree.prior[n]) for n in (1, 2)] == [((1,), 4 / 6), ((), 2 / 6)]
        assert (len(tree), search.stats.duplicates) == (3, 4)
    else:
        assert [tree.prior[node] for node in range(1, 7)] == [1 / 6] * 6
        assert len(tree) == 7


@pytest.mark.parametrize(
    ("verdict", "value"),
    [
        (Verdict(Outcome.CORRECT, 1.0), 1.0),
        (Verdict(Outcome.WRONG, 0.0), -1.0),
        (Verdict(Outcome.WRONG, 0.25), -0.5),
        (Verdict(Outcome.UNVERIFIABLE, 0.0), -1.0),
        (Verdict(Outcome.ERROR, 0.5), -1.0),
    ],
)
def test_verdict_values(verdict, value):
    assert verdict_value(verdict) == value
