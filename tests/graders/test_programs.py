"""Graders that run programs, in the sandbox of this machine."""

from __future__ import annotations

import json
import time

import pytest

from tasks.errors import UserError
from tasks.graders.base import Item, Resources
from tasks.graders.build import build_grader
from tasks.graders.fences import fenced_blocks
from tasks.graders.program_tests import BadTest, read_tests
from tasks.problem import Outcome
from tasks.sandbox.execution import Execution, ExecutionOutcome, Tier
from tasks.sandbox.open import open_sandbox

C, W, U, E = Outcome.CORRECT, Outcome.WRONG, Outcome.UNVERIFIABLE, Outcome.ERROR
ADD = [
    {"call": "add", "args": [1, 2], "expected": 3},
    {"call": "add", "kwargs": {"a": [1], "b": [2]}, "expected": [1, 2]},
    "assert add('x', 'y') == 'xy'",
    {"assert": "assert isinstance(add(1, 2), int)"},
]


@pytest.fixture(scope="module")
def resources():
    try:
        return Resources(sandbox=open_sandbox(Tier.AUTO))
    except UserError as error:
        pytest.skip(str(error))


def code(text):
    return f"Here it is:\n```python\n{text}\n```\nDone."


def unit_tested(resources, text, tests=ADD, **more):
    spec = {"type": "unit_tests", **more.pop("spec", {})}
    return build_grader(spec, resources).grade(Item("1", meta={"tests": tests, **more}, completion=text))


def test_a_right_program_passes_all(resources):
    found = unit_tested(resources, code("def add(a, b):\n    return a + b"), hidden_tests=ADD[:1])
    assert (found.outcome, found.reward, found.parts) == (C, 1.0, {"visible": 1.0, "hidden": 1.0})


def test_credit_is_the_share_and_correct_is_all(resources):
    wrong = code("def add(a, b):\n    return 3")
    found = unit_tested(resources, wrong, hidden_tests=["assert add(2, 2) == 4"])
    assert (found.outcome, found.reward, found.parts) == (W, 0.4, {"visible": 0.5, "hidden": 0.0})
    assert unit_tested(resources, wrong, spec={"partial": False}).reward == 0
    assert unit_tested(resources, wrong, hidden_tests=["assert add(2, 2) == 4"], spec={"count": "hidden"}).reward == 0


def test_standard_input_and_output(resources):
    tests = [{"stdin": "3 4\n", "stdout": "7"}, {"stdin": "1 1\n", "stdout": "2  \n\n"}]
    assert unit_tested(resources, code("print(sum(map(int, input().split())))"), tests).reward == 1
    assert unit_tested(resources, code("print(7)"), tests).reward == 0.5


FORGED = {
    "ends early": "import os\nprint('result: 3')\nos._exit(0)",
    "exits": "import sys\nprint('result: 3')\nsys.exit(0)",
    "prints a result": "print('result: 3')\nraise SystemExit",
    "equal to all": "class A:\n    __eq__ = lambda s, o: True\n    __repr__ = lambda s: '9'\ndef add(a, b): return A()",
    "patches print": "import builtins\nbuiltins.print = lambda *a: None",
    "hangs": "while True: pass",
    "does not parse": "def add(a b)",
    "prints at exit": "import atexit\natexit.register(lambda: print('result: 3'))",
}


@pytest.mark.parametrize("name", FORGED)
def test_a_program_cannot_forge_a_result(resources, name):
    spec = {"timeout_s": 1.0} if name == "hangs" else {}
    resources = Resources(tier=Tier.AUTO) if spec else resources
    tests = [{"call": "add", "args": [1, 2], "expected": 3}, {"assert": "assert 3 - add(1, 2) == 0"}]
    found = unit_tested(resources, code(FORGED[name]), tests, spec=spec)
    assert found.outcome is W
    assert found.reward == 0.0


def test_what_is_expected_does_not_enter_the_sandbox():
    class Spy:
        tier = Tier.OFF
        seen = ""

        def run(self, cells, stdin=""):
            self.seen += json.dumps([list(cells), stdin])
            return Execution(ExecutionOutcome.OK, "result: 1\n", "", 0.0, Tier.OFF)

    spy = Spy()
    tests = [
        {"call": "f", "args": [5], "expected": 12345},
        "assert f(6) == 12345",
        {"stdin": "7", "stdout": "12345"},
    ]
    found = unit_tested(Resources(sandbox=spy), code("def f(x): return 1"), tests)
    assert found.reward == 0
    assert "12345" not in spy.seen
    assert all(given in spy.seen for given in ("5", "6", "7"))


