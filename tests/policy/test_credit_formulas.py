"""Every credit against an independent NumPy version, written per token and in loops, and on cases done by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.credit.base import Member
from policy.credit.config import CreditConfig, CreditName, ScaleRewards, TreeValue
from policy.credit.gae import gae
from policy.credit.implicit import implicit
from policy.credit.min_form import min_form
from policy.credit.registry import assign, assigner
from policy.credit.step_delta import step_delta
from policy.credit.tree_q import tree_q


@st.composite
def groups(draw, least: int = 2):
    """A group with everything that any credit reads; its paths are those of one tree."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    members = []
    for _ in range(draw(st.integers(least, 6))):
        steps = int(rng.integers(1, 5))
        ends = tuple(np.cumsum(rng.integers(1, 4, steps)).tolist())
        members.append(
            Member(
                reward=float(rng.choice([0.0, 1.0, rng.random()])),
                step_ends=ends,
                step_scores=tuple(rng.uniform(-1, 1, steps).tolist()),
                token_scores=tuple(rng.normal(size=ends[-1]).tolist()),
                path=(0, *(int(rng.integers(1, 3)) + 10 * depth for depth in range(1, steps + 1))),
            )
        )
    return members


def step_of(member: Member, token: int) -> int:
    return next(index for index, end in enumerate(member.step_ends) if token < end)


def expected_outcome(members, config, every):
    mean = np.mean([m.reward for m in members])
    pool = {"group": members, "batch": every}.get(config.scale_rewards.value)
    size = 1.0 if pool is None else np.sqrt(sum((m.reward - np.mean([o.reward for o in pool])) ** 2 for m in pool)
                                            / max(1, len(pool) - 1)) + 1e-4  # fmt: skip
    return [[(m.reward - mean) / size for _ in range(m.tokens)] for m in members]


def expected_process(members, config, every):
    scores = [s for m in members for s in m.step_scores]
    pool = {"group": scores, "batch": [s for m in every for s in m.step_scores]}.get(config.scale_rewards.value)
    size = 1.0 if pool is None else (np.std(pool, ddof=1) if len(pool) > 1 else 0.0) + 1e-4
    return [
        [
            sum((s - np.mean(scores)) / size for s, end in zip(m.step_scores, m.step_ends, strict=True) if end > t)
            for t in range(m.tokens)
        ]
        for m in members
    ]


def expected_sum(members, config, every):
    pairs = zip(expected_outcome(members, config, every), expected_process(members, config, every), strict=True)
    return [config.outcome_weight * np.array(o) + config.process_weight * np.array(p) for o, p in pairs]


def expected_delta(members, config, every):
    start = np.mean([2 * m.reward - 1 for m in members])
    result = []
    for m in members:
        values = [start, *m.step_scores]
        values[-1] = 2 * m.reward - 1
        result.append([values[step_of(m, t) + 1] - values[step_of(m, t)] for t in range(m.tokens)])
    return result


def expected_tree(members, config, every):
    def leaf(i):
        return members[i].reward - np.mean([m.reward for j, m in enumerate(members) if j != i])

    def below(node):
        return [i for i, m in enumerate(members) if node in m.path]

    def value(node):
        if config.tree_value is TreeValue.LEAVES:
            return np.mean([leaf(i) for i in below(node)])
        if node == 0:
            return np.mean([2 * m.reward - 1 for m in members])
        return next(m.step_scores[m.path.index(node) - 1] for m in reversed(members) if node in m.path)

    return [
        [
            (2 * value(m.path[k + 1]) - value(0) - value(m.path[k])) / len(below(m.path[k + 1])) ** 0.5
            for k in (step_of(m, t) for t in range(m.tokens))
        ]
        for m in members
    ]


def expected_min(members, config, every):
    def weighted(m):
        weights = [np.exp(-s / config.temperature) for s in m.step_scores]
        return [s * w / sum(weights) for s, w in zip(m.step_scores, weights, strict=True)]

    def baseline(i):
        others = [m for j, m in enumerate(members) if j != i]
        return sum(sum(weighted(m)) for m in others) / sum(m.tokens for m in others)

    def to_come(m, t):  # tokens of the steps that end at t or after it
        return m.tokens - (0, *m.step_ends)[step_of(m, t)]

    return [
        [sum(weighted(m)[step_of(m, t) :]) - baseline(i) * to_come(m, t) for t in range(m.tokens)]
        for i, m in enumerate(members)
    ]


def expected_implicit(members, config, every):
    result = []
    for i, m in enumerate(members):
        others = [o for j, o in enumerate(members) if j != i]
        base = np.mean([np.mean(o.token_scores) for o in others])
        outcome = m.reward - np.mean([o.reward for o in others])
        result.append(
            [
                sum(config.discount ** (s - t) * (m.token_scores[s] - base) for s in range(t, m.tokens)) + outcome
                for t in range(m.tokens)
            ]
        )
    return result


def expected_gae(members, config, every):
    result = []
    for m in members:
        values = [*m.token_scores, 0.0]
        deltas = [
            (m.reward if t == m.tokens - 1 else 0.0) + config.discount * values[t + 1] - values[t]
            for t in range(m.tokens)
        ]
        fade = config.discount * config.gae_lambda
        result.append([sum(fade ** (s - t) * deltas[s] for s in range(t, m.tokens)) for t in range(m.tokens)])
    return result


def expected_with_min(members, config, every):
    parts = (expected_outcome(members, config, every), expected_min(members, config, every))
    return [
        config.outcome_weight * np.array(whole) + config.process_weight * np.array(steps)
        for whole, steps in zip(*parts, strict=True)
    ]


