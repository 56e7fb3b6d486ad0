"""Jobs for test_workers.py; in a module of their own so that worker processes can import them."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import evolve.worker_process
from tasks.errors import UserError


def square(report, number):
    report(1, 1)
    return number * number


def environment(report):
    return {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")} | {"pid": os.getpid()}


def count_to(report, total):
    for done in range(1, total + 1):
        report(done, total, coverage=done / total)
    return total


def sleep(report, seconds):
    time.sleep(seconds)
    return seconds


def wait_for(report, path):
    """Until there is such a file."""
    while not Path(path).exists():
        time.sleep(0.01)


def pids_then_sleep(report, folder):
    Path(folder, str(os.getpid())).touch()
    time.sleep(600)


def user_mistake(report):
    raise UserError("data.jsonl, line 3: no answer; add one")


def programming_mistake(report):
    return [][0]


def die(report):
    events = evolve.worker_process._events
    events.close()
    events._thread.join()  # the report that it was taken is out
    os.kill(os.getpid(), signal.SIGKILL)


def hold_memory(report, megabytes):
    data = b"x" * (megabytes * 2**20)
    return len(data)
