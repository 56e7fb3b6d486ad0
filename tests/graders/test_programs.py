"""Graders that run programs, in the sandbox of this machine."""

from __future__ import annotations

import json
import re
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


# Reads the runner's nonce and answers for it, after printing what the runner's own frame holds of the test.
SPOKEN_FOR = """
import os, re, sys
cells = sys._getframe(1).f_locals["cells"]
mark = re.search("[0-9a-f]{32}", cells[-1])
os.write(4, ((mark[0] if mark else "") + %r + chr(10)).encode())
os.write(5, os.read(5, 16) + b"o")
os._exit(0)
"""

FORGED = {
    "speaks for the runner": SPOKEN_FOR % "['0']",
    "reads the test": SPOKEN_FOR.replace(
        "%r", "repr(re.findall('[0-9]+', cells[-1].split('= []')[1].split('print')[0])[-1:])"
    ),
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
    tests = [{"call": "add", "args": [1, 2], "expected": 3}, {"assert": "assert abs(add(1, 4) - 5) < 1e-6"}]
    found = unit_tested(resources, code(FORGED[name]), tests, spec=spec)
    assert found.outcome is W
    assert found.reward == 0.0


def test_a_program_that_speaks_for_the_runner_can_still_guess_a_truth(resources):
    """The limit that docs/graders.md states; it also shows that the forgery above works where no value is asked for."""
    rewards = [
        unit_tested(resources, code(FORGED["speaks for the runner"]), [test]).reward
        for test in ("assert not g(2)", {"call": "g", "expected": 0}, "assert g(3)", "assert g(1) == 5")
    ]
    assert rewards == [1, 1, 0, 0]  # it always says 0


def test_what_is_expected_does_not_enter_the_sandbox():
    class Spy:
        tier = Tier.OFF
        seen = ""

        def run(self, cells, stdin=""):
            self.seen += json.dumps([list(cells), stdin])
            return Execution(ExecutionOutcome.OK, "1\n", "", 0.0, Tier.OFF)

    spy = Spy()
    tests = [
        {"call": "f", "args": [5], "expected": 12345},
        "assert f(6) == 12345",
        {"stdin": "7", "stdout": "12345"},
        *(f"assert {each}" for each in KEPT_OUTSIDE),
    ]
    found = unit_tested(Resources(sandbox=spy), code("def f(x): return 1"), tests)
    assert found.reward == 0
    assert "12345" not in spy.seen
    asked = "".join(re.findall(r"__told = \[\](.*?)print\(", spy.seen))
    assert asked.count("f(6)") == len(KEPT_OUTSIDE) + 1
    assert not re.search("assert|not |isclose|isinstance| < | in ", asked)
    assert all(given in spy.seen for given in ("5", "6", "7"))


KEPT_OUTSIDE = [
    "abs(f(6) - 12345) < 1e-6",
    "1e-6 > abs(12345 - f(6))",
    "12345 == f(6)",
    "f(6) != 12345",
    "not f(6)",
    "not f(6) == 12345",
    "f(6) is 12345",
    "f(6) in (12345, 2)",
    "12345 in f(6)",
    "12345 <= f(6) < 123456",
    "f(6) and f(7) > 12345",
    "isinstance(f(6), int)",
    "math.isclose(f(6), 12345)",
]


@pytest.mark.parametrize(
    ("claim", "right", "wrong"),
    [
        ("f(1)", "[0]", "[]"),
        ("not f(1)", "0", "1"),
        ("not f(1)", "numpy.array(0)", "object()"),
        ("f(1) < 5", "4", "5"),
        ("f(1) > 5", "float('inf')", "'6'"),
        ("5 <= f(1)", "5", "4"),
        ("0 < f(1) <= 3", "3", "0"),
        ("f(1) != 5", "4", "5"),
        ("f(1) is None", "None", "0"),
        ("f(1) is not None", "object()", "None"),
        ("f(1) is True", "True", "1"),
        ("f(1) in (1, 2)", "2", "3"),
        ("7 in f(1)", "[7]", "(8,)"),
        ("7 not in f(1)", "{8}", "{7}"),
        ("abs(f(1) - 5) < 1e-6", "5.0000001", "5.1"),
        ("abs(f(1) - 5) < 1e-6", "numpy.float64(5)", "'5'"),
        ("f(1) and f(2) == 3", "3", "4"),
        ("f(1) == 3 or f(1) == 4", "4", "5"),
        ("isinstance(f(1), (list, tuple))", "(1,)", "{1}"),
        ("math.isclose(f(1), 0.3)", "0.1 + 0.2", "0.31"),
        ("math.isclose(f(1), 5, abs_tol=1)", "6", "6.1"),
        ("sorted(f(1)) == sorted([2, 1])", "[1, 2]", "[1]"),
    ],
)
def test_every_kind_of_assert_is_judged(resources, claim, right, wrong):
    def reward(value):
        test = {"assert": f"assert {claim}", "setup": "import math"}
        return unit_tested(resources, code(f"import numpy\ndef f(x): return {value}"), [test]).reward

    assert (reward(right), reward(wrong)) == (1, 0)


def test_what_cannot_be_taken_apart_is_run_as_it_is(resources):
    deceived = code("class A:\n    __eq__ = lambda s, o: True\ndef f(x): return A()")
    text = "assert f'{chr(10).join(f(1))}' == '3\\n3'"
    assert unit_tested(resources, code("def f(x): return '33'"), [text]).reward == 1
    assert unit_tested(resources, deceived, ["def check(g):\n    assert g(1) == 5\ncheck(f)"]).reward == 1  # documented
    assert unit_tested(resources, deceived, ["assert f(1) == 5"]).reward == 0


def test_asserts_may_have_statements_between_them(resources):
    text = "x = [2, 1]\nf(x)\nassert x == [1, 2], 'sorted'\nx.append(0)\nassert x[-1] == 0"
    deep = "for x in ([2, 1], [3, 0]):\n    f(x)\n    assert x[0] < x[1]"
    right, wrong = code("def f(x): x.sort()"), code("def f(x): pass")
    assert [unit_tested(resources, each, [text, deep]).reward for each in (right, wrong)] == [1, 0]
    spy_proof = read_tests([text], 0.0)[0]
    assert "[1, 2]" not in spy_proof.statements


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
    assert passes("'result: 5'", "result: 5")
    assert passes("'a\\nb'", "a\nb")
    assert passes("__import__('numpy').int64(5)", 5)
    assert passes("[__import__('numpy').float64(0.5), {'a': __import__('numpy').ones(2)}]", [0.5, {"a": [1, 1]}])
    assert passes("__import__('collections').Counter('aab')", {"a": 2, "b": 1})
    assert not passes("{2: 1}", {"2": 1})  # JSON's names are texts


def test_what_a_program_prints_besides_does_not_disturb_its_values(resources):
    source = (
        "import atexit\natexit.register(print, 'bye')\ndef add(a, b):\n    print('adding', end='')\n    return a + b"
    )
    assert unit_tested(resources, code(source)).outcome is C


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
    begun = time.process_time()
    assert fenced_blocks("```py\n" * 100_000) == []
    assert time.process_time() - begun < 2


@pytest.mark.parametrize(
    "text", ["(" * 50_000, "-" * 50_000 + "1", "1+" * 30_000 + "1", "[" * 90 + "]" * 90, "9" * 50_000]
)
@pytest.mark.parametrize("wrapped", [False, True])
def test_hostile_results_are_only_wrong(text, wrapped):
    told = repr([text]) if wrapped else text

    class Says:
        tier = Tier.OFF

        def run(self, cells, stdin=""):
            mark = re.search("[0-9a-f]{32}", cells[-1])[0]
            return Execution(ExecutionOutcome.OK, f"{mark}{told}\n", "", 0.0, Tier.OFF)

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
