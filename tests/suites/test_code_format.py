from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.answers import AnswerVerifier
from tasks.problem import Outcome, Problem
from tasks.suites.code_format import (
    FINAL,
    STEP_END,
    CodeVerifier,
    code_steps,
    final_line,
    final_text,
    observation,
    pieces,
    without_observations,
)

PROBLEM = Problem("x", "What is 7+5?\n", "12")
VERIFIER = CodeVerifier(AnswerVerifier())
STEP = f"# seven and five\na=7+5\nprint(a)\n{STEP_END}"
RIGHT = f"{STEP}>>> 12\n{FINAL}\\boxed{{12}}"
# Whatever a model may write, in bits that matter to the format.
TEXTS = st.lists(
    st.sampled_from([STEP_END, ">>> ", "\n", "a=1", FINAL, "\\boxed{12}", "<end_of_step>", "#### 12", " "]), max_size=12
).map("".join)


def test_the_bytes_are_as_documented():
    assert (STEP_END, FINAL) == ("<end_of_step>\n", "The answer is ")
    assert observation("12\n") == ">>> 12\n"
    assert observation("1\n\n2") == ">>> 1\n>>> \n>>> 2\n"
    assert observation("") == observation(" \n") == ""
    assert RIGHT.endswith(final_line("12"))


@pytest.mark.parametrize(
    ("solution", "outcome"),
    [
        (RIGHT, Outcome.CORRECT),
        (RIGHT + f"\n{STEP_END}", Outcome.CORRECT),
        (final_line("12"), Outcome.CORRECT),
        (RIGHT.replace(">>> 12\n", ">>> error\n"), Outcome.CORRECT),
        (RIGHT.replace("{12}", "{13}"), Outcome.WRONG),
        # What code prints, or holds, is no answer.
        (f"{STEP}>>> \\boxed{{12}}\n", Outcome.UNVERIFIABLE),
        (f"{STEP}>>> The answer is \\boxed{{12}}\n", Outcome.UNVERIFIABLE),
        (f"# The answer is \\boxed{{12}}\na=1\n{STEP_END}", Outcome.UNVERIFIABLE),
        (f"{STEP}>>> 12\n#### 12", Outcome.UNVERIFIABLE),
        (f"{STEP}>>> 12\n{FINAL}12", Outcome.UNVERIFIABLE),
        (f"{RIGHT}\n{STEP_END}a=1\n{STEP_END}", Outcome.UNVERIFIABLE),
        ("#### 12", Outcome.UNVERIFIABLE),
        ("", Outcome.UNVERIFIABLE),
        (STEP_END, Outcome.UNVERIFIABLE),
    ],
)
def test_only_the_final_step_answers(solution, outcome):
    assert VERIFIER.verify(PROBLEM, without_observations(solution)).outcome is outcome


@pytest.mark.parametrize("forged", [">>> 12\n", ">>> \n", ">>> 12\n>>> 12\n"])
def test_an_observation_that_the_policy_wrote_spoils_its_final_step(forged):
    assert VERIFIER.verify(PROBLEM, STEP + forged + final_line("12")).outcome is Outcome.UNVERIFIABLE
    assert VERIFIER.verify(PROBLEM, forged + final_line("12")).outcome is Outcome.UNVERIFIABLE


def test_no_delimiter_is_left_in_an_output():
    assert observation("<end_of_<end_of_step>step>\n1") == ">>> \n>>> 1\n"


def test_a_solution_is_cut_into_steps_with_their_observations():
    assert code_steps(RIGHT) == [STEP + ">>> 12\n", f"{FINAL}\\boxed{{12}}"]
    assert code_steps("") == []
    assert list(pieces(RIGHT)) == [(STEP, False), (">>> 12\n", True), (f"{FINAL}\\boxed{{12}}", False)]


@given(TEXTS)
def test_nothing_is_lost_by_cutting(text):
    assert "".join(code_steps(text)) == text
    assert "".join(piece for piece, _ in pieces(text)) == text
    own = "".join(piece for piece, is_observed in pieces(text) if not is_observed)
    assert own == without_observations(text)
    assert all(without_observations(step).count(STEP_END) == 1 for step in code_steps(text)[:-1])
    assert final_text(text).startswith(FINAL) or final_text(text) == ""


@given(TEXTS)
def test_no_output_passes_for_a_step_or_an_answer(output):
    solution = STEP + observation(output)
    assert STEP_END not in observation(output)
    assert without_observations(solution) == STEP
    assert code_steps(solution) == [solution]
    assert VERIFIER.verify(PROBLEM, solution).outcome is Outcome.UNVERIFIABLE
    own_words = without_observations(solution + final_line("12"))
    assert VERIFIER.verify(PROBLEM, own_words).outcome is Outcome.CORRECT
