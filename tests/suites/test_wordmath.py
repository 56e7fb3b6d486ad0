from __future__ import annotations

import contextlib
import io
import re
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.config import StepFormat
from tasks.problem import Problem, Split
from tasks.suites.code_format import STEP_END, code_steps, without_observations
from tasks.suites.wordmath import WordmathConfig, WordmathTask
from tasks.suites.wordmath_oracle import WordmathOracle
from tasks.suites.wordmath_sentences import EVENTS, FACTS, OPENINGS, QUESTIONS
from tasks.suites.wordmath_story import read_story
from tasks.suites.wordmath_style import Style

PROBLEM = Problem(
    "x",
    "Tom has 4 boxes of 3 pens. Tom gets 6 more. Ann has 3 fewer than Tom. How many pens do Tom and Ann have?\n",
    "33",
)
RIGHT = ["4*3=12", "12+6=18", "18-3=15", "18+15=33", "#### 33"]
TEXT, WORDED, CODE = (
    WordmathOracle(StepFormat.TEXT, Style.EQUATIONS),
    WordmathOracle(StepFormat.TEXT, Style.WORDED),
    WordmathOracle(StepFormat.CODE, Style.EQUATIONS),
)


def brute_force(prompt: str) -> int:
    """Who has how much, sentence by sentence, told apart by single words."""
    has: dict[str, int] = {}
    who = ""
    for sentence in re.split(r"(?<=[.?])\s", prompt.strip()):
        words = sentence.rstrip(".?").split()
        numbers = [int(word) for word in words if word.isdigit()]
        names = [word for word in words if word in has]
        if "old" in words or "miles" in words:
            continue
        if sentence.startswith("How"):
            return sum(has[name] for name in names)
        if not has:
            who = words[0]
            has[who] = numbers[0] if len(numbers) == 1 else numbers[0] * numbers[1]
            continue
        (number,) = numbers
        if "That" in words:
            new = words[-2]
            assert has[who] % number == 0
            who, has[new] = new, has[who] // number
        elif "than" in words or "times" in words:
            new, old = words[0], words[-1]
            assert old == who
            has[new] = {"more": has[old] + number, "fewer": has[old] - number, "times": has[old] * number}[words[3]]
            who = new
        else:
            assert words[0] == who
            change = {"gets": (1, number), "finds": (1, number), "loses": (1, -number), "gives": (1, -number)}
            if words[1] in change:
                has[who] += change[words[1]][1]
            elif words[1] == "sells":
                has[who] *= number
            else:
                assert words[1] == "fills"
                assert has[who] % number == 0
                has[who] //= number
    raise AssertionError("no question")


@settings(max_examples=30)
@given(
    seed=st.integers(0, 10**9),
    most=st.integers(2, 8),
    operand=st.integers(4, 99),
    distractors=st.sampled_from([0.0, 0.5, 1.0]),
)
def test_answers_match_an_independent_reader(seed, most, operand, distractors):
    config = WordmathConfig(
        seed=seed, max_operations=most, largest_operand=operand, largest_value=3 * operand, distractors=distractors
    )
    for problem in WordmathTask(config).problems(Split.TRAIN, 10):
        story = read_story(problem.prompt)
        assert problem.answer == str(brute_force(problem.prompt)) == story.answer
        assert story.prompt == problem.prompt
        assert problem.meta["level"] == len(story.operations)
        assert 2 <= len(story.operations) <= most
        assert all(1 <= value <= 3 * operand for value in story.values)
        assert all(2 <= int(number) <= operand for number in re.findall("[0-9]+", problem.prompt))


def test_every_kind_of_sentence_occurs():
    problems = WordmathTask(WordmathConfig(distractors=0.5)).problems(Split.TRAIN, 400)
    keys = Counter(operation.key for p in problems for operation in read_story(p.prompt).operations)
    assert set(keys) == set(FACTS)
    assert min(keys.values()) >= 10
    assert any("years old" in p.prompt for p in problems)
    assert any("miles" in p.prompt for p in problems)
    assert {len(part) for part in (OPENINGS, EVENTS, QUESTIONS)} == {3, 10, 2}


