from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console

from evolve.show_tasks import read_options, show
from tasks.errors import UserError
from tasks.mix import MixConfig
from tasks.overlap import Overlap, ngrams, overlaps, words
from tasks.problem import Split
from tasks.readers.gsm8k import Gsm8kConfig
from tasks.readers.jsonl import JsonlConfig, load_jsonl
from tasks.registry import build_task, file_tasks
from tasks.splits import split_of

ALL = 10**6
HELD_OUT = "A baker sells 12 loaves at 3 coins each and 5 cakes at 7 coins each on Monday. How much did she take?"


def shared(text, other=HELD_OUT, n=13):
    """The share found, whatever it is."""
    return next((found.share for found in overlaps({"mine": text}, {"theirs": other}, n, 1e-9)), 0.0)


def test_words_lose_capitals_and_what_stands_around_them_but_signs_of_arithmetic_count():
    assert words('He said: "1 - 2 = ?"  (Why)\n$x+1$.') == ["he", "said", "1", "-", "2", "=", "why", "x+1"]
    assert ngrams("1 - 2 = ?", 13).isdisjoint(ngrams("1 + 2 = ?", 13))


def test_n_grams_by_hand():
    assert ngrams("a b c b c", 2) == {"a b", "b c", "c b"}
    assert ngrams("A, b", 3) == {"a b"}
    assert ngrams(" ?! ", 3) == set()


def test_a_text_in_other_type_is_the_same_text():
    assert shared(f"  {HELD_OUT.upper().replace('.', ' !')}") == 1.0


def test_a_held_out_question_within_a_longer_text_counts_whole():
    assert (
        shared(f"Read this twice before you begin to write anything at all down. {HELD_OUT} Show every step, please.")
        == 1.0
    )


def test_the_share_is_that_of_the_n_grams_of_the_shorter_text():
    """23 words have 11 13-grams; with the last word changed 10 are left, with the eleventh changed none."""
    assert len(words(HELD_OUT)) == 23
    assert shared(HELD_OUT.replace("take", "earn")) == pytest.approx(10 / 11)
    assert shared(HELD_OUT.replace("5 cakes", "6 cakes")) == 0.0
    assert shared(HELD_OUT.replace("5 cakes", "6 cakes"), n=3) == pytest.approx(18 / 21)


def test_the_most_alike_is_named_and_the_rest_left_alone():
    judged = {"far": "nothing of it", "near": HELD_OUT.replace("take", "earn"), "same": HELD_OUT, "too": HELD_OUT}
    texts = {"one": HELD_OUT, "two": "Nothing of it!", "three": "something else"}
    assert list(overlaps(texts, judged, 13, 0.5)) == [Overlap("one", "same", 1.0), Overlap("two", "far", 1.0)]
    assert list(overlaps({"one": HELD_OUT.replace("take", "earn")}, {"same": HELD_OUT}, 13, 0.91)) == []


def _text(split, number=0):
    """A long question of its own, and of that split."""
    for tail in range(1000):
        text = " ".join(f"w{number}x{place}" for place in range(20)) + f" t{tail}?"
        if split_of(text + "\n") is split:
            return text
    raise AssertionError


@pytest.fixture
def file(tmp_path):
    """Three training problems, of which one is much like a validation problem, and one like a held-out one."""
    alone, held_out, validation = _text(Split.TRAIN, 1), _text(Split.HELD_OUT, 2), _text(Split.VALIDATION, 3)
    alike = [
        next(text for tail in range(99) if split_of((text := f"{one.upper()} {tail}") + "\n") is Split.TRAIN)
        for one in (held_out, validation)
    ]
    path = tmp_path / "rows.jsonl"
    rows = [
        {"problem": text, "answer": 1, "id": name, "solution": "so"}
        for name, text in zip("ahvxy", (alone, held_out, validation, *alike), strict=True)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return str(path)


def test_training_problems_like_judged_ones_are_set_aside(file):
    task = load_jsonl(JsonlConfig(path=file))
    assert [problem.id for problem in task.problems(Split.TRAIN, ALL)] == ["jsonl/a"]
    assert [shown.problem.id for shown in task.demonstrations(ALL)] == ["jsonl/a"]
    assert [problem.id for problem in task.problems(Split.HELD_OUT, ALL)] == ["jsonl/h"]
    assert [problem.id for problem in task.problems(Split.VALIDATION, ALL)] == ["jsonl/v"]
    report = task.overlap_report()
    assert {name: report[name] for name in ("n", "share", "training", "judged")} == {
        "n": 13,
        "share": 0.5,
        "training": 3,
        "judged": 2,
    }
    found = sorted((each["id"], each["like"], each["at"], each["share"]) for each in report["set_aside"])
    assert found == [
        ("jsonl/x", "jsonl/h", f"line 4 of {file}", 1.0),
        ("jsonl/y", "jsonl/v", f"line 5 of {file}", 1.0),
    ]


def test_n_0_looks_at_nothing_and_other_values_are_refused(file):
    task = load_jsonl(JsonlConfig(path=file, overlap_n=0))
    assert len(task.problems(Split.TRAIN, ALL)) == 3
    assert task.overlap_report()["set_aside"] == []
    for option, value, rule in (
        ("overlap_n", -1, "task.overlap_n is a number of words, or 0, got -1"),
        ("overlap_share", 0.0, "task.overlap_share must lie above 0 and be at most 1, got 0.0"),
        ("overlap_share", float("nan"), "task.overlap_share must .*got nan"),
    ):
        with pytest.raises(UserError, match=rule):
            load_jsonl(JsonlConfig(path=file, **{option: value}))


def test_a_mix_has_its_parts_files(file):
    parts = {
        "own": JsonlConfig(path=file),
        "more": Gsm8kConfig(path=str(Path(__file__).parents[1] / "data/gsm8k_shaped.jsonl")),
    }
    task = build_task(MixConfig(parts=parts))
    assert [part.name for part in file_tasks(task)] == ["jsonl", "gsm8k"]
    assert len([each for each in task.problems(Split.TRAIN, ALL) if each.id.startswith("own/")]) == 1


def test_validation_lists_them_and_they_are_no_failure(file):
    console = Console(record=True, width=200)
    show(read_options(["name=jsonl", f"path={file}", "validate=true", "count=2", "task.overlap_share=0.9"]), console)
    said = console.export_text()
    assert "jsonl: 2 of 3 training problems share 90 % or more of their 13-grams with one of 2 validation" in said
    assert f"jsonl/x (line 4 of {file}): 100 % with jsonl/h" in said
