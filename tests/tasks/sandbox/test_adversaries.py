"""Nothing that a program does is felt outside, stays behind, or changes the next program."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tasks.errors import UserError
from tasks.sandbox.execution import ExecutionOutcome, Tier
from tasks.sandbox.limits import Limits
from tasks.sandbox.local import LocalSandbox
from tasks.sandbox.open import open_sandbox
from tests.tasks.sandbox.adversaries import ADVERSARIES, PROCESSES, Adversary

SECRET = "the-treasure-of-the-machine"
ORDINARY = "import math, sympy, statistics, random\nprint(sum(sorted([3, 1, 2])), math.sqrt(4), sympy.sqrt(8))"
PATIENT, HURRIED = Limits(seconds=60.0, memory_mb=64), Limits(seconds=0.2, memory_mb=64)
ORDINARY_SAYS = "6 2.0 2*sqrt(2)\n"


@dataclass
class World:
    """What could be touched: a secret in a folder, two listening sockets, another process."""

    folder: Path
    secret: Path
    listeners: list[socket.socket]
    victim: subprocess.Popen[bytes]

    def fill_in(self, text: str) -> str:
        path, port = self.listeners[0].getsockname(), self.listeners[1].getsockname()[1]
        places = {"SECRET": self.secret, "FOLDER": self.folder, "PATH": path, "PORT": port, "VICTIM": self.victim.pid}
        for name, value in {**places, "CALLER": os.getpid(), "PYTHON": sys.executable}.items():
            text = text.replace(f"${name}", str(value))
        return text

    def assert_untouched(self) -> None:
        assert sorted(path.name for path in self.folder.iterdir()) == ["door", "secret.txt"]
        assert self.secret.read_text() == SECRET
        assert not list(Path("/tmp").glob("treeward_sandbox_*"))
        assert self.victim.poll() is None
        for listener in self.listeners:
            with pytest.raises(BlockingIOError):
                listener.accept()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    secret = folder / "secret.txt"
    secret.write_text(SECRET)
    os.environ["TREASURE"] = SECRET
    door = socket.socket(socket.AF_UNIX)
    door.bind(str(folder / "door"))
    door.listen()
    port = socket.create_server(("127.0.0.1", 0))
    for listener in (door, port):
        listener.setblocking(False)
    victim = subprocess.Popen(["sleep", "600"])
    yield World(folder, secret, [door, port], victim)
    victim.kill()
    victim.wait()
    del os.environ["TREASURE"]
    door.close()
    port.close()


@pytest.fixture(scope="module", params=[Tier.NAMESPACES, Tier.BWRAP])
def sandbox(request: pytest.FixtureRequest) -> Iterator[LocalSandbox]:
    try:
        opened = open_sandbox(request.param, PATIENT)
    except UserError as reason:
        pytest.skip(str(reason))
    yield opened
    opened.close()


def descendants(pid: int) -> set[int]:
    """The living processes below one, from the machine's own table."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            except OSError:
                continue
            if state != "Z":
                parents[int(entry.name)] = int(parent)
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


@pytest.mark.parametrize("adversary", ADVERSARIES, ids=lambda adversary: adversary.name)
def test_an_adversary_does_nothing_outside(sandbox: LocalSandbox, world: World, adversary: Adversary) -> None:
    assert sandbox.run([ORDINARY, "print(1)"]).stdout == "1\n"
    hostile = open_sandbox(sandbox.tier, HURRIED if "timeout" in adversary.outcomes else PATIENT)
    before = descendants(os.getpid())
    cells = [world.fill_in(cell) for cell in adversary.cells]
    execution = hostile.run(cells)
    assert execution.outcome in adversary.outcomes.split(), execution
    assert "ESCAPED" not in execution.stdout + execution.stderr
    assert SECRET not in execution.stdout + execution.stderr
    assert execution.seconds < 30  # the hurried deadline is kept, and none lives as long as the patient one
    world.assert_untouched()
    after = sandbox.run([ORDINARY], stdin=adversary.name)  # another stdin: not remembered
    assert (after.outcome, after.stdout) == (ExecutionOutcome.OK, ORDINARY_SAYS), after
    assert descendants(os.getpid()) <= before  # the same server, and nothing else


def test_a_second_later_nothing_is_left(sandbox: LocalSandbox, world: World) -> None:
    sandbox.run(["1"])
    before = descendants(os.getpid())
    for adversary in PROCESSES:
        sandbox.run([world.fill_in(cell) for cell in adversary.cells], stdin="once more, not remembered")
    time.sleep(1.0)
    assert descendants(os.getpid()) <= before
    world.assert_untouched()
    sandbox.close()
    assert len(before - descendants(os.getpid())) >= 2  # the server and the process that waited for it
    assert not [pid for pid in descendants(os.getpid()) if f'"tier": "{sandbox.tier}"' in command_line(pid)]


def command_line(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")


def test_there_are_enough_of_them() -> None:
    assert len(ADVERSARIES) == len({adversary.name for adversary in ADVERSARIES}) >= 40
