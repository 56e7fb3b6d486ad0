"""Which scoring vLLM a process keeps between jobs, with a scripted one in the real one's place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import evolve.kept_scorer
from evolve.config import ScorerName
from evolve.kept_engine import make_room
from evolve.kept_scorer import close_scorer, kept_scorer
from evolve.models import load_evaluator
from policy.config import EngineConfig
from prm.vllm_scorer import VllmScorer
from tasks.errors import UserError

ENGINE = EngineConfig(device="cpu", cache_mb=7, batch_rows=5, timeout_s=9.0)


class ScriptedProcess:
    def __init__(self, settings):
        self.settings = settings
        self.forgotten = 0
        self.is_closed = self.is_dead = False

    def forget(self):
        if self.is_dead:
            raise UserError("died")
        self.forgotten += 1

    def close(self):
        self.is_closed = True


@pytest.fixture(autouse=True)
def started(monkeypatch):
    found = []

    def start(settings):
        found.append(ScriptedProcess(settings))
        return found[-1]

    monkeypatch.setattr(evolve.kept_scorer, "start_scoring", start)
    yield found
    close_scorer()


def test_it_is_started_once_a_ppm_and_forgets_between_jobs(started):
    first = kept_scorer(ENGINE, "cpu", Path("a"), 1)
    assert kept_scorer(replace(ENGINE), "cpu", Path("a"), 1) is first
    assert first.forgotten == 2
    assert (first.settings.cache_mb, first.settings.rows, first.settings.timeout_s) == (7, 5, 9.0)
    for number, wanted in enumerate([(Path("b"), 1), (Path("b"), 2)], start=2):  # another folder, or made anew
        kept_scorer(ENGINE, "cpu", *wanted)
        assert [process.is_closed for process in started] == [True] * (number - 1) + [False]


def test_a_dead_one_is_told_and_then_replaced(started):
    kept_scorer(ENGINE, "cpu", Path("a"), 1).is_dead = True
    with pytest.raises(UserError, match="died"):
        kept_scorer(ENGINE, "cpu", Path("a"), 1)
    assert kept_scorer(ENGINE, "cpu", Path("a"), 1) is started[1]


def test_room_for_training_is_made_on_a_gpu_only(started):
    kept_scorer(ENGINE, "cpu", Path("a"), 1)
    make_room("cpu")
    assert not started[0].is_closed
    make_room("cuda")
    assert started[0].is_closed


def test_the_option_chooses_it(started, tmp_path):
    scorer = load_evaluator(ScorerName.VLLM, ENGINE, tmp_path, lambda prompt: (1,))
    assert isinstance(scorer, VllmScorer)
    assert started[0].settings.path == tmp_path
