from __future__ import annotations

import json

import pytest

from tasks.errors import UserError
from tasks.graders.base import Item, Resources
from tasks.graders.build import KINDS, MAX_GRADERS, build_grader, load_grader, runs_programs
from tasks.graders.ready import READY
from tasks.graders.verifier import GraderVerifier
from tasks.problem import Outcome, Problem, Split
from tasks.suites.chain import ChainConfig, ChainTask

LEAF = {"type": "length", "max": 5}


def multi(**graders):
    return {"type": "multi", "graders": graders}


BAD = [
    ([], "grader: must be a mapping of options, got []"),
    ({}, "grader.type: must be a text, but it is missing"),
    ({"type": "lenght"}, 'got "lenght"; did you mean length?'),
    ({"type": "length"}, "grader.max: must be given, or min"),
    ({"type": "length", "max": -1}, "grader.max: must be a whole number from 0 to 1000000000, got -1"),
    ({"type": "length", "max": True}, "grader.max: must be a whole number"),
    ({"type": "length", "max": 3, "min": 4}, "grader.max: must be at least min, 4, got 3"),
    ({"type": "length", "max": 3, "units": "words"}, "grader.units: there is no such option; did you mean unit?"),
    ({"type": "length", "max": 3, "unit": "bytes"}, "grader.unit: must be one of characters, words, lines"),
    (multi(length={"type": "length", "max": "5"}), "grader.graders.length.max: must be a whole number"),
    (
        multi(a=multi(b={"type": "number", "tolerance": float("nan")})),
        "grader.graders.a.graders.b.tolerance: must be a",
    ),
    (multi(), "grader.graders: must be a mapping with at least one grader"),
    ({"type": "multi", "graders": [LEAF]}, "grader.graders: must be a mapping of options"),
    (multi(**{"a b": LEAF}), "grader.graders.a b: must be named with letters"),
    (multi(a=LEAF) | {"weights": {"b": 1}}, "grader.weights.a: must be a number from 0 to 1e+06, but it is missing"),
    (multi(a=LEAF) | {"weights": {"a": 1, "b": 1}}, "grader.weights.b: there is no such option"),
    (multi(a=LEAF) | {"weights": {"a": 0}}, "grader.weights: must be positive for at least one grader"),
    (multi(a=LEAF) | {"formula": "a + b"}, "grader.formula: must be a formula of"),
    (multi(a=LEAF) | {"formula": "a", "weights": {"a": 1}}, "grader.weights: must be left out"),
    ({"type": "regex_format", "pattern": "("}, "grader.pattern: must be a pattern that can be matched in linear time"),
    ({"type": "regex_format", "pattern": r"(a)\1"}, "groupref is not"),
    ({"type": "language_consistency", "language": "xx"}, "grader.language: must be one of en"),
    ({"type": "python", "source": "x = 1"}, "grader.source: must be Python that defines a function grade"),
    ({"type": "python", "source": "def grade(:"}, "grader.source: must be Python ("),
    ({"type": "python"}, "grader.source: must be Python that defines grade, here or in a file"),
    ({"type": "python", "file": "nowhere.py"}, "grader.file: must be a file that can be read"),
    ({"type": "python", "source": "def grade(s, i): return 1", "range": [1, 0]}, "grader.range: must be two numbers"),
    ({"type": "instruction", "constraints": [{"id": "no:such"}]}, "grader.constraints: must be a list of constraints;"),
    ({"type": "reconstruction"}, "--policy FOLDER"),
    ({"type": "trl", "function": "nowhere"}, "grader.function: must be package.module:name"),
    ({"type": "trl", "function": "no.such_module:f"}, "grader.function: must be a function that can be imported"),
    ({"type": "verl", "function": "os:sep"}, "grader.function: must be a function"),
    (
        {"type": "model_judge", "base_url": "ftp://x", "model": "m", "rubric": "r"},
        "grader.base_url: must be an http(s) URL",
    ),
    ({"type": "model_judge", "api_key": "sk-1"}, "grader.api_key: must not be in a config"),
    ({"type": "math", "answer": "set", "tolerance": 0.1}, "grader.tolerance: must be left out for answers that are no"),
    (multi(a={"type": "number", "reference": "abc"}), "grader.graders.a.reference: must be an answer of type number"),
    ({"type": "math", "answer": "interval", "reference": "(1"}, "grader.reference: must be an answer of type interval"),
    ({1: 2, "type": "number"}, "grader: names must be texts"),
]


@pytest.mark.parametrize(("spec", "message"), BAD)
def test_a_bad_config_is_refused_in_one_sentence_that_names_the_place(spec, message):
    with pytest.raises(UserError) as caught:
        build_grader(spec)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_secrets_in_a_url_are_not_repeated():
    spec = {"type": "model_judge", "base_url": "https://me:sk-42@example.org/v1", "model": "m", "rubric": "r"}
    with pytest.raises(UserError) as caught:
        build_grader(spec)
    assert "sk-42" not in str(caught.value)


