"""Each wall on its own: the filter of system calls, by an interpreter of its own, and Landlock."""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tasks.errors import UserError
from tasks.sandbox.execution import Tier
from tasks.sandbox.inside import landlock, seccomp
from tasks.sandbox.open import open_sandbox

ROOT = Path(__file__).parents[3]
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
PID = 4711


def decide(program: bytes, architecture: int, number: int, arguments: tuple[int, ...]) -> int:
    """What the filter answers to a call: classic BPF, as the kernel runs it."""
    data = struct.pack("<IIQ6Q", number, architecture, 0, *arguments, *[0] * (6 - len(arguments)))
    accumulator, place = 0, 0
    while True:
        code, if_true, if_false, value = struct.unpack_from("<HBBI", program, 8 * place)
        place += 1
        if code == 0x06:
            return int(value)
        if code == 0x20:
            accumulator = struct.unpack_from("<I", data, value)[0]
        elif code in (0x15, 0x35):
            holds = accumulator == value if code == 0x15 else accumulator >= value
            place += if_true if holds else if_false
        else:
            raise AssertionError(f"unknown instruction {code:#x}")


# call, x86_64, aarch64, arguments, allowed
CALLS = [
    ("read", 0, 63, (3,), True),
    ("openat", 257, 56, (), True),
    ("mmap", 9, 222, (), True),
    ("exit_group", 231, 94, (), True),
    ("kill oneself", 62, 129, (PID, 9), True),
    ("kill another", 62, 129, (PID + 1, 9), False),
    ("kill all", 62, 129, (2**64 - 1, 9), False),
    ("tgkill another", 234, 131, (1, 1, 9), False),
    ("clone", 56, 220, (17,), False),
    ("execve", 59, 221, (), False),
    ("socket", 41, 198, (2, 1), False),
    ("connect", 42, 203, (), False),
    ("nameless stream pair", 53, 199, (1, 1 | 0x80000), True),
    ("nameless datagram pair", 53, 199, (1, 2), False),
    ("send to nobody in particular", 44, 206, (3, 99, 1, 0, 0), True),
    ("send to an address", 44, 206, (3, 99, 1, 0, 1 << 40), False),
    ("ptrace", 101, 117, (), False),
    ("mount", 165, 40, (), False),
    ("unshare", 272, 97, (), False),
    ("bpf", 321, 280, (), False),
    ("keyctl", 250, 219, (), False),
    ("unlinkat", 263, 35, (), False),
    ("memfd_create", 319, 279, (), False),
    ("io_uring_setup", 425, 425, (), False),
    ("prctl", 157, 167, (), False),
    ("own limits", 302, 261, (0, 7), True),
    ("another's limits", 302, 261, (1, 7), False),
    ("fcntl F_GETFL", 72, 25, (3, 3), True),
    ("fcntl F_SETOWN", 72, 25, (3, 8, 1), False),
    ("ioctl TIOCSTI", 16, 29, (0, 0x5412), False),
    ("a call of tomorrow", 9999, 9999, (), False),
]


@pytest.mark.parametrize("machine", ARCHITECTURES)
@pytest.mark.parametrize("call", CALLS, ids=lambda call: call[0])
def test_the_filter_allows_and_refuses(machine: str, call: tuple[str, int, int, tuple[int, ...], bool]) -> None:
    number = call[1] if machine == "x86_64" else call[2]
    answer = decide(seccomp.filter_program(machine, PID), ARCHITECTURES[machine], number, call[3])
    assert answer == (0x7FFF0000 if call[4] else 0x00050001)


def test_other_tables_of_calls_are_closed() -> None:
    program = seccomp.filter_program("x86_64", PID)
    assert decide(program, 0x40000003, 20, ()) == 0x80000000  # the 32-bit table: the end
    assert decide(program, ARCHITECTURES["x86_64"], 0x40000000, ()) == 0x00050001  # x32
    assert decide(program, ARCHITECTURES["x86_64"], 435, ()) == 0x00050026  # clone3: as if it did not exist


LANDLOCK_ALONE = """
import os, sys
sys.path.insert(0, sys.argv[1])
from tasks.sandbox.inside import landlock, linux
linux.drop_capabilities()
landlock.restrict_reading([sys.argv[2]])
def refused(action):
    try:
        action()
    except PermissionError:
        return True
assert os.listdir(sys.argv[2])
assert refused(lambda: open(sys.argv[3]).read())
assert refused(lambda: open(sys.argv[3] + ".new", "w"))
assert refused(lambda: os.listdir("/"))
assert refused(lambda: os.kill(os.getppid(), 0)) or landlock.version() < 6
print("held")
"""


@pytest.mark.skipif(not landlock.version(), reason="this kernel has no Landlock")
def test_landlock_alone_keeps_files(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    command = [sys.executable, "-c", LANDLOCK_ALONE, str(ROOT), sysconfig.get_path("stdlib"), str(secret)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert (done.stdout, done.stderr) == ("held\n", "")


VIEW_ALONE = """
import os, sys
sys.path.insert(0, sys.argv[1])
import socket, pathlib
from tasks.sandbox.inside import namespaces
was_root = namespaces.leave_the_machine()
namespaces.continue_as_first_process(os.dup(1))
namespaces.enter_view([sys.argv[2]], [sys.argv[2] + "/site-packages"])
if was_root:
    namespaces.become_nobody()
assert os.getpid() == 1 and os.getuid() == namespaces.NOBODY
assert os.listdir("/") == [sys.argv[2].split("/")[1]], os.listdir("/")
assert not os.path.exists(sys.argv[3])
assert "os.py" in os.listdir(sys.argv[2])
assert not os.path.isdir(sys.argv[2] + "/site-packages") or not os.listdir(sys.argv[2] + "/site-packages")
for place in ("/", sys.argv[2], sys.argv[2] + "/site-packages"):
    try:
        pathlib.Path(place, "new").write_text("x")
    except OSError:
        continue
    raise AssertionError(place)
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[4])), 2)
except OSError:
    print("held", flush=True)
"""


def test_the_view_alone_keeps_files_processes_and_network(tmp_path: Path) -> None:
    try:
        open_sandbox(Tier.NAMESPACES)
    except UserError as reason:
        pytest.skip(str(reason))
    secret = tmp_path / "secret"
    secret.write_text("x")
    with socket.create_server(("127.0.0.1", 0)) as door:
        standard = str(Path(sysconfig.get_path("stdlib")).resolve())
        port = str(door.getsockname()[1])
        command = [sys.executable, "-B", "-c", VIEW_ALONE, str(ROOT), standard, str(secret), port]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert (done.stdout, done.stderr) == ("held\n", "")
