"""What credits promise whatever the group, and what they refuse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.credit.base import Member
from policy.credit.config import CreditConfig, CreditName, ScaleRewards, TreeValue
from policy.credit.registry import CREDITS, assign, assigner, needs
from tasks.errors import UserError

GROUP_WISE = [name for name in CreditName if name is not CreditName.GAE]


def group(seed: int, size: int, same: bool = False) -> list[Member]:
    """Members with everything that any credit reads; ``same``: alike in all but their lengths in tokens."""
    rng = np.random.default_rng(seed)
    reward, members = float(rng.random()), []
    for index in range(size):
        steps = 3 if same else int(rng.integers(1, 5))
        ends = tuple(np.cumsum(rng.integers(1, 5, steps)).tolist())
        scores = (0.1,) * steps if same else tuple(rng.uniform(-1, 1, steps).tolist())
        tokens = (0.2,) * ends[-1] if same else tuple(rng.normal(size=ends[-1]).tolist())
        path = (0, *range(100 * index + 1, 100 * index + steps + 1))
        members.append(Member(reward if same else float(rng.random()), ends, scores, tokens, path))
    return members


SEEDS, SIZES = st.integers(0, 10**6), st.integers(2, 6)


def of(name: CreditName, scale: ScaleRewards = ScaleRewards.GROUP, **options) -> CreditConfig:
    return CreditConfig(name=name, scale_rewards=scale, **options)


def test_every_credit_is_registered():
    assert set(CREDITS) == set(CreditName)


@pytest.mark.parametrize("scale", ScaleRewards)
@pytest.mark.parametrize("name", [CreditName.OUTCOME, CreditName.PROCESS, CreditName.OUTCOME_PLUS_PROCESS,
                                  CreditName.ORACLE, CreditName.TREE_Q])  # fmt: skip
@settings(max_examples=15)
@given(seed=SEEDS, size=SIZES)
def test_an_all_equal_group_gets_exactly_nothing(name, scale, seed, size):
    for advantages in assigner(of(name, scale))(group(seed, size, same=True)):
        assert not advantages.any()


@settings(max_examples=40)
@given(seed=SEEDS, size=SIZES)
def test_group_sums(seed, size):
    """Per member once for outcome; per step for the others: what a group gains is what it loses."""
    members = group(seed, size)
    outcome = assigner(of(CreditName.OUTCOME))(members)
    assert sum(one[0] for one in outcome) == pytest.approx(0, abs=1e-9)
    first = [[0, *m.step_ends[:-1]] for m in members]
    deltas = [one[places] for one, places in zip(assigner(of(CreditName.STEP_DELTA))(members), first, strict=True)]
    assert sum(one.sum() for one in deltas) == pytest.approx(0, abs=1e-9)
    process = assigner(of(CreditName.PROCESS))(members)
    steps = sum(-np.diff(np.append(one[places], 0.0)).sum() for one, places in zip(process, first, strict=True))
    assert steps == pytest.approx(0, abs=1e-9)


@settings(max_examples=20)
@given(seed=SEEDS, size=SIZES)
def test_step_deltas_of_a_member_telescope(seed, size):
    members = group(seed, size)
    mean = np.mean([2 * m.reward - 1 for m in members])
    for member, found in zip(members, assigner(of(CreditName.STEP_DELTA))(members), strict=True):
        steps = found[[0, *member.step_ends[:-1]]]
        assert steps.sum() == pytest.approx(2 * member.reward - 1 - mean, abs=1e-12)


@pytest.mark.parametrize("name", CreditName)
@settings(max_examples=15)
@given(seed=SEEDS, size=SIZES)
def test_the_order_of_members_does_not_matter(name, seed, size):
    members = group(seed, size)
    forth, back = assigner(of(name))(members), assigner(of(name))(members[::-1])
    for one, other in zip(forth, back[::-1], strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)


@pytest.mark.parametrize("name", [name for name in CreditName if "token_scores" not in needs(of(name))])
@settings(max_examples=15)
@given(seed=SEEDS, size=SIZES)
def test_steps_count_whatever_their_length(name, seed, size):
    """Stretching each step to three times its tokens repeats each token's credit, and changes nobody else's."""
    members = [replace(member, token_scores=()) for member in group(seed, size)]
    long = [replace(member, step_ends=tuple(3 * end for end in member.step_ends)) for member in members]
    for one, other in zip(assigner(of(name))(members), assigner(of(name))(long), strict=True):
        np.testing.assert_allclose(np.repeat(one, 3), other, atol=1e-12)


@pytest.mark.parametrize("name", GROUP_WISE)
def test_groups_keep_to_themselves_but_for_the_batch_scale(name):
    one, other = group(1, 4), group(2, 5)
    alone = assigner(of(name))(one)
    for got, want in zip(assign([one, other], of(name))[0], alone, strict=True):
        np.testing.assert_array_equal(got, want)
    batch = assign([one, other], of(name, ScaleRewards.BATCH))[0]
    mixed = (CreditName.OUTCOME_PLUS_PROCESS, CreditName.OUTCOME_PLUS_MIN_FORM)
    scaled = name in (CreditName.OUTCOME, CreditName.PROCESS, CreditName.ORACLE, *mixed)
    assert any(np.abs(a - b).max() > 1e-6 for a, b in zip(batch, alone, strict=True)) == scaled


@pytest.mark.parametrize("name", CreditName)
def test_a_group_of_one_is_finite(name):
    (found,) = assigner(of(name))(group(3, 1))
    assert np.isfinite(found).all()
    if name in (CreditName.OUTCOME, CreditName.IMPLICIT):
        assert not found.any()


@pytest.mark.parametrize("name", CreditName)
def test_what_a_credit_needs_is_asked_for(name):
    members = group(4, 3)
    for config in (of(name), of(name, tree_value=TreeValue.SCORES)):
        for field in ("step_scores", "token_scores", "path"):
            bare = [members[0], replace(members[1], **{field: ()}), members[2]]
            if field in needs(config):
                with pytest.raises(ValueError, match=f"needs {field}, and member 1"):
                    assigner(config)(bare)
            else:
                assigner(config)(bare)


def test_paths_of_two_trees_are_refused():
    with pytest.raises(ValueError, match="different roots"):
        assigner(of(CreditName.TREE_Q))([Member(1, (1,), path=(0, 1)), Member(0, (1,), path=(7, 8))])


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"reward": float("inf")}, "a reward is a finite"),
        ({"reward": float("nan")}, "a reward is a finite"),
        ({"step_ends": ()}, "step_ends must rise"),
        ({"step_ends": (2, 2)}, "step_ends must rise"),
        ({"step_scores": (0.1,)}, "step_scores must hold 2"),
        ({"token_scores": (0.1, 0.2)}, "token_scores must hold 3"),
        ({"path": (0, 1)}, "path must hold 3"),
        ({"step_scores": (0.1, float("inf"))}, "step_scores must be finite"),
    ],
)
def test_a_member_that_does_not_fit_together_is_refused(fields, words):
    with pytest.raises(ValueError, match=words):
        Member(**{"reward": 1.0, "step_ends": (1, 3), **fields})


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": 0.0},
        {"discount": 0.0},
        {"discount": 1.1},
        {"gae_lambda": -0.1},
        {"process_weight": float("nan")},
    ],
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(UserError, match=f"credit.{next(iter(options))} must be"):
        CreditConfig(**options)