def test_nesting_and_number_are_bounded():
    deep = LEAF
    for _ in range(3000):  # far beyond Python's own recursion limit
        deep = multi(a=deep)
    with pytest.raises(UserError, match="nested at most 16"):
        build_grader(deep)
    with pytest.raises(UserError, match=f"at most {MAX_GRADERS}"):
        build_grader(multi(**{f"g{index}": LEAF for index in range(MAX_GRADERS)}))
    fits = LEAF
    for _ in range(15):
        fits = multi(a=fits)
    assert build_grader(fits).grade(Item("1", completion="abc")).reward == 1


def test_every_kind_is_there():
    for place in KINDS.values():
        module, _, name = place.partition(":")
        assert callable(getattr(__import__(module, fromlist=[name]), name))


@pytest.mark.parametrize("name", READY)
def test_ready_graders_can_be_built(name):
    if name == "math":
        pytest.importorskip("math_verify")
    load_grader(name, Resources(verifier=ChainTask(ChainConfig()).verifier))


def test_a_grader_of_the_task_asks_its_verifier():
    task = ChainTask(ChainConfig())
    (problem,) = task.problems(Split.TRAIN, 1)
    with pytest.raises(UserError, match=r"grader\.graders\.accuracy: a grader of type task is for arms\.NAME\.reward"):
        load_grader("accuracy_and_steps")
    grader = load_grader("accuracy_and_steps", Resources(verifier=task.verifier))
    rewards = {
        solution: grader.grade(Item(problem.id, problem.prompt, problem.answer, completion=solution)).reward
        for solution in (
            f"1+1=2\n#### {problem.answer}\n",
            f"#### {problem.answer}",
            "1+1=2\n#### no",
            "1+1=2",
        )  # unread: worth nothing
    }
    assert list(rewards.values()) == pytest.approx([1.0, 0.9, 0.0, 0.0])


@pytest.mark.parametrize("name", [name for name in READY if name.startswith("accuracy_and_")])
def test_a_right_answer_passes_without_letters_and_in_any_form(name):
    task = ChainTask(ChainConfig())
    (problem,) = task.problems(Split.TRAIN, 1)
    grader = load_grader(name, Resources(verifier=task.verifier))
    right, wrong = (
        grader.grade(Item(problem.id, problem.prompt, problem.answer, completion=f"#### {answer}"))
        for answer in (problem.answer, "12345")
    )
    assert (right.outcome, right.reward) == (Outcome.CORRECT, pytest.approx(0.9))
    assert wrong.outcome is not Outcome.CORRECT
    assert wrong.reward == 0
    german = f"der die das und ist nicht ein eine zu den\n#### {problem.answer}"
    assert grader.grade(Item(problem.id, problem.prompt, problem.answer, completion=german)).outcome is Outcome.CORRECT


def test_formulas_without_math_verify_are_refused_before_a_row_is_read(monkeypatch):
    monkeypatch.setattr("tasks.answers.worker.is_installed", lambda: False)
    with pytest.raises(UserError, match="treeward\\[math\\]"):
        build_grader({"type": "math"})
    build_grader({"type": "math", "answer": "fraction", "tolerance": 0.1, "reference": "1/2"})


def test_files_are_read_and_their_faults_told(tmp_path):
    (tmp_path / "g.yaml").write_text("type: length\nmax: 3\n")
    (tmp_path / "g.json").write_text(json.dumps({"type": "python", "file": "own.py"}))
    (tmp_path / "own.py").write_text("def grade(sample, item): return 1")
    assert load_grader(str(tmp_path / "g.yaml")).grade(Item("1", completion="abcd")).outcome is Outcome.WRONG
    load_grader(str(tmp_path / "g.json"))
    for name, text, message in [
        ("bad.json", "{", "is not JSON"),
        ("bad.yaml", "a: [", "is not YAML"),
        ("tag.yaml", "!!python/object/apply:os.system [ls]", "is not YAML"),
        ("bomb.yaml", "a: &a [1]\nb: [*a, *a]\n", "YAML aliases"),
        ("rule.yaml", "type: length\nmax: x\n", "rule.yaml: grader.max: must be"),
        ("g.txt", "type: number", "must end in .json, .yaml or .yml"),
    ]:
        (tmp_path / name).write_text(text)
        with pytest.raises(UserError) as caught:
            load_grader(str(tmp_path / name))
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match=r"there is no grader numbr \(did you mean number"):
        load_grader("numbr")


def test_an_item_has_something_to_grade():
    with pytest.raises(ValueError, match="completion or an answer"):
        Item("1")
    item = Item("1", reference='{"world": "S.G"}', answer="RR", meta={"tests": []})
    assert (item.data("tests"), item.data("world"), item.data("else"), item.text) == ([], "S.G", None, "RR")


def test_a_grader_stands_in_for_a_verifier():
    verifier = GraderVerifier(load_grader("number", Resources()))
    problem = Problem("p/0", "1+1\n", "2")
    found = [verifier.verify(problem, text).outcome for text in ("#### 2", "#### 3", "two")]
    assert found == [Outcome.CORRECT, Outcome.WRONG, Outcome.UNVERIFIABLE]


def test_it_is_known_before_whether_a_sandbox_is_needed():
    assert not runs_programs(multi(a=LEAF))
    assert runs_programs(multi(a=LEAF, b=multi(c={"type": "unit_tests"})))
    assert runs_programs({"type": "simulator", "source": "x"})
    assert not runs_programs({"type": "simulator"})
    assert not runs_programs([])
