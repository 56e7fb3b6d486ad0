"""Rewritten solutions: what each way does by hand, and what none of them may change."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm.config import TokenizerKind
from lm.tokenizer import build_tokenizer
from prm.probing.perturbations import PERTURBATIONS, chosen_perturbations
from prm.probing.wordings import numbered, prefaced, spaced, swapped, worded
from tasks.errors import UserError
from tasks.readers.labelled import LabelledSolution

CHAIN = LabelledSolution("7 +5 *3 mod 10\n", ("7+5=2\n", "2*3=5\n", "#### 5"), (1.0, -1.0, 1.0), "6")


def rewritten(name, one=CHAIN):
    return PERTURBATIONS[name](one)


@pytest.mark.parametrize(
    ("name", "steps", "covers", "labels"),
    [
        ("spacing", ["7 + 5 = 2\n", "2 * 3 = 5\n", "#### 5"], [(0,), (1,), (2,)], [1, -1, 1]),
        ("numbers", ["7.0+5.0=2.0\n", "2.0*3.0=5.0\n", "#### 5.0"], [(0,), (1,), (2,)], [1, -1, 1]),
        ("swapped", ["5+7=2\n", "3*2=5\n", "#### 5"], [(0,), (1,), (2,)], [1, -1, 1]),
        ("split", ["7+5=\n", "2\n", "2*3=\n", "5\n", "#### 5"], [(), (0,), (), (1,), (2,)], [1, 1, None, -1, 1]),
        ("merged", ["7+5=2 2*3=5\n", "#### 5"], [(0, 1), (2,)], [-1, 1]),
        ("repeated", ["7+5=2\n", "7+5=2\n", "2*3=5\n", "2*3=5\n", "#### 5"], [(0,), (), (1,), (), (2,)], None),
        ("empty", ["7+5=2\n", "\n", "2*3=5\n", "\n", "#### 5"], [(0,), (), (1,), (), (2,)], [1, None, -1, None, 1]),
        ("length", ["7+5=2 7+5=2\n", "2*3=5 2*3=5\n", "#### 5"], [(0,), (1,), (2,)], [1, -1, 1]),
    ],
)
def test_each_way_by_hand(name, steps, covers, labels):
    found = rewritten(name)
    assert list(found.solution.steps) == steps
    assert list(found.covers) == covers
    assert labels is None or list(found.solution.labels) == labels
    assert (found.solution.prompt, found.solution.answer) == (CHAIN.prompt, CHAIN.answer)


def test_padding_and_claims_stand_before_the_answer():
    assert rewritten("thanks").solution.steps[2].startswith("Thank you")
    assert rewritten("claims").solution.steps[1].startswith("2*3=5 I have checked this")
    assert rewritten("claims").solution.steps[2] == "#### 5"


@pytest.mark.parametrize(
    ("rewrite", "before", "after"),
    [
        (prefaced, "Tom gets 5 more: 1+5=6", "Next, Tom gets 5 more: 1+5=6"),
        (prefaced, "We add them.", "Next, we add them."),
        (prefaced, "12+5=17", "12+5=17"),
        (spaced, "x=3, so 2*x = 6", "x=3, so 2*x=6"),
        (spaced, "a well-known fact", "a well-known fact"),
        (numbered, "Step 2: 1234 pens and 0.5 of 007", "Step 2: 1,234 pens and 0.5 of 007"),
        (swapped, "1+2+3=6 and 4*5=20 and -1+2=1", "1+2+3=6 and 5*4=20 and -1+2=1"),
        (swapped, "Tom has more: 1+5=6, x = 2*3 = 6", "Tom has more: 5+1=6, x = 3*2 = 6"),
        *(
            (swapped, same, same)
            for same in (
                "1,200*3=3,600",
                r"4 \times 2+3=11",
                r"4 \cdot 2+3=11",
                "10 ÷ 2*5=25",
                "7 − 2+3=8",
                "7 – 2+3=8",
                "4 × 2+3=11",
                "1:2+3=5",
                "10 mod 3+4=5",
                "3*1,200=3,600",
            )
        ),
        *((spaced, same, same) for same in ("the change is -5", "a -5", "a 7-day trip", "GPT-4")),
        (spaced, "x - 5 = 2", "x-5=2"),
        *(
            (worded, same, same)
            for same in ("the first term", "the next one, so far", "If 2*x=4, then x=2", "First term")
        ),
        (worded, "First, add.\nSo 4.", "To begin with, add.\nTherefore 4."),
        (worded, "So we get 4. Then the total equals 5.", "Therefore we obtain 4. After that the sum is equal to 5."),
    ],
)
def test_wordings_keep_the_meaning(rewrite, before, after):
    assert rewrite(before) == after


def test_nothing_to_change_and_code_that_printed_are_left_out():
    assert rewritten("wording") is None
    assert rewritten("merged", LabelledSolution("p", ("only",), (1.0,))) is None
    assert rewritten("split", LabelledSolution("p", ("only",), (1.0,), meta={"observation_ids": [[1]]})) is None
    with pytest.raises(UserError, match="the perturbation 'rot13' is not known; use one of spacing"):
        chosen_perturbations(["rot13"])


def test_steps_that_stay_keep_their_sampled_ids_and_others_get_the_tokenizers():
    tokenizer = build_tokenizer(TokenizerKind.CHARACTERS, ["x"], 0)
    ids = [tuple(tokenizer.encode(text, add_special_tokens=False)) for text in CHAIN.steps]
    ids[2] = (*ids[2], tokenizer.eos_token_id)
    one = LabelledSolution(CHAIN.prompt, CHAIN.steps, CHAIN.labels, token_ids=tuple(ids))
    found = rewritten("swapped", one).with_ids(one, tokenizer)
    assert found.token_ids[2] == ids[2]
    assert tokenizer.decode(found.token_ids[0]) == "5+7=2\n"
    numbers = rewritten("numbers", one).with_ids(one, tokenizer)
    assert numbers.token_ids[2][-1] == tokenizer.eos_token_id
    assert rewritten("swapped").with_ids(CHAIN, tokenizer).token_ids == ()


TEXTS = st.text("ab12+*= .,\n", min_size=1, max_size=14).filter(lambda text: text.strip() != "")
SOLUTIONS = st.lists(st.tuples(TEXTS, st.sampled_from([1.0, 0.0, -1.0, None])), min_size=1, max_size=5)


@given(SOLUTIONS, st.sampled_from(sorted(PERTURBATIONS)))
def test_every_step_is_covered_once_in_order_and_no_error_is_lost(made, name):
    one = LabelledSolution("p", tuple(text for text, _ in made), tuple(label for _, label in made))
    found = rewritten(name, one)
    if found is None:
        return
    assert [at for covers in found.covers for at in covers] == list(range(len(made)))
    for label, covers in zip(found.solution.labels, found.covers, strict=True):
        own = [one.labels[at] for at in covers]
        assert label in ({None} if None in own else {min(own)}) if own else label is None or label >= 0
