"""Jobs for test_ray_pool.py; in a module of their own so that ray's actors can import them."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path


def where(report):
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "CUDA_VISIBLE_DEVICES")
    return {name: os.environ.get(name) for name in names} | {"pid": os.getpid(), "cwd": str(Path.cwd())}


def die_once(report, flag: Path):
    """Killed the first time, in the middle of its work; done the second."""
    with (flag.with_suffix(".log")).open("a") as log:
        log.write(f"{os.getpid()}\n")
    report(1, 2)
    if not flag.exists():
        flag.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    report(2, 2)
    return os.getpid()


def die_always(report, log: Path):
    with log.open("a") as file:
        file.write("x")
    os.kill(os.getpid(), signal.SIGKILL)


def wait_for(report, path: Path, seconds: float = 60.0):
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)
    return os.getpid()


def announce_and_wait(report, mine: Path, others: Path):
    mine.write_text(str(os.getpid()))
    return wait_for(report, others)


class Unpicklable(Exception):
    def __init__(self, one, two):
        super().__init__(one)


def odd_mistake(report):
    raise Unpicklable(1, 2)
