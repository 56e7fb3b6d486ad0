from __future__ import annotations

import os
import sys
import time

import pytest

from tasks.errors import UserError
from tasks.graders import external_checker, proof
from tasks.graders.base import Item, Resources
from tasks.graders.build import build_grader, load_grader
from tasks.problem import Outcome
from tasks.sandbox.execution import Tier

C, W, U, E = Outcome.CORRECT, Outcome.WRONG, Outcome.UNVERIFIABLE, Outcome.ERROR
WORLD = {"world": "S.X\n..G"}


@pytest.mark.parametrize(
    ("completion", "meta", "outcome"),
    [
        ("#### DRR", WORLD, C),
        ("#### D R R", WORLD, C),
        ("#### RR", WORLD, W),
        ("#### D", WORLD, W),
        ("go down, then right", WORLD, U),
        ("#### DRR", {}, E),
        ("#### DRR", {"world": "??"}, E),
    ],
)
def test_plans_are_run_in_the_grid_world(completion, meta, outcome):
    assert load_grader("plan").grade(Item("1", completion=completion, meta=meta)).outcome is outcome


GIVEN = {"premises": ["P>Q", "~Q"], "goal": "~P"}
PROOF = "3 P hyp\n4 Q mp 1 3\n5 Q&~Q &i 4 2\n6 ~P ~i 3-5"


@pytest.mark.parametrize(
    ("completion", "meta", "outcome"),
    [
        (PROOF, GIVEN, C),
        (f"So:\n```\n{PROOF}\n```\nas was to be shown", GIVEN, C),
        (PROOF.replace("mp 1 3", "mp 1 2"), GIVEN, W),
        ("3 ~P mt 1 2", GIVEN, C),
        ("#### 3 ~P mt 1 2", GIVEN, C),  # as the task logic ends a proof
        ("3 ~P", GIVEN, W),
        ("  ", GIVEN, U),
        (PROOF, {"premises": "P", "goal": "P"}, E),
        (PROOF, {"premises": ["P>("], "goal": "P"}, E),
        (PROOF, {"statement": "theorem t : 1 = 1 := by"}, E),
    ],
)
def test_proofs_are_checked_by_the_built_in_checker(completion, meta, outcome):
    assert load_grader("proof").grade(Item("1", completion=completion, meta=meta)).outcome is outcome


CHECKER = """
import pathlib, sys, time
text = pathlib.Path(sys.argv[1]).read_text()
if "loop" in text:
    time.sleep(600)
print("ok" if "right" in text else "error: does not hold")
sys.exit(0 if "right" in text else 1)
"""


@pytest.fixture
def checker(tmp_path, monkeypatch):
    """A stand-in for a proof assistant."""
    monkeypatch.setattr(proof, "bwrap_program", lambda: None)
    monkeypatch.setattr(external_checker, "bwrap_program", lambda: None)
    (tmp_path / "checker.py").write_text(CHECKER)
    return {"type": "proof", "command": [sys.executable, str(tmp_path / "checker.py")], "timeout_s": 60.0}


def test_an_external_checker_is_asked(checker):
    grader = build_grader(checker, Resources(tier=Tier.OFF))
    meta = {"statement": "theorem t : p := by"}
    assert grader.grade(Item("1", completion="exact right", meta=meta)).outcome is C
    assert grader.grade(Item("1", completion="exact it", meta=meta)).outcome is W
    assert grader.grade(Item("1", completion=PROOF, meta=GIVEN)).outcome is C  # no statement: the built-in one


@pytest.mark.parametrize(
    "text", ["right sorry", "right\n#eval 1", "run_tac right", "right; by_elab x", "IO.println right"]
)
def test_proofs_that_could_run_programs_are_not_checked(checker, text):
    found = build_grader(checker, Resources(tier=Tier.OFF)).grade(Item("1", completion=text, meta={"statement": "t"}))
    assert found.outcome is W
    assert "may not use" in found.note


def test_a_checker_that_hangs_is_killed(checker):
    begun = time.monotonic()
    found = build_grader(checker | {"timeout_s": 0.5}, Resources(tier=Tier.OFF)).grade(
        Item("1", completion="loop", meta={"statement": "t"})
    )
    assert (found.outcome, time.monotonic() - begun < 300) == (W, True)
    assert "not checked within" in found.note


def test_an_unconfined_checker_must_be_asked_for(checker):
    with pytest.raises(UserError, match="confined by bubblewrap"):
        build_grader(checker)


def test_a_checker_that_is_not_installed_is_left_out():
    grader = build_grader({"type": "proof", "command": ["no-such-checker-here"]})
    assert grader.grade(Item("1", completion=PROOF, meta=GIVEN)).outcome is C
    found = grader.grade(Item("1", completion=PROOF, meta={"statement": "t"}))
    assert found.outcome is E
    assert "not installed" in found.note


def test_the_checker_sees_no_environment(checker, tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "42")
    (tmp_path / "checker.py").write_text(
        "import os\nprint(sorted(os.environ))\nraise SystemExit('SECRET_KEY' in os.environ)"
    )
    found = build_grader(checker, Resources(tier=Tier.OFF)).grade(Item("1", completion="x", meta={"statement": "t"}))
    assert found.outcome is C, found.note
    assert os.environ["SECRET_KEY"] == "42"
