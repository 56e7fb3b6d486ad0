"""The table of arms while they run, and the plain lines where there is no terminal."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from compare.board import Board
from compare.jobs import Failed, SeedStage
from evolve.stages import Stage
from evolve.worker_process import Progress


def stage(name, seed):
    return SeedStage(seed, Stage(name, "m:f", {}, []))


@pytest.fixture
def board():
    planned = {(name, seed): stage(name, seed) for seed in (0, 1) for name in ("grpo", "tree_q")}
    return Board(planned | {("oracle", seed): Failed("task [b]x[/b] has no step oracle") for seed in (0, 1)})


def text(board, width=110):
    console = Console(file=StringIO(), width=width)
    console.print(board.table())
    return console.file.getvalue()


def row(board, name):
    return next(cells for line in text(board).splitlines() if (cells := line.split())[:1] == [name])


def solved(*right):
    return {"result": {"right": list(right)}, "metrics": [{"ledger/spent": 0.4}, {"ledger/spent": 0.9}]}


def test_before_anything_has_begun(board):
    assert row(board, "grpo") == ["grpo", "0", "of", "2", "0.0", "%", "-"]


def test_an_arm_under_way_and_one_seed_done(board):
    board.ended("seed_0/grpo", solved(True, False))
    board.follow(Progress(0, "seed_1/grpo", 0.5, 1.0, {"accuracy": "41.0 %"}))
    told = " ".join(row(board, "grpo"))
    assert told.startswith("grpo 1 of 2 70.0 % 50.0 %")
    assert told.endswith("seed 1: 50.0 % spent, 41.0 % right")
    board.ended("seed_1/grpo", solved(True, True))
    assert " ".join(row(board, "grpo")) == "grpo 2 of 2 90.0 % 75.0 %"


def test_what_failed_is_told_and_its_text_is_no_markup(board):
    board.ended("seed_0/tree_q", Failed("the loss is NaN"))
    assert "FAILED (seed 0): the loss is NaN" in text(board)
    assert "FAILED (seed 0, 1): task [b]x[/b] has no step oracle" in text(board)


def test_a_long_reason_takes_no_room_from_the_figures(board):
    board.ended("seed_0/grpo", Failed("of many words " * 20))
    for width in (60, 80, 120):
        told = text(board, width)
        assert all(head in told for head in ("arm", "seeds done", "budget spent", "accuracy", "under way"))
        assert "0 of 2" in told
        assert max(map(len, told.splitlines())) <= width


class Terminal(StringIO):
    def isatty(self):
        return True


def test_in_a_terminal_the_table_stands_above_a_bar_with_the_time_left(board, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    stream = Terminal()
    with board.shown("arms", stream=stream) as shown:
        shown.follow(Progress(0, "seed_0/grpo", 0.5, 1.0, {"accuracy": "40.0 %"}))
        shown.ended("seed_0/grpo", solved(True))
        shown.ended("seed_1/grpo", solved(True))
    said = stream.getvalue()
    assert "budget spent" in said
    assert "90.0 %" in said
    assert "left" in said
    assert " 50%" in said.rsplit("arms", 1)[1], "two of four jobs are done; those that cannot be are not waited for"


def test_without_a_terminal_each_end_is_a_line(board):
    stream = StringIO()
    board.ended("seed_0/tree_q", solved(True))
    with board.shown("arms", stream=stream) as shown:
        shown.ended("seed_0/grpo", solved(True, False))
        shown.ended("seed_1/grpo", Failed("the loss is NaN"))
    lines = stream.getvalue().splitlines()
    assert lines[:2] == ["grpo, seed 0: done, 50.0 % right", "grpo, seed 1: FAILED: the loss is NaN"]
    assert "tree_q" not in stream.getvalue(), "it was done before"


def test_asked_to_be_quiet_it_is(board):
    stream = Terminal()
    with board.shown("arms", enabled=False, stream=stream) as shown:
        shown.ended("seed_0/grpo", solved(True))
    assert stream.getvalue() == ""
