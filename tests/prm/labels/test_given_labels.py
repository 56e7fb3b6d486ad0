"""Labels that are given: by people's rows, and by an oracle, which is for measuring only."""

from __future__ import annotations

import json

import pytest

from prm.labels.base import Unlabelled
from prm.labels.human import human_labels
from prm.labels.oracle import MEASURING_ONLY, OracleLabels
from tasks.errors import DataError, UserError
from tasks.problem import Problem
from tasks.readers.formats import read_labelled, write_labelled

SESSION = {
    "labeler": "a",
    "question": {"problem": "1+1?", "ground_truth_answer": "2"},
    "label": {
        "steps": [
            {
                "completions": [{"text": "I add.", "rating": 1}, {"text": "I guess.", "rating": -1}],
                "human_completion": None,
                "chosen_completion": 0,
            }
        ],
        "finish_reason": "solution",
    },
}


class Oracle:
    def step_labels(self, problem, steps):
        if problem.id != "p":
            raise ValueError("not one of mine")
        return [step == step.lower() for step in steps]


def test_people_rate_steps(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(SESSION) + "\n")
    found = list(human_labels(path, "prm800k"))
    assert [(each.steps, each.labels) for each in found] == [(("I add.",), (1,)), (("I guess.",), (-1,))]
    assert [each.meta["method"] for each in found] == ["human"] * 2
    assert found[1].meta["source"] == "rows.jsonl#1"
    assert len(list(human_labels(path, "prm800k", 1))) == 1
    out = tmp_path / "labels.jsonl"
    assert write_labelled(out, found) == 2
    assert list(read_labelled(out, "own")) == found


def test_bad_rows_of_people_name_file_and_line(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"question": {}}\n')
    with pytest.raises(DataError, match=r"rows\.jsonl:1: "):
        list(human_labels(path, "prm800k"))
    with pytest.raises(UserError, match="format 'xml' is not known"):
        list(human_labels(path, "xml"))


def test_oracle_labels_are_marked(solution, verdicts):
    known, unknown = OracleLabels(Oracle()).label([solution("aBa", verdicts[1]), solution("a", verdicts[0], "q")])
    assert known.labels == (1, -1, 1)
    assert known.meta[MEASURING_ONLY] is True
    assert unknown is None


def test_what_code_said_is_kept_beside_the_sampled_ids(solution, verdicts):
    one = solution("ab", verdicts[0])
    step = type(one.steps[0])("c\n", (7,), (-1.0,), False, "out", (8, 9))
    path = type(one.trajectory)("p", (1, 2), (step, one.steps[1]), (0.0, 0.0), verdicts[0])
    (found,) = OracleLabels(Oracle()).label([Unlabelled(Problem("p", "", ""), path)])
    assert found.token_ids == ((7,), (ord("b"),))
    assert found.meta["observation_ids"] == [[8, 9], []]
