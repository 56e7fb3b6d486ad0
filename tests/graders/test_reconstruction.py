from __future__ import annotations

import math

import pytest

from tasks.graders.base import Item, Resources
from tasks.graders.build import build_grader
from tasks.problem import Outcome


class Words:
    """A word of the text costs ln 16 nats, one that the context has ln 2."""

    def log_prob(self, context, text):
        if len(context) > 1000:
            raise ValueError("too long")
        known, words = set(context.split()), text.split()
        return -sum(math.log(2 if word in known else 16) for word in words), len(words)


SOURCE = "the cat sat on the mat by the door all day long"  # 12 words, 9 different ones


def grade(summary, **options):
    grader = build_grader({"type": "reconstruction", **options}, Resources(log_probs=Words()))
    return grader.grade(Item("1", completion=summary, reference=SOURCE))


def test_the_reward_is_the_share_of_the_nats_that_the_summary_saves():
    assert grade("nothing here").reward == 0
    # cat, mat: 2 of 12 words at ln 2 in place of ln 16
    assert grade("cat mat").reward == pytest.approx(2 * math.log(8) / (12 * math.log(16)))
    assert grade("the cat mat", pass_at=0.3).outcome is Outcome.CORRECT
    assert grade("cat mat", pass_at=0.3).outcome is Outcome.WRONG


def test_a_copy_is_no_summary():
    assert grade(SOURCE).reward == 0
    assert grade(SOURCE, longest=1.0).reward == pytest.approx(0.75)


def test_what_cannot_be_judged_says_so():
    assert grade(" ").outcome is Outcome.UNVERIFIABLE
    assert grade("x" * 2000, longest=1e3).outcome is Outcome.ERROR
    grader = build_grader({"type": "reconstruction"}, Resources(log_probs=Words()))
    assert grader.grade(Item("1", completion="x")).outcome is Outcome.ERROR


def test_the_source_can_be_a_field_or_the_prompt():
    grader = build_grader({"type": "reconstruction", "source": "prompt"}, Resources(log_probs=Words()))
    assert grader.grade(Item("1", SOURCE, completion="cat")).reward > 0
    grader = build_grader({"type": "reconstruction", "source": "text"}, Resources(log_probs=Words()))
    assert grader.grade(Item("1", completion="cat", meta={"text": SOURCE})).reward > 0
