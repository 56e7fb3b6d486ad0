from __future__ import annotations

import io

from evolve.progress import stage_progress
from evolve.worker_process import Progress


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def _lines(total, events, enabled=True):
    """What a stage prints to a file when (seconds, done, note) happens."""
    stream, clock = io.StringIO(), Clock()
    with stage_progress("search round 1", total, enabled, stream, clock) as bar:
        for seconds, done, note in events:
            clock.now = 100.0 + seconds
            bar.update(done, note=note)
    return stream.getvalue().splitlines()


def test_a_short_stage_prints_one_line():
    assert _lines(10, [(1, 5, ""), (4, 10, "")]) == ["search round 1: done in 0:04"]


def test_a_long_stage_prints_a_line_in_ten_seconds_with_the_time_left():
    events = [(second, second, "coverage 62 %") for second in range(100)]
    lines = _lines(400, events)
    assert len(lines) == 9
    assert lines[0] == "search round 1: 2 % (10 of 400), 6:30 left, coverage 62 %"
    assert lines[-1] == "search round 1: 22 % (90 of 400), 5:10 left, coverage 62 %"


def test_nothing_is_printed_when_disabled():
    assert _lines(10, [(60, 5, "")], enabled=False) == []


def test_a_stage_of_unknown_length_tells_what_is_done():
    assert _lines(None, [(3700, 0, "")]) == ["search round 1: 0 in 1:01:40"]


def test_jobs_add_up_to_one_bar():
    stream, clock = io.StringIO(), Clock()
    with stage_progress("search", 100, True, stream, clock) as bar:
        bar.follow(Progress(0, "a", 10, 50))
        bar.follow(Progress(1, "b", 20, 50))
        clock.now += 10
        bar.follow(Progress(0, "a", 30, 50, {"coverage": 0.625}))
    assert stream.getvalue() == "search: 50 % (50 of 100), 0:10 left, coverage 0.625\n"


def test_a_terminal_gets_a_bar():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    stream = Terminal()
    with stage_progress("search [round 1]", 10, stream=stream) as bar:
        bar.update(10, note="[coverage]")
    assert "100%" in stream.getvalue()
    assert "[coverage]" in stream.getvalue()
