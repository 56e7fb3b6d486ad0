"""What may have held an arm back is said when it was measured, and never otherwise."""

from __future__ import annotations

import pytest

from compare.explain import explanation
from compare.ledger import Ledger, Role

CONTRAST = {"interval": [-0.02, 0.05]}


def seed(**changes):
    ledger = Ledger({Role.POLICY: 100, Role.PPM: 100})
    ledger.add("sampling", generated=changes.pop("sampled", 600))
    ledger.add("training", trained=200)
    ledger.add("trees", generated=changes.pop("grown", 0))
    return {
        "curve": [[0.0, 0.3], [50.0, 0.31], [75.0, 0.31], [100.0, 0.31]],
        "ledger": ledger.to_json(),
        "training": {"updates": 40.0, "equal_groups": 0.2},
        "fidelity": {"ranking": 0.7},
        "hacking": {"alarm": None},
    } | changes


def said(*seeds, supervision="outcome", contrast=CONTRAST):
    row = {"supervision": supervision, "seeds": {str(number): each for number, each in enumerate(seeds)}}
    return explanation(row, contrast)


def test_what_is_measured_always_is_always_said():
    assert said(seed(), seed()) == (
        "Its compute went into sampling (50 %), training (50 %). Measured besides: a gain of up to 5.0 points is not "
        "excluded."
    )


def test_without_a_sign_no_cause_is_invented():
    assert said(seed(), contrast={"interval": [-0.05, -0.01]}).endswith("Nothing else that is measured here says why.")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"curve": [[0.0, 0.3], [75.0, 0.3], [100.0, 0.32]]}, "its curve still rose by 2.0 points in the last quarter"),
        ({"curve": [[0.0, 0.3], [40.0, 0.38], [100.0, 0.3]]}, "it stood at 38.0 % after 40 % of its compute and fell"),
        ({"curve": [[0.0, 0.3], [100.0, 0.2]]}, "it never rose above the 30.0 % that it began with"),
        ({"training": {"updates": 7.0}}, "only 7 updates fitted into the budget"),
        ({"training": {"updates": 40.0, "equal_groups": 0.6}}, "in 60.0 % of its groups all solutions were right or"),
        ({"grown": 600}, "33 % of its compute made labels (trees)"),
        ({"fidelity": {"ranking": 0.51}}, "its credit puts a right step above a wrong one in 51.0 % of the cases"),
        ({"hacking": {"alarm": {"sounded": 3}}}, "its learned reward parted from the truth in 1 of 2 seeds"),
    ],
)
def test_each_sign_is_told_where_it_was_measured_and_only_there(changes, told):
    first = seed(**changes)
    second = seed(**({} if "alarm" in str(changes) else changes))
    assert told in said(first, second)
    assert told not in said(seed(), seed())


def test_equal_groups_hold_back_only_what_learns_from_outcomes():
    equal = {"training": {"updates": 40.0, "equal_groups": 0.6}}
    assert "right or all wrong" not in said(seed(**equal), supervision="process")
    assert "right or all wrong" in said(seed(**equal), supervision="both")


def test_an_interval_without_zero_that_is_not_enough_is_told():
    assert "excludes zero, but not after the correction" in said(seed(), contrast={"interval": [0.001, 0.05]})


def test_an_arm_that_failed_everywhere_but_once_is_told_by_that_one():
    assert "a gain of up to" in said(seed(), {"failed": "NaN"})
    nothing = seed()
    nothing["ledger"] = Ledger({Role.POLICY: 100}).to_json()
    assert said(nothing).startswith("It computed nothing.")
