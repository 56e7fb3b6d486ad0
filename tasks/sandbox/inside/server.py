"""The warm parent: forks a process for every request and ends it on time. It never sees a program's text or output.

A request is one message with six descriptors: the program's request, stdin, stdout, stderr and report, which only the
forked process uses, and the status, on which this process alone writes how the program ended. It ends with the caller,
when the control socket is closed.
"""

from __future__ import annotations

import json
import math
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn

from tasks.sandbox.inside import landlock, linux, memory, namespaces, seccomp, warm
from tasks.sandbox.inside.program import Bounds, become_program

_DESCRIPTORS = 6


@dataclass(slots=True)
class _Running:
    pid: int
    process: int  # pidfd
    status: int
    started: float
    deadline: float
    overdue: bool = False


class Server:
    """One loop over the control socket, the ends of programs and their deadlines."""

    def __init__(self, control: socket.socket, sink: int, confined: bool) -> None:
        self._control, self._sink, self._confined = control, sink, confined
        self._base = memory.address_space()
        self._running: dict[int, _Running] = {}  # by both of its descriptors
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)

    def serve(self) -> None:
        """Until the caller closes the control socket."""
        while True:
            for descriptor, _ in self._poll.poll(self._patience()):
                if descriptor == self._control.fileno():
                    message, descriptors, _, _ = socket.recv_fds(self._control, 65536, _DESCRIPTORS)
                    if not message:
                        return self._end_all()
                    self._start(json.loads(message), descriptors)
                elif descriptor in self._running:
                    self._attend(self._running[descriptor], descriptor)
            now = time.monotonic()
            for program in self._programs():
                if now >= program.deadline and not program.overdue:
                    program.overdue = True
                    self._kill(program)

    def _programs(self) -> list[_Running]:
        return [program for descriptor, program in self._running.items() if descriptor == program.process]

    def _patience(self) -> int | None:
        """Milliseconds until the next deadline."""
        deadlines = [program.deadline for program in self._programs() if not program.overdue]
        return max(0, math.ceil(1000 * (min(deadlines) - time.monotonic()))) if deadlines else None

    def _start(self, limits: Mapping[str, Any], descriptors: list[int]) -> None:
        seconds = float(limits["seconds"])
        bounds = Bounds(self._base + int(limits["memory"]), math.ceil(seconds) + 1, self._confined)
        started = time.monotonic()
        pid = os.fork()
        if pid == 0:
            become_program(descriptors[:5], self._sink, bounds)
        for descriptor in descriptors[:5]:
            os.close(descriptor)
        program = _Running(pid, os.pidfd_open(pid), descriptors[5], started, started + seconds)
        self._running[program.process] = self._running[program.status] = program
        self._poll.register(program.process, select.POLLIN)
        self._poll.register(program.status, select.POLLIN)  # readable when nobody waits for it any more

    def _attend(self, program: _Running, descriptor: int) -> None:
        """The program has ended, or nobody waits for it any more."""
        if descriptor == program.status:
            self._poll.unregister(program.status)
            return self._kill(program)
        _, status = os.waitpid(program.pid, 0)
        seconds = time.monotonic() - program.started
        self._kill(program)  # what is left of its process group, where it could fork
        told = {"status": status, "seconds": seconds, "overdue": program.overdue}
        with suppress(OSError):
            os.write(program.status, json.dumps(told).encode())
        with suppress(KeyError):
            self._poll.unregister(program.status)
        self._poll.unregister(program.process)
        for each in (program.process, program.status):
            del self._running[each]
            os.close(each)

    def _kill(self, program: _Running) -> None:
        with suppress(ProcessLookupError, PermissionError):
            signal.pidfd_send_signal(program.process, signal.SIGKILL)
        if not self._confined:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(program.pid, signal.SIGKILL)

    def _end_all(self) -> None:
        for program in self._programs():
            self._kill(program)


def prepare(config: Mapping[str, Any], control: int) -> bool:
    """Import everything and take the confinement that all programs share; returns whether programs are confined."""
    tier = config["tier"]
    if tier == "off":
        _import(config)
        return False
    if not seccomp.supported():
        raise OSError(f"no list of system calls for the processor {os.uname().machine}")
    was_root = namespaces.leave_the_machine() if tier == "namespaces" else False
    if tier == "namespaces":
        namespaces.continue_as_first_process(control)
    _import(config)
    if tier == "namespaces":
        namespaces.enter_view(config["visible"], config["hidden"])
    if was_root:
        namespaces.become_nobody()
    linux.drop_capabilities()
    linux.process_control(linux.PR_SET_DUMPABLE, 0, "dumpable")
    landlock.restrict_reading(config["visible"])
    return True


def _import(config: Mapping[str, Any]) -> None:
    sys.path += config["packages"]
    warm.import_everything(config["imported"])
    memory.gather()


def main() -> NoReturn:
    """Descriptor 0 is the control socket, 1 and 2 lead nowhere. Tells the caller that it is ready, or why not."""
    root, config = sys.argv[1], json.loads(sys.argv[2])
    sys.path.remove(root)
    os.environ.clear()
    control = socket.socket(fileno=os.dup(0))
    sink = os.dup(1)
    os.dup2(sink, 0)
    try:
        confined = prepare(config, control.fileno())
        for name in [name for name in sys.modules if name.partition(".")[0] == "tasks"]:
            del sys.modules[name]
        warm.settle()
        server = Server(control, sink, confined)
    except (OSError, ImportError) as error:
        control.send(json.dumps({"failed": str(error)}).encode())
        os._exit(1)
    control.send(b"{}")
    server.serve()
    os._exit(0)
