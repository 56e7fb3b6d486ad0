"""What labelled data holds, by hand, and what makes it unfit."""

from __future__ import annotations

import pytest

from tasks.errors import DataError
from tasks.readers.care import DepthRow, examine, refuse_alike, refuse_shared, refuse_unfit
from tasks.readers.labelled import LabelledSolution


def solution(steps, labels, prompt="p"):
    return LabelledSolution(prompt, tuple(steps), tuple(labels))


DATA = [
    solution("abc", (1, -1, None)),
    solution("ab", (1, 0)),
    solution("ab", (1, 0)),  # again
    solution("ab", (1, None)),  # says less, contradicts nothing
    solution("ab", (-1, 0), "P \n"),  # again with another label; the same problem, written otherwise
    solution(["a", " ", "b", "b "], (0.5, 1, 1, -0.25), "q"),
    solution(["first\n\n second"], (None,), "r"),
]


def test_counts_by_hand():
    care = examine(DATA)
    assert (care.solutions, care.problems, care.steps, care.labelled) == (7, 3, 16, 13)
    assert (care.right, care.wrong, care.neutral, care.degrees) == (7, 3, 3, 2)
    assert care.different == 5
    assert (care.with_error, care.unlabelled_solutions) == (3, 1)
    assert (care.repeated, care.contradicted) == (1, 1)
    assert (care.blank, care.doubled, care.uncut) == (1, 1, 1)
    assert care.depths[0] == DepthRow(1, 7, 6, 5, 1, 1, pytest.approx(3.5 / 6))
    assert care.depths[1] == DepthRow(2, 6, 5, 1, 1, 1, 0.0)
    assert [row.first_errors for row in care.depths] == [1, 1, 0, 1]
    assert care.depths[2].steps == 2
    assert sum(row.steps for row in care.depths) == care.steps
    assert care.remarks[0] == "1 of 7 solutions stand there again with other labels"
    assert "1 of 16 steps are blank" in care.remarks
    assert examine([solution("ab", (1, -1))]).remarks == []


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ([], "there is no labelled solution"),
        ([solution("ab", (None, None))], "none of its 2 steps has a label"),
        ([solution("ab", (1, 0.5))], "all 2 labelled steps are right, and one class teaches and tells nothing"),
        ([solution("ab", (-1, None))], "all 1 labelled steps are wrong"),
        ([solution("ab", (0, 0))], "all 2 labelled steps are neither right nor wrong"),
    ],
)
def test_data_of_one_class_or_none_is_refused(data, sentence):
    with pytest.raises(DataError, match=f"labels.jsonl: {sentence}"):
        refuse_unfit(examine(data), "labels.jsonl")


def test_nothing_is_learned_from_labels_that_are_all_the_same():
    refuse_alike(examine([solution("ab", (1, 0.5))]), "labels.jsonl")
    with pytest.raises(DataError, match=r"labels.jsonl: all 2 labels are the same"):
        refuse_alike(examine([solution("ab", (0.5, 0.5))]), "labels.jsonl")
    with pytest.raises(DataError, match="none of its 1 steps has a label"):
        refuse_alike(examine([solution("a", (None,))]), "labels.jsonl")


def test_both_classes_are_fit():
    refuse_unfit(examine(DATA), "labels.jsonl")


def test_a_problem_is_in_one_part_only():
    refuse_shared({"a": [solution("a", (1,), "p"), solution("b", (1,), "p")], "b": [solution("a", (1,), "q")]})
    shared = {"train": DATA, "judged": [solution("z", (1,), "  Q"), solution("z", (1,), "new")]}
    with pytest.raises(DataError, match=r"1 of the 2 problems of judged stand in train too, such as 'Q'"):
        refuse_shared(shared)
