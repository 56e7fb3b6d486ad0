from __future__ import annotations

import io

from evolve.progress import stage_progress
from evolve.worker_process import Progress


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def _lines(total, events, enabled=True, unit="problems"):
    """What a stage prints to a file when (seconds, done, note) happens."""
    stream, clock = io.StringIO(), Clock()
    with stage_progress("search round 1", total, enabled, stream, clock, unit) as bar:
        for seconds, done, note in events:
            clock.now = 100.0 + seconds
            bar.update(done, note)
    return stream.getvalue().splitlines()


def test_a_short_stage_prints_one_line():
    assert _lines(10, [(1, 5, ""), (4, 10, "")]) == ["search round 1: done in 0:04"]


def test_a_long_stage_prints_a_line_in_ten_seconds_with_the_time_left():
    lines = _lines(4000, [(second, 10 * second, "coverage 62 %") for second in range(100)])
    assert len(lines) == 9
    assert lines[0] == "search round 1: 2 % (100 of 4,000 problems), 6:30 left, coverage 62 %"
    assert lines[-1] == "search round 1: 22 % (900 of 4,000 problems), 5:10 left, coverage 62 %"


def test_the_time_left_is_told_from_the_speed_since_the_first_word_and_from_enough_of_it():
    """Loading models took 40 s: that says nothing of the 72 problems."""
    lines = _lines(72, [(40, 0, ""), (51, 1, ""), (62, 3, ""), (76, 9, ""), (90, 72, "")])
    assert lines == [
        "search round 1: 0 % (0 of 72 problems)",
        "search round 1: 1 % (1 of 72 problems)",
        "search round 1: 4 % (3 of 72 problems), 8:26 left",
        "search round 1: 12 % (9 of 72 problems), 4:12 left",
        "search round 1: 100 % (72 of 72 problems)",
    ]
    sudden = _lines(72, [(8, 0, ""), (11, 20, "")])
    assert sudden == ["search round 1: 27 % (20 of 72 problems)"], "3 seconds are too few to tell"


def test_units_that_mean_nothing_are_not_told():
    lines = _lines(2, [(0, 0, ""), (10, 0.00106, ""), (20, 0.05, ""), (30, 0.5, "")], unit="")
    assert lines == ["search round 1: 0 %", "search round 1: 2 %", "search round 1: 25 %, 1:30 left"]


def test_not_all_is_not_100_percent():
    assert _lines(1000, [(0, 0, ""), (20, 999, "")]) == ["search round 1: 99 % (999 of 1,000 problems), 0:00 left"]


def test_nothing_is_printed_when_disabled():
    assert _lines(10, [(60, 5, "")], enabled=False) == []


def test_jobs_units_and_counts_add_up():
    stream, clock = io.StringIO(), Clock()
    with stage_progress("search", 100, True, stream, clock, "problems") as bar:
        bar.follow(Progress(0, "a", 10, 50, {"solved": 3}))
        bar.follow(Progress(1, "b", 20, 50, {"solved": 5}))
        bar.follow(Progress(0, "a", 29, 50, {"solved": 9, "coverage": 0.625}))
        clock.now += 10
        bar.follow(Progress(2, "c", 1, 50))
    assert stream.getvalue() == "search: 50 % (50 of 100 problems), 0:12 left, solved 14, coverage 0.625\n"


def test_jobs_of_unlike_units_count_alike():
    stream, clock = io.StringIO(), Clock()
    with stage_progress("train", 2, True, stream, clock) as bar:
        bar.follow_jobs(Progress(0, "ppm", 0, 1000))
        bar.follow_jobs(Progress(1, "policy", 5, 10, {"loss": 0.5}))
        clock.now += 10
        bar.follow_jobs(Progress(0, "ppm", 500, 1000, {"loss": 0.125}))
    assert stream.getvalue() == "train: 50 %, 0:10 left, ppm loss 0.125\n"


def test_a_terminal_gets_a_bar():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    stream = Terminal()
    with stage_progress("search [round 1]", 10, stream=stream) as bar:
        bar.update(10, "[coverage]")
    assert "100%" in stream.getvalue()
    assert "[coverage]" in stream.getvalue()
