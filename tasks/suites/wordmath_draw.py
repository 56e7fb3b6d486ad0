"""Draws the stories of suite ``wordmath``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from tasks.suites.wordmath_sentences import DISTRACTORS, EVENTS, NAMES, OPENINGS, THINGS
from tasks.suites.wordmath_story import Story

ChoiceT = TypeVar("ChoiceT")


def draw_story(rng: np.random.Generator, operations: int, operand: int, value: int, distracts: bool) -> Story:
    """A story of so many operations whose numbers lie in 2..operand and whose values lie in 1..value."""
    story = Story()
    place = int(rng.integers(operations)) if distracts else -1  # behind the opening or an event
    _open(rng, story, operand, value)
    while True:
        if len(story.operations) >= place >= 0:
            story.tell(_pick(rng, tuple(DISTRACTORS)), a=_pick(rng, NAMES), n=int(rng.integers(2, operand + 1)))
            place = -1
        if len(story.operations) == operations:
            story.tell("left")
            return story
        choices = {key: numbers for key in EVENTS if (numbers := _numbers(story, key, operand, value))}
        is_last = len(story.operations) == operations - 1
        ends_together = is_last and place < 0 and story.shared is not None and story.shared <= value
        key = _pick(rng, (*choices, "together") if ends_together else tuple(choices))
        if key == "together":
            story.tell(key)
            return story
        others = [name for name in NAMES if name not in story.prompt]
        story.tell(key, n=_pick(rng, choices[key]), b=_pick(rng, others) if others else "")


def _open(rng: np.random.Generator, story: Story, operand: int, value: int) -> None:
    key = _pick(rng, tuple(OPENINGS))
    first = int(rng.integers(2, operand + 1))
    second = int(rng.integers(2, min(operand, value // first) + 1))
    story.tell(key, a=_pick(rng, NAMES), t=_pick(rng, THINGS), n=first, m=second)


def _numbers(story: Story, key: str, operand: int, value: int) -> Sequence[int]:
    """The numbers with which a sentence is possible now."""
    operator, text = EVENTS[key]
    if "{b}" in text and all(name in story.prompt for name in NAMES):
        return ()
    if key == "sells" and story.thing == "coins":
        return ()
    now = story.value
    if operator == "/":
        return [number for number in range(2, operand + 1) if now % number == 0]
    most = {"+": value - now, "-": now - 1, "*": value // now}[operator]
    return range(2, min(operand, most) + 1)


def _pick(rng: np.random.Generator, choices: Sequence[ChoiceT]) -> ChoiceT:
    return choices[int(rng.integers(len(choices)))]