def test_values_are_compared_as_json_would(resources):
    def passes(value, expected, **spec):
        test = [{"call": "f", "expected": expected}]
        return unit_tested(resources, code(f"def f(): return {value}"), test, spec=spec).reward == 1

    assert passes("(1, 2)", [1, 2])
    assert passes("{'a': (1,)}", {"a": [1]})
    assert passes("None", None)
    assert passes("0.1 + 0.2", 0.3, tolerance=1e-9)
    assert not passes("0.1 + 0.2", 0.3)
    assert not passes("float('nan')", 0.3, tolerance=1.0)
    assert not passes("'9' * 200000", "9")
    assert not passes("[1, 2, 3]", [1, 2], tolerance=0.5)
    assert not passes("object()", 1)


def test_the_last_block_is_the_program(resources):
    two = code("def add(a, b): return 0") + "\nBetter:\n" + code("def add(a, b): return a + b")
    assert unit_tested(resources, two).outcome is C
    assert unit_tested(resources, "def add(a, b): return a + b").outcome is U
    assert unit_tested(resources, "def add(a, b): return a + b", spec={"program": "text"}).outcome is C
    bare = Item("1", answer="def add(a, b): return a + b", meta={"tests": ADD})
    assert build_grader({"type": "unit_tests"}, resources).grade(bare).outcome is C


def test_blocks_are_told_apart():
    text = "```js\na\n```\nand\n```Python\nb\n  c\n```\n```\n```\n``` x ` y\n```py\nnever closed"
    assert fenced_blocks(text) == [("js", "a"), ("python", "b\n  c"), ("", "")]
    begun = time.perf_counter()
    assert fenced_blocks("```py\n" * 100_000) == []
    assert time.perf_counter() - begun < 2


@pytest.mark.parametrize(
    "text", ["(" * 50_000, "-" * 50_000 + "1", "1+" * 30_000 + "1", "[" * 90 + "]" * 90, "9" * 50_000]
)
def test_hostile_results_are_only_wrong(text):
    class Says:
        tier = Tier.OFF

        def run(self, cells, stdin=""):
            return Execution(ExecutionOutcome.OK, f"result: {text}\n", "", 0.0, Tier.OFF)

    found = unit_tested(Resources(sandbox=Says()), code("x"), [{"call": "f", "expected": 1}])
    assert (found.outcome, found.reward) == (W, 0.0)


@pytest.mark.parametrize(
    "tests", [None, [], "x", [5], [{"call": "f"}], [{"call": "f()", "expected": 1}], ["assert ("], [{}] * 201]
)
def test_bad_tests_are_an_error(resources, tests):
    assert unit_tested(resources, code("x = 1"), tests).outcome is E
    if isinstance(tests, list) and tests:
        with pytest.raises(BadTest):
            read_tests(tests, 0.0)


def python(source, resources, completion="#### 7", reference="7", **spec):
    grader = build_grader({"type": "python", "source": source, **spec}, resources)
    return grader.grade(Item("id-1", "2+5?", reference, completion, meta={"level": 3}))


def test_a_python_grader_gets_sample_and_item_and_gives_a_score(resources):
    source = "def grade(sample, item):\n    return float(sample['answer'] == item['reference'] and item['level'] == 3)"
    assert python(source, resources).outcome is C
    assert python(source, resources, "#### 8").outcome is W
    assert python("import numpy\ndef grade(s, i): return numpy.float32(0.5)", resources).reward == 0.5
    assert python("def grade(s, i): return {'outcome': 'unverifiable'}", resources).outcome is U
    assert python("def grade(s, i):\n    print('0.1')\n    return True", resources).outcome is C
    assert python("def grade(s, i): return 3", resources, range=[1, 5]).reward == 0.5


@pytest.mark.parametrize(
    "source",
    [
        "def grade(s, i): return 2",
        "def grade(s, i): return float('nan')",
        "def grade(s, i): return 'good'",
        "def grade(s, i): return None",
        "def grade(s, i): return {'outcome': 'great', 'reward': 1}",
        "def grade(s, i): raise ValueError('no')",
        "def grade(s, i):\n    import os\n    os._exit(0)",
        "def grade(s, i): return [1]",
    ],
)
def test_what_goes_wrong_in_a_python_grader_is_an_error(resources, source):
    found = python(source, resources)
    assert found.outcome is E
    assert found.note


def test_a_completion_is_data_to_a_python_grader(resources):
    hostile = '\'); import os; os._exit(0) #\n\\u0000\n""" #### 7'
    source = "def grade(sample, item): return len(sample['output_text']) / 1000"
    assert python(source, resources, hostile).reward == len(hostile) / 1000


def test_a_simulator_of_ones_own(resources):
    source = "def simulate(world, plan):\n    return sum({'+': 1, '-': -1}[move] for move in plan) == world"
    grader = build_grader({"type": "simulator", "source": source}, resources)
    assert grader.grade(Item("1", completion="#### +++-", meta={"world": 2})).outcome is C
    assert grader.grade(Item("1", completion="#### +", meta={"world": 2})).outcome is W
    assert grader.grade(Item("1", completion="#### x", meta={"world": 2})).outcome is E
    assert grader.grade(Item("1", completion="+", meta={"world": 2})).outcome is U