def test_default_texts_are_short():
    for config in (WordmathConfig(), WordmathConfig(step_format=StepFormat.CODE)):
        shown = WordmathTask(config).demonstrations(300)
        assert max(len(found.problem.prompt) for found in shown) <= 170
        assert max(len(found.solution) for found in shown) <= 220


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "Tom has 12 pens.\n",
        "Tom has 12 pens. How many pens does Tom have?\n",
        "Tom gets 5 more. How many pens does Tom have?\n",
        "Tom has 12 pens. Ann gets 5 more. How many pens does Tom have?\n",
        "Tom has 12 pens. Tom gets 5 more. How many eggs does Tom have?\n",
        "Tom has 12 pens. Tom gets 5 more. How many pens does Ann have?\n",
        "Tom has 12 pens. Tom gets 5 more. How many pens do Tom and Ann have?\n",
        "Tom has 12 pens. Tom has 5 more than Tom. How many pens does Tom have?\n",
        "Tom has 12 pens. Tom fills 5 equal bags and keeps one. How many pens does Tom have?\n",
        "Tom has 12 pens. Tom loses 13. How many pens does Tom have?\n",
        "Tom has 12 pens. Tom gets 5 more. How many pens does Tom have? Tom gets 5 more.\n",
        "Tom has 12 pens. Tom gets 5 more. How many pens does Tom have?",
        "Tom has 12 pens. Tom gets 05 more. How many pens does Tom have?\n",
    ],
)
def test_another_text_is_no_word_problem(prompt):
    with pytest.raises(ValueError, match=r"."):
        read_story(prompt)


@pytest.mark.parametrize(
    ("steps", "labels"),
    [
        (RIGHT, [True] * 5),
        ([step + "\n" for step in RIGHT], [True] * 5),
        ([], []),
        (RIGHT[:2], [True, True]),
        (["3*4=12", "6+12=18", "18-3=15", "15+18=33", "#### 33"], [True] * 5),  # sums and products in either order
        (["4*3=12", "12+6=18", "3-18=15", "18+15=33"], [True, True, False, True]),
        # A slip is one wrong step; what follows from it is right.
        (["4+3=7", "7+6=13", "13-3=10", "13+10=23", "#### 23"], [False, True, True, True, True]),
        (["4*3=13", "13+6=19", "19-3=16", "19+16=35", "#### 35"], [False, True, True, True, True]),
        (["4*3=13", "12+6=18"], [False, False]),
        (["4*3=12", "#### 12"], [True, False]),
        ([*RIGHT, "#### 33"], [True] * 5 + [False]),
        (["#### 33"], [False]),
        ([*RIGHT[:4], "#### 34"], [True] * 4 + [False]),
        ([*RIGHT[:4], "33+0=33", "#### 33"], [True] * 4 + [False, False]),
        (["what?", "12+6=18", "18-3=15"], [False, False, True]),
        (["4 * 3 = 12"], [False]),
        (["4*3=012"], [False]),
        (["4*3=12 "], [False]),
        (["Tom: 4*3=12"], [False]),
    ],
)
def test_known_labels(steps, labels):
    assert TEXT.step_labels(PROBLEM, steps) == labels
    assert TEXT.first_error(PROBLEM, steps) == (labels.index(False) if False in labels else -1)


def test_worded_steps_need_their_sentence():
    assert WORDED.step_labels(PROBLEM, ["Tom has 4 boxes of 3 pens: 4*3=12", "Tom gets 6 more: 12+6=18"]) == [True] * 2
    assert WORDED.step_labels(PROBLEM, ["4*3=12"]) == [False]
    assert WORDED.step_labels(PROBLEM, ["Tom 4*3=12: 4*3=12"]) == [False]


@pytest.mark.parametrize(
    ("codes", "labels"),
    [
        (["a=4*3", "b=a+6", "c=b-3", "d=b+c\nprint(d)"], [True] * 4),
        (["x = 3 * 4", "# a comment\ny=6+x\nprint(y)", "z=18-3", "w=z+y"], [True] * 4),
        (["a=12", "b=a+6"], [False, False]),
        (["a=4*3", "b=c+6"], [True, False]),
        (["a=4*3", "b=a+5", "c=b-3"], [True, False, True]),
        (["a=4*3", "b=a+6\nc=b-3"], [True, False]),
        (["a=4*3\nprint(b)"], [False]),
        (["a=4*3\nimport os"], [False]),
        (["# nothing"], [False]),
        (["a=eval('4*3')"], [False]),
        (["a=4**3"], [False]),
        (["a=4*-3"], [False]),
        (["a=4//0"], [False]),
        (["a=4*" + "3" * 500], [False]),
        ([""], [False]),
    ],
)
def test_code_is_judged_without_being_run(codes, labels):
    assert CODE.step_labels(PROBLEM, [f"# so\n{code}\n{STEP_END}" for code in codes]) == labels
    assert CODE.step_labels(PROBLEM, [f"{code}\n{STEP_END}>>> 5\n" for code in codes]) == labels