EXPECTED = {
    CreditName.OUTCOME: expected_outcome,
    CreditName.PROCESS: expected_process,
    CreditName.ORACLE: expected_process,
    CreditName.OUTCOME_PLUS_PROCESS: expected_sum,
    CreditName.STEP_DELTA: expected_delta,
    CreditName.TREE_Q: expected_tree,
    CreditName.MIN_FORM: expected_min,
    CreditName.OUTCOME_PLUS_MIN_FORM: expected_with_min,
    CreditName.IMPLICIT: expected_implicit,
    CreditName.GAE: expected_gae,
}


@pytest.mark.parametrize("name", CreditName)
@settings(max_examples=40)
@given(groups(), groups(), st.sampled_from(list(ScaleRewards)), st.sampled_from(list(TreeValue)))
def test_equals_numpy(name, one, other, scale, value):
    config = CreditConfig(name, scale, 0.7, -1.3, 0.3, value, 0.9, 0.8)
    for members, found in zip((one, other), assign([one, other], config), strict=True):
        for got, want in zip(found, EXPECTED[name](members, config, one + other), strict=True):
            assert got.dtype == np.float64
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


def of(reward: float, *scores: float, path: tuple[int, ...] = ()) -> Member:
    return Member(reward, tuple(range(1, len(scores) + 1)), scores, path=path)


def test_outcome_by_hand():
    found = assigner(CreditConfig())([Member(1.0, (2,)), Member(0.0, (3,))])
    assert found[0] == pytest.approx([0.5 / (0.5**0.5 + 1e-4)] * 2, abs=1e-15)
    assert found[1] == pytest.approx([-0.5 / (0.5**0.5 + 1e-4)] * 3, abs=1e-15)


def test_process_by_hand():
    config = CreditConfig(CreditName.PROCESS, ScaleRewards.NONE)
    found = assigner(config)([Member(1.0, (1, 3), (1.0, 0.0)), Member(0.0, (2,), (-1.0,))])
    assert [one.tolist() for one in found] == [[1.0, 0.0, 0.0], [-1.0, -1.0]]  # the mean of the three scores is 0


def test_step_delta_by_hand():
    found = step_delta([of(1.0, 0.5, 0.9), of(0.0, -0.25, 0.9)])
    assert [one.tolist() for one in found] == [[0.5, 0.5], [-0.25, -0.75]]


def test_tree_q_by_hand():
    """Root 0 with children 1 (leaves 3 right, 4 wrong) and 2 (leaf 5 wrong): centred leaves 1, -1/2, -1/2."""
    found = tree_q([of(1, 0, 0, path=(0, 1, 3)), of(0, 0, 0, path=(0, 1, 4)), of(0, 0, 0, path=(0, 2, 5))])
    assert found[0] == pytest.approx([2 * 0.25 / 2**0.5, 1.75], abs=1e-15)
    assert found[1] == pytest.approx([2 * 0.25 / 2**0.5, -1.25], abs=1e-15)
    assert found[2] == pytest.approx([-1.0, -0.5], abs=1e-15)


def test_min_form_goes_to_the_minimum():
    found = min_form([of(0.0, 0.9, -0.8, 0.7), of(0.0, 0.2, 0.3, 0.4)], temperature=0.01)
    assert found[0] == pytest.approx([-0.8 - 0.2, -0.8 - 0.2 * 2 / 3, -0.2 / 3], abs=1e-3)
    assert found[1] == pytest.approx([0.2 + 0.8, 0.8 * 2 / 3, 0.8 / 3], abs=1e-3)


def test_implicit_by_hand():
    found = implicit([Member(1.0, (2,), token_scores=(0.5, 1.5)), Member(0.0, (1,), token_scores=(0.25,))])
    assert [one.tolist() for one in found] == [[0.25 + 1.25 + 1, 1.25 + 1], [-0.75 - 1]]


@pytest.mark.parametrize("name", [CreditName.GAE, CreditName.OUTCOME])
def test_whitened_over_all_tokens_of_the_update(name):
    rng = np.random.default_rng(0)
    update = [
        [Member(float(rng.random()), (2, size), token_scores=tuple(rng.normal(size=size).tolist())) for size in sizes]
        for sizes in ((3, 5), (4,), (6, 7, 3))
    ]
    plain, found = (assign(update, CreditConfig(name, whiten=whiten)) for whiten in (False, True))
    every = [value for own in plain for advantages in own for value in advantages]
    mean = sum(every) / len(every)
    size = (sum((value - mean) ** 2 for value in every) / (len(every) - 1)) ** 0.5 + 1e-4
    for own, other in zip(found, plain, strict=True):
        for one, before in zip(own, other, strict=True):
            assert one.tolist() == pytest.approx([(value - mean) / size for value in before], abs=1e-12)


def test_whitening_nothing_or_equal_advantages_gives_zeros():
    config = CreditConfig(CreditName.OUTCOME, whiten=True)
    assert assign([], config) == []
    equal = assign([[Member(0.1, (3,)), Member(0.1, (2,))]], config)
    assert not any(advantages.any() for own in equal for advantages in own)


def test_gae_by_hand():
    member = Member(1.0, (2,), token_scores=(0.5, 0.25))
    assert gae([member], 1.0, 1.0)[0].tolist() == [0.5, 0.75]  # reward minus value: lambda 1 trusts the rewards
    assert gae([member], 1.0, 0.0)[0].tolist() == [-0.25, 0.75]  # one step ahead: lambda 0 trusts the critic
