"""The pictures of the diagnosis show what the summary says, and nothing where it says nothing."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from compare.hacking_charts import APART, LEARNED, TRUE, choice_panels, drift_panels, gap_panels, reward_panels


def arm(series, alarm=None, best_of_n=(), seeds=1):
    seed = {"hacking": {"series": series, "alarm": alarm}, "best_of_n": list(best_of_n)}
    return {"seeds": {str(number): seed for number in range(seeds)} | {"9": {"failed": "why"}}}


WATCHED = {
    "hack/learned": [0.2, 0.5, 1.0],
    "hack/true": [0.5, 0.5, 0.0],
    "hack/gap": [-0.3, 0.0, 1.0],
    "hack/kl": [0.0, None, 2.0],
}
BEST = [{"n": 1, "learned": 0.5, "true": 0.5, "kl": 0.0}, {"n": 4, "learned": 0.9, "true": 0.1, "kl": 0.64}]
ARMS = {
    "hacked": arm(WATCHED, {"sounded": 2, "onset": 1}, BEST, seeds=2),
    "outcome": arm({"hack/true": [0.1, 0.2]}),
    "with <beta>": arm({"hack/true": [0.1, 0.2], "hack/kl": [0.0, 1.0]}),
}


def lines(picture: str, tint: str) -> list[list[tuple[float, float]]]:
    found = ElementTree.fromstring(picture).iter("polyline")
    return [
        [tuple(map(float, point.split(","))) for point in each.attrib["points"].split()]
        for each in found
        if each.attrib["stroke"] == tint
    ]


def test_a_line_for_every_seed_of_the_arms_with_a_learned_reward():
    picture = reward_panels(ARMS)
    for tint in (LEARNED, TRUE):
        assert len(lines(picture, tint)) == 2
    (first, _) = lines(picture, LEARNED)
    assert [y for _, y in first] == [95.6, 65.0, 14.0]  # 0.2, 0.5 and 1 of a frame of 102 from 14 down
    assert "hacked: alarm in 2 of 2" in picture
    assert "outcome" not in picture
    assert len(re.findall('stroke="#dc2626"', picture)) == 2


def test_the_gap_has_both_signs():
    (first, _) = lines(gap_panels(ARMS), APART)
    assert [y for _, y in first] == pytest.approx([14 + 102 * 0.65, 65.0, 14.0], abs=0.06)


def test_drift_is_shown_for_whoever_has_it_and_unknown_updates_are_left_out():
    picture = drift_panels(ARMS)
    assert [len(line) for line in lines(picture, APART)] == [2, 2, 2]
    assert "with &lt;beta&gt;" in picture
    assert drift_panels({"outcome": ARMS["outcome"]}) == ""


def test_choosing_is_shown_over_what_it_costs():
    picture = choice_panels(ARMS)
    (first, _) = lines(picture, TRUE)
    assert [y for _, y in first] == pytest.approx([65.0, 105.8])
    assert "n = 4" in picture
    assert choice_panels({"outcome": ARMS["outcome"]}) == ""