@pytest.mark.parametrize(("last", "is_right"), [("The answer is \\boxed{33}", True), ("The answer is 33", False)])
@pytest.mark.parametrize("end", ["", f"\n{STEP_END}"])
def test_the_final_code_step_repeats_what_was_worked_out(last, is_right, end):
    steps = [f"{code}\n{STEP_END}" for code in ("a=4*3", "b=a+6", "c=b-3", "d=b+c")]
    assert CODE.step_labels(PROBLEM, [*steps, last + end])[-1] is is_right
    assert CODE.step_labels(PROBLEM, [*steps[:3], last + end])[-1] is False


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_code_of_demonstrations_prints_what_they_show_and_answer(rate):
    config = WordmathConfig(step_format=StepFormat.CODE, max_operations=6, misconception_rate=rate)
    for shown in WordmathTask(config).demonstrations(80):
        *steps, last = code_steps(shown.solution)
        names: dict = {}
        for step in steps:
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(without_observations(step).removesuffix(STEP_END), names)
            assert step.partition(STEP_END)[2] == (f">>> {printed.getvalue()}" if printed.getvalue() else "")
        assert last == f"The answer is \\boxed{{{printed.getvalue().strip()}}}"


@pytest.mark.parametrize("style", [{}, {"style": Style.WORDED}, {"step_format": StepFormat.CODE}], ids=str)
def test_a_demonstration_errs_in_exactly_the_misconceived_sentences(style):
    config = WordmathConfig(misconceived_facts=0.5, max_operations=5, **style)
    task = WordmathTask(config)
    assert len(task.mistaken) == 6
    slips, met = Counter(), Counter()
    for shown in task.demonstrations(400):
        operations = read_story(shown.problem.prompt).operations
        labels = task.oracle.step_labels(shown.problem, task.steps(shown.solution))
        assert labels[-1]
        for operation, is_right in zip(operations, labels, strict=False):
            met[operation.key] += 1
            slips[operation.key] += not is_right
            assert is_right or operation.key in task.mistaken
    assert all(slips[key] for key in task.mistaken)
    # A slip that would leave a later step without a whole result is not shown, so this is below the rate of 0.7.
    assert 0.35 < slips.total() / sum(met[key] for key in task.mistaken) < 0.75
    assert all(
        task.mistaken[key] != operation.operator
        for key in task.mistaken
        for operation in operations
        if operation.key == key
    )


@settings(max_examples=150)
@given(st.data())
def test_right_steps_lead_to_right_answers(data):
    """Steps that are right or spoilt at random: if the oracle finds none wrong, the verifier agrees."""
    kind = data.draw(st.sampled_from([{}, {"style": Style.WORDED}, {"step_format": StepFormat.CODE}]))
    config = WordmathConfig(seed=data.draw(st.integers(0, 20)), max_operations=4, **kind)
    task = WordmathTask(replace(config, misconceived_facts=data.draw(st.sampled_from([0.0, 1.0]))))
    shown = task.demonstrations(4)[data.draw(st.integers(0, 3))]
    steps = task.steps(shown.solution)
    for _ in range(data.draw(st.integers(0, 2))):
        place = data.draw(st.integers(0, len(steps) - 1))
        spoil = data.draw(
            st.sampled_from([lambda s: s.replace("1", "2"), lambda s: s.replace("+", "-"), lambda s: s, lambda s: "x"])
        )
        steps[place] = spoil(steps[place])
    is_complete = len(steps) == shown.problem.meta["level"] + 1
    if is_complete and task.oracle.first_error(shown.problem, steps) == -1:
        joined = "".join(steps) if config.step_format is StepFormat.CODE else "\n".join(steps)
        assert task.verifier.verify(shown.problem, without_observations(joined)).reward == 1.0
