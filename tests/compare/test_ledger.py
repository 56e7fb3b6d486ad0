from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.budget import Budget, Unit
from compare.ledger import Ledger, Role
from tasks.errors import DataError, UserError

N = {Role.POLICY: 1000, Role.PPM: 300}


def by_hand():
    ledger = Ledger(N)
    ledger.add("cold_start", trained=5000, seconds=9.0)
    ledger.add("sample", generated=70, prefilled=20, cached=400, verifier_calls=8, seconds=1.5)
    ledger.add("score", Role.PPM, scored=90)
    ledger.add("train", trained=40, seconds=2.0)
    ledger.add("train", trained=10, seconds=0.25)
    ledger.add("audit", Role.PPM, scored=33)
    ledger.add("audit", verifier_calls=5, sandbox_calls=2)
    return ledger


def test_flops_are_2n_forward_and_6n_in_training_for_every_model():
    ledger = by_hand()
    assert ledger.flops("sample") == 2 * 1000 * 90
    assert ledger.flops("score") == 2 * 300 * 90
    assert ledger.flops("train") == 6 * 1000 * 50
    assert ledger.flops() == 180_000 + 54_000 + 300_000
    assert ledger.flops("never") == 0


def test_the_start_that_all_share_and_what_only_watches_are_recorded_but_not_charged():
    ledger = by_hand()
    assert ledger.tokens().computed == 70 + 20 + 90 + 50
    assert ledger.tokens().cached == 400
    assert ledger.tokens(Role.PPM).scored == 90
    assert ledger.seconds == 3.75
    assert ledger.flops("cold_start") == 6 * 1000 * 5000
    charged = ledger.to_json()["charged"]
    assert (charged["verifier_calls"], charged["sandbox_calls"]) == (8, 0)


@pytest.mark.parametrize(
    ("budget", "share"),
    [(Budget(tokens=460), 0.5), (Budget(flops=534_000), 1.0), (Budget(seconds=3.0), 1.25)],
)
def test_a_budget_is_in_tokens_flops_or_seconds(budget, share):
    assert by_hand().spent(budget) == pytest.approx(share)


def test_a_ledger_survives_json_and_says_its_totals():
    data = json.loads(json.dumps(by_hand().to_json(), allow_nan=False))
    assert Ledger.from_json(data).to_json() == data
    assert data["charged"]["flops"] == 534_000
    assert data["phases"]["audit"]["charged"] is False
    assert data["phases"]["train"]["flops"] == 300_000


@pytest.mark.parametrize(
    "broken", [{}, {"parameters": {"policy": 1}, "phases": {"a": 3}}, {"parameters": {"x": 1}, "phases": {}}]
)
def test_what_is_no_ledger_is_refused(broken):
    with pytest.raises(DataError, match="no ledger"):
        Ledger.from_json(broken)


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({"made_up": 1}, "no made_up; it has generated"),
        ({"generated": -1}, "sample: generated must be a count, got -1"),
        ({"generated": float("nan")}, "must be a count, got nan"),
        ({"trained": 1.5}, "must be a count, got 1.5"),
        ({"seconds": float("inf")}, "must be a count, got inf"),
    ],
)
def test_a_wrong_count_adds_nothing(counts, said):
    ledger = Ledger(N)
    with pytest.raises(ValueError, match=said):
        ledger.add("sample", verifier_calls=1, **counts)
    assert ledger.phases == {}


def test_tokens_need_the_size_of_their_model():
    with pytest.raises(ValueError, match="tokens of the critic"):
        Ledger(N).add("train", Role.CRITIC, trained=1)


amounts = st.dictionaries(
    st.sampled_from(["generated", "prefilled", "scored", "trained", "verifier_calls"]), st.integers(0, 9**9)
)
entries = st.lists(st.tuples(st.sampled_from(["sample", "train", "audit"]), st.sampled_from(list(N)), amounts))


@given(entries, entries)
def test_merging_is_adding_one_after_the_other(first, second):
    apart, rest, together = Ledger(N), Ledger(N), Ledger(N)
    for ledger, added in ((apart, first), (rest, second), (together, first + second)):
        for phase, role, counts in added:
            ledger.add(phase, role, **counts)
    apart.merge(rest)
    assert apart.to_json()["charged"] == together.to_json()["charged"]
    plain = sum(
        N[role] * count * (6 if name == "trained" else 2)
        for phase, role, counts in first + second
        for name, count in counts.items()
        if phase != "audit" and name != "verifier_calls"
    )
    assert together.flops() == plain


def test_two_sizes_of_one_model_are_not_merged():
    with pytest.raises(UserError, match="the ppm has 300 parameters in this account and 301 now"):
        Ledger(N).merge(Ledger({Role.PPM: 301}))


def test_a_role_keeps_the_size_under_which_its_tokens_were_counted():
    ledger = Ledger(N)
    ledger.declare(Role.TEACHER, 14_000)
    ledger.declare(Role.TEACHER, 14_000)
    ledger.add("teacher", Role.TEACHER, generated=1)
    with pytest.raises(UserError, match="the teacher has 14000 parameters in this account and 1000 now"):
        ledger.declare(Role.TEACHER, 1000)
    assert ledger.flops() == 2 * 14_000


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        (Budget(tokens=1, flops=2), "set one of budget.tokens, budget.flops, and not 2; budget.tokens=null takes"),
        (Budget(flops=0), "budget.flops must be a number above 0, got 0"),
        (Budget(seconds=float("nan")), "budget.seconds must be a number above 0, got nan"),
    ],
)
def test_a_budget_has_one_limit(budget, said):
    with pytest.raises(UserError, match=said):
        budget.check()


def test_a_budget_knows_its_unit():
    assert (Budget(flops=2e9).unit, Budget(flops=2e9).amount) == (Unit.FLOPS, 2e9)


def test_without_a_limit_there_is_the_default_one():
    assert (Budget().unit, Budget().amount) == (Unit.FLOPS, 2e12)
    assert Budget().settings() == {"tokens": None, "flops": 2e12, "seconds": None}
    assert Budget(seconds=60).settings() == {"tokens": None, "flops": None, "seconds": 60.0}
