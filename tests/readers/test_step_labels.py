"""Labelled steps and preferences, from small rows of the public shapes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tasks.errors import DataError, UserError
from tasks.readers.formats import LABELLED, PREFERENCES, read_labelled, read_preferences
from tasks.readers.labelled import LabelledSolution, PreferredText, labels_until

SHEPHERD = {
    "input": "Ann has 2 + 3 pens. How many? Step 1: 2 + 3 = 5 ки\nStep 2: The answer is: 6 ки",
    "label": "Ann has 2 + 3 pens. How many? Step 1: 2 + 3 = 5 +\nStep 2: The answer is: 6 -",
    "task": "GSM8K",
}
PRM800K = {
    "labeler": "a",
    "question": {"problem": "1+1?", "ground_truth_answer": "2"},
    "label": {
        "steps": [
            {
                "completions": [{"text": "I add.", "rating": 1}, {"text": "I guess.", "rating": -1}],
                "human_completion": None,
                "chosen_completion": 0,
            },
            {
                "completions": [{"text": "It is 3.", "rating": -1}, {"text": "Hm.", "rating": None}],
                "human_completion": {"text": "It is 2.", "rating": None},
                "chosen_completion": None,
            },
            {"completions": [{"text": "Done.", "rating": 0}], "human_completion": None, "chosen_completion": None},
        ],
        "finish_reason": "solution",
    },
}


def write(path: Path, *rows) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def read(tmp_path, form, *rows):
    reader = read_labelled if form in LABELLED else read_preferences
    return list(reader(write(tmp_path / "rows.jsonl", *rows), form))


def test_processbench_labels_steps_up_to_the_first_error(tmp_path):
    rows = [
        {"id": f"gsm8k-{label}", "problem": "p", "steps": ["a", "b", "c"], "label": label, "generator": "g"}
        for label in (-1, 1)
    ]
    right, wrong = read(tmp_path, "processbench", *rows)
    assert (right.labels, right.first_error) == ((1, 1, 1), -1)
    assert (wrong.labels, wrong.first_error) == ((1, -1, None), 1)
    assert wrong.meta == {"id": "gsm8k-1", "generator": "g", "label": 1}


def test_math_shepherd_steps_end_where_the_tags_stand(tmp_path):
    (found,) = read(tmp_path, "math_shepherd", SHEPHERD)
    assert found.prompt == "Ann has 2 + 3 pens. How many? "  # its own plus sign is no label
    assert found.steps == ("Step 1: 2 + 3 = 5 ", "\nStep 2: The answer is: 6 ")
    assert found.labels == (1, -1)
    assert found.meta == {"task": "GSM8K", "end": ""}


def test_prm800k_gives_the_chosen_path_and_each_other_rating_once(tmp_path):
    found = read(tmp_path, "prm800k", PRM800K)
    assert [(each.steps, each.labels) for each in found] == [
        (("I add.", "It is 2."), (1, None)),
        (("I guess.",), (-1,)),
        (("I add.", "It is 3."), (None, -1)),
        (("I add.", "It is 2.", "Done."), (None, None, 0)),
    ]
    assert {each.answer for each in found} == {"2"}
    rated = [c["rating"] for step in PRM800K["label"]["steps"] for c in step["completions"]]
    labels = [label for each in found for label in each.labels if label is not None]
    assert sorted(labels) == sorted(rating for rating in rated if rating is not None)


def test_trl_rows_may_be_texts_or_messages(tmp_path):
    (found,) = read(tmp_path, "trl_stepwise", {"prompt": "p", "completions": ["a", "b"], "labels": [True, False]})
    assert found == LabelledSolution("p", ("a", "b"), (1, -1), meta={"labels": [True, False]})
    chat = [{"role": "user", "content": "hi"}]
    said = [[*chat, {"role": "assistant", "content": text}] for text in ("good", "bad")]
    rows = [
        {"prompt": "p", "chosen": "x", "rejected": "y", "score": 3},
        {"prompt": chat, "chosen": said[0][1:], "rejected": said[1][1:]},
        {"chosen": said[0], "rejected": said[1]},
        {"chosen": "Q: 1\nA: 1", "rejected": "Q: 1\nA: 12"},
    ]
    assert read(tmp_path, "trl", *rows) == [
        PreferredText("p", "x", "y", {"score": 3}),
        PreferredText("hi", "good", "bad"),
        PreferredText("hi", "good", "bad"),
        PreferredText("Q: 1\n", "A: 1", "A: 12"),
    ]


def test_rstar_pairs_are_all_of_pos_against_all_of_neg(tmp_path):
    found = read(tmp_path, "rstar", {"prompt": "p", "pos": ["a", "b"], "neg": "c"})
    assert [(each.chosen, each.rejected) for each in found] == [("a", "c"), ("b", "c")]


def shepherd(**changes) -> dict:
    return {**SHEPHERD, **changes}


def prm800k(**step) -> dict:
    return {**PRM800K, "label": {"steps": [{**PRM800K["label"]["steps"][0], **step}]}}


BROKEN = [
    ("processbench", {"problem": "p", "steps": ["a"], "label": 1}, "first error is at step 1, but there are 1 steps"),
    ("processbench", {"problem": "p", "steps": ["a"], "label": True}, "'label' must be a whole number"),
    ("processbench", {"problem": "p", "steps": [], "label": -1}, "there is no step"),
    ("processbench", {"problem": "p", "steps": ["a", 1], "label": -1}, "list of texts, but entry 1 is '1'"),
    ("processbench", {"steps": ["a"], "label": -1}, "'problem' is missing"),
    ("trl_stepwise", {"prompt": "p", "completions": ["a"], "labels": [1]}, "list of true and false"),
    ("trl_stepwise", {"prompt": "p", "completions": ["a", "b"], "labels": [True]}, "1 labels do not fit 2 steps"),
    ("math_shepherd", shepherd(label=SHEPHERD["label"][:-1] + "?"), r"with \+ or - for each"),
    ("math_shepherd", shepherd(label="other" + SHEPHERD["label"]), r"with \+ or - for each"),
    ("math_shepherd", shepherd(label=SHEPHERD["label"] + "x"), "end differently"),
    ("math_shepherd", {"input": "no steps", "label": "no steps"}, "has no 'Step 1:'"),
    ("prm800k", prm800k(chosen_completion=2), "step 0 of 'label' chooses completion 2 of 2"),
    ("prm800k", prm800k(completions=[{"text": "a", "rating": 2}]), "has the rating 2"),
    ("prm800k", prm800k(completions=[{"rating": 1}]), "'text' is missing"),
    ("trl", {"prompt": "p", "chosen": "a", "rejected": "a"}, "the same text"),
    ("trl", {"chosen": "a", "rejected": [{"role": "user", "content": "a"}]}, "both be texts"),
    ("trl", {"prompt": [{"role": "user"}], "chosen": "a", "rejected": "b"}, "without a text 'content'"),
    ("rstar", {"prompt": "p", "pos": [], "neg": ["a"]}, "'pos' must be a text or a list of texts"),
]


@pytest.mark.parametrize(("form", "row", "sentence"), BROKEN)
def test_a_broken_row_is_named_by_file_and_line(tmp_path, form, row, sentence):
    good = {"processbench": {"problem": "p", "steps": ["a"], "label": -1}}.get(form)
    rows = [good, row] if good else [row]
    with pytest.raises(DataError, match=rf"rows\.jsonl:{len(rows)}: .*{sentence}"):
        read(tmp_path, form, *rows)


def test_an_unknown_format_names_the_known_ones(tmp_path):
    for reader, known in ((read_labelled, LABELLED), (read_preferences, PREFERENCES)):
        with pytest.raises(UserError, match=", ".join(known)):
            reader(tmp_path, "csv")


@pytest.mark.parametrize("label", [True, 1.5, float("nan")])
def test_labels_are_numbers_in_range_and_never_casts(label):
    with pytest.raises(ValueError, match="a label must lie in"):
        LabelledSolution("p", ("a",), (label,))


def test_labels_until_the_first_error():
    assert labels_until(3, 0) == (-1, None, None)
    with pytest.raises(ValueError, match="at step 3"):
        labels_until(3, 3)
