"""Sampling, judging and crediting of groups, and the updates they lead to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lm.config import OptimiserConfig, Precision, TokenizerKind
from lm.packing import packed_size
from lm.tiny import new_tiny_model, tiny_config
from lm.tokenizer import build_tokenizer
from lm.train import learning_rate, rate_at
from mcts.step import Step
from mcts.trajectory import Trajectory
from policy.config import PromptConfig, StepFormatConfig
from policy.grpo_config import GrpoConfig
from policy.hf_engine import HfEngine
from policy.proposer import PromptEncoder
from policy.rl import (
    Group,
    Learner,
    credited,
    judged,
    members,
    require_finite,
    sample_groups,
    step_ends,
    without_errors,
)
from policy.rl_config import EqualGroups, RlConfig
from policy.step_format import TextSteps
from tasks.errors import UserError
from tasks.problem import Outcome, Problem, Verdict

TOKENIZER = build_tokenizer(TokenizerKind.CHARACTERS, ["0123456789+=#\n"], 64)
ENCODE = PromptEncoder(PromptConfig(), TOKENIZER)
STEPS = TextSteps(StepFormatConfig(), TOKENIZER)
PROBLEMS = [Problem("p/1", "1+2=\n", "3"), Problem("p/2", "2+2=\n", "4")]
FAST = OptimiserConfig(learning_rate=1e-2, epochs=1.0, batch_rows=2, micro_rows=2, precision=Precision.FP32)


class Threes:
    """Rewards every 3."""

    def verify(self, problem: Problem, solution: str) -> Verdict:
        return Verdict(Outcome.CORRECT, 1.0) if "3" in solution else Verdict(Outcome.WRONG, 0.0)


@pytest.fixture
def model():
    return new_tiny_model(tiny_config(32, TOKENIZER, 48), 3)


def _sample(model, seed=0, temperature=1.0, count=6):
    engine = HfEngine(model, TOKENIZER)
    return sample_groups(engine, ENCODE, STEPS, PROBLEMS, count, 12, seed, temperature)


def _credited(groups, sign=1.0):
    """Every trajectory with a 3 is to become likelier."""
    return [
        credited(
            group, [np.full(len(t.token_ids), sign * (t.verdict.reward - 0.5)) for t in group.trajectories], ENCODE
        )
        for group in groups
    ]


def test_groups_hold_what_the_engine_sampled(model):
    groups = _sample(model)
    assert [group.problem for group in groups] == PROBLEMS
    for group in groups:
        assert len(group.trajectories) == 6
        for one in group.trajectories:
            assert one.problem_id == group.problem.id
            assert 1 <= len(one.token_ids) <= 12
            assert step_ends(one)[-1] == len(one.token_ids)
            assert len(one.nodes) == len(one.steps) == len(one.qs)
    assert _sample(model) == groups
    assert _sample(model, seed=1) != groups


def test_greedy_solutions_are_all_the_same(model):
    for group in _sample(model, temperature=0.0):
        assert len({one.token_ids for one in group.trajectories}) == 1


def test_only_what_has_no_verdict_is_judged():
    known = Verdict(Outcome.UNVERIFIABLE, 0.0)
    steps = (Step("3\n", (1, 2), (-1.0, -1.0), True),)
    group = Group(PROBLEMS[0], (Trajectory("p/1", (1,), steps, (0.0,), known), Trajectory("p/1", (1,), steps, (0.0,))))
    (found,) = judged([group], Threes())
    assert [one.verdict.outcome for one in found.trajectories] == [Outcome.UNVERIFIABLE, Outcome.CORRECT]


def test_members_are_paths_of_a_tree_only_where_there_is_one():
    steps = (Step("1\n", (5, 6), (-1.0, -1.0)), Step("3", (7,), (-1.0,), True))
    group = Group(PROBLEMS[0], (Trajectory("p/1", (2, 9), steps, (0.1, 0.2), Verdict(Outcome.CORRECT, 1.0)),))
    (plain,) = members(group)
    assert (plain.reward, plain.step_ends, plain.step_scores, plain.path) == (1.0, (2, 3), (), ())
    (leaf,) = members(replace(group, is_tree=True), [(0.5, -0.5)])
    assert (leaf.step_scores, leaf.path) == ((0.5, -0.5), (0, 2, 9))


def test_what_nobody_could_judge_is_not_called_wrong():
    """A verifier that failed gives no reward of 0; an answer that it could not read keeps the verifier's own."""
    steps = (Step("3\n", (1, 2), (-1.0, -1.0), True),)
    verdicts = [Verdict(outcome, 0.0) for outcome in (Outcome.WRONG, Outcome.UNVERIFIABLE, Outcome.ERROR)]
    one = Trajectory("p/1", (1,), steps, (0.0,))
    group = Group(PROBLEMS[0], tuple(replace(one, verdict=verdict) for verdict in verdicts))
    (left,) = without_errors([group])
    assert [each.verdict.outcome for each in left.trajectories] == [Outcome.WRONG, Outcome.UNVERIFIABLE]
    assert [each.reward for each in members(left)] == [0.0, 0.0]
    for trajectory in (one, replace(one, verdict=verdicts[2])):
        with pytest.raises(ValueError, match="p/1: a solution without a verdict"):
            members(replace(group, trajectories=(trajectory,)))
        (model_judged,) = members(replace(group, trajectories=(trajectory,)), rewards=[0.4])
        assert model_judged.reward == 0.4


