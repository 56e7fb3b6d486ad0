"""What a search refuses, and what it never touches."""

import math

import pytest
from omegaconf import OmegaConf

from mcts.config import Driver, Expansion, Mode, Rule, SearchConfig, Simulation
from mcts.lockstep import search_lockstep
from mcts.scripted import ScriptedEvaluator
from mcts.search import Search
from mcts.step import Step
from tasks.errors import UserError
from tasks.problem import Outcome, Verdict
from tests.mcts.puzzles import SUM, SUM_EVALUATOR, SUM_VERIFIER, run, search_sum, sum_problem


def test_inference_refuses_a_verifier_and_the_other_modes_need_one():
    with pytest.raises(ValueError, match="must not be given a verifier"):
        Search(sum_problem(4), SearchConfig(mode=Mode.INFERENCE), 0, SUM_VERIFIER)
    for mode in (Mode.TERMINAL_GUIDED, Mode.PPM_AUGMENTED):
        with pytest.raises(ValueError, match="must be given a verifier"):
            Search(sum_problem(4), SearchConfig(mode=mode), 0, None)


def test_inference_reaches_no_ground_truth():
    config = SearchConfig(mode=Mode.INFERENCE)
    search = search_sum(config)
    tree = run(search, SUM, SUM_EVALUATOR)
    assert tree.verdicts == {}
    assert search.stats.verdicts == {}
    assert any(trajectory.is_final for trajectory in tree.trajectories())


def test_terminal_guided_asks_for_no_scores():
    stats = search_lockstep([search_sum(SearchConfig())], SUM)
    assert stats.score_requests == 0


def test_a_mode_with_a_ppm_needs_an_evaluator():
    with pytest.raises(ValueError, match="needs an evaluator"):
        search_lockstep([search_sum(SearchConfig(mode=Mode.PPM_AUGMENTED))], SUM)


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf, 1.5])
def test_a_bad_score_stops_with_the_problem_id(score):
    search = search_sum(SearchConfig(mode=Mode.INFERENCE))
    with pytest.raises(UserError, match="problem sum/6/0: the evaluator gave the score"):
        run(search, SUM, ScriptedEvaluator(lambda problem, prefix: score))


@pytest.mark.parametrize("outcome", [Outcome.ERROR, Outcome.UNVERIFIABLE])
def test_what_cannot_be_judged_counts_as_failed_and_is_kept_apart(outcome):
    class Broken:
        def verify(self, problem, solution):
            return Verdict(outcome, 0.0, note="?")

    search = Search(sum_problem(6), SearchConfig(), 0, Broken())
    tree = run(search, SUM)
    assert tree.q(0) == -1
    assert search.stats.verdicts[outcome] == len(tree.verdicts) > 0
    assert {verdict.outcome for verdict in tree.verdicts.values()} == {outcome}


def test_answers_without_a_question_are_refused():
    search = search_sum(SearchConfig())
    [request] = search.requests().propose
    assert (request.count, request.max_steps, request.prefix) == (8, 1, ())
    assert search.requests().propose == []
    with pytest.raises(ValueError, match="no open propose request"):
        search.feed_proposals(request.key + 1, [])
    with pytest.raises(ValueError, match="no open score request"):
        search.feed_score(request.key, 0.0)
    with pytest.raises(ValueError, match="2 steps answers a request for one"):
        search.feed_proposals(request.key, [(Step("1"), Step("2"))])
    with pytest.raises(ValueError, match="0 steps answers a request for one"):
        search.feed_proposals(request.key, [()])


def test_continuations_that_break_their_request_are_refused():
    search = search_sum(SearchConfig(expansion=Expansion.CONTINUATION, max_depth=2))
    [request] = search.requests().propose
    assert (request.count, request.max_steps) == (8, 2)
    with pytest.raises(ValueError, match="3 steps answers a request for 1 to 2 steps"):
        search.feed_proposals(request.key, [(Step("1"), Step("2"), Step("3"))])
    with pytest.raises(ValueError, match="goes on after a final step"):
        search.feed_proposals(request.key, [(Step("6", is_final=True), Step("2"))])


def test_an_answer_of_the_wrong_length_is_refused():
    class Forgetful:
        def propose(self, requests):
            return []

    with pytest.raises(ValueError, match="shorter"):
        search_lockstep([search_sum(SearchConfig())], Forgetful())


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("rollouts", 0), ("in_flight", 0), ("width", 0), ("max_depth", 70000), ("simulation_steps", 0),
        ("c", -1.0), ("c", math.nan), ("discount", 0.0), ("discount", 1.5), ("dead_end_value", -2.0),
        ("first_play", math.inf),
    ],
)  # fmt: skip
def test_bad_options_are_named(option, value):
    with pytest.raises(UserError, match=f"search.{option} must .*{value}"):
        SearchConfig(**{option: value})


def test_the_config_is_a_structured_config():
    given = {"mode": "ppm_augmented", "rule": "puct", "first_play": 0.0, "simulation": "end", "driver": "streaming"}
    config = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(SearchConfig), OmegaConf.create(given)))
    expected = SearchConfig(
        Mode.PPM_AUGMENTED, Rule.PUCT, first_play=0.0, simulation=Simulation.END, driver=Driver.STREAMING
    )
    assert config == expected