def test_an_update_makes_what_was_rewarded_likelier(model):
    learner = Learner(model, RlConfig(problems=2, group=6, optimiser=FAST), 12, "test")
    before = np.mean([t.verdict.reward for g in judged(_sample(model, count=64), Threes()) for t in g.trajectories])
    for update in range(15):
        learned = learner.learn(_credited(judged(_sample(model, seed=update, count=32), Threes())), 0.5, update)
        assert learned.trained > 0
        assert learned.scored == 0
        assert learned.metrics["learning_rate"] == pytest.approx(rate_at(0.5, FAST))
    after = np.mean([t.verdict.reward for g in judged(_sample(model, count=64), Threes()) for t in g.trajectories])
    assert after > before + 0.2


def test_groups_without_credit_change_nothing_and_cost_nothing(model):
    groups = [credited(g, [np.zeros(len(t.token_ids)) for t in g.trajectories], ENCODE) for g in _sample(model)]
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    for equal in EqualGroups:
        learned = Learner(model, RlConfig(optimiser=FAST, equal_groups=equal), 12, "test").learn(groups, 0.5, 0)
        assert (learned.trained, learned.metrics) == (0, {})
    assert all(bool((value == weights[name]).all()) for name, value in model.state_dict().items())


def test_dropped_groups_are_not_paid_for(model):
    groups = _credited(judged(_sample(model), Threes()))
    still = credited(_sample(model)[1], [np.zeros(len(t.token_ids)) for t in _sample(model)[1].trajectories], ENCODE)
    sizes = [packed_size([row.row.prompt_ids + row.row.target_ids for row in g.rows]) for g in (groups[0], still)]
    trained = {
        equal: Learner(model, RlConfig(optimiser=FAST, equal_groups=equal), 12, "test")
        .learn([groups[0], still], 0.5, 0)
        .trained
        for equal in (EqualGroups.KEEP, EqualGroups.DROP)
    }
    assert trained == {EqualGroups.KEEP: sum(sizes), EqualGroups.DROP: sizes[0]}


def test_several_steps_and_a_reference_are_paid_for(model):
    groups = _credited(judged(_sample(model), Threes()))
    size = sum(packed_size([row.row.prompt_ids + row.row.target_ids for row in g.rows]) for g in groups)
    config = RlConfig(optimiser=replace(FAST, batch_rows=1), grpo=GrpoConfig(beta=0.1))
    reference = new_tiny_model(tiny_config(32, TOKENIZER, 48), 3)
    learned = Learner(model, config, 12, "test", reference).learn(groups, 0.5, 0)
    assert (learned.trained, learned.scored) == (size, 2 * size)
    assert learned.metrics["kl"] >= 0


def test_a_log_prob_that_is_no_number_stops_the_arm():
    step = Step("3", (1,), (float("nan"),), True)
    group = Group(PROBLEMS[0], (Trajectory("p/1", (1,), (step,), (0.0,)),))
    with pytest.raises(UserError, match=r"arm x has diverged: problem p/1 .* lower the learning rate"):
        require_finite([group], "arm x")


def test_the_schedule_of_the_budget_is_that_of_the_steps():
    assert [rate_at(step / 1000, FAST) for step in (0, 20, 500, 999)] == [
        learning_rate(step, 1000, FAST) for step in (0, 20, 500, 999)
    ]


@pytest.mark.parametrize(
    ("change", "said"), [({"problems": 0}, "rl.problems"), ({"group": 1}, "rl.group must be at least 2")]
)
def test_sizes_that_cannot_be_are_refused(change, said):
    with pytest.raises(UserError, match=said):
        RlConfig(**change)
