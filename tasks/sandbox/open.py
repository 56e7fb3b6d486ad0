"""Get a sandbox, or one sentence on why this machine has none."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from functools import cache

from tasks.errors import UserError
from tasks.sandbox.bwrap import bwrap_program
from tasks.sandbox.execution import ExecutionOutcome, Tier
from tasks.sandbox.limits import Limits
from tasks.sandbox.local import LocalSandbox
from tasks.sandbox.run_one import run_one
from tasks.sandbox.server import Unavailable, WarmServer

_CONFINED = (Tier.NAMESPACES, Tier.BWRAP)
_MEND = "install bubblewrap, or type sandbox=off to run model-written programs without confinement"
_turn = [threading.Lock()]  # so that threads that ask at once get the same one
os.register_at_fork(after_in_child=lambda: _turn.__setitem__(0, threading.Lock()))
# Each line must fail in a confined program; one that succeeds is named.
_PROBE = """
import os, socket
def attempt(name, action):
    try:
        action()
    except OSError:
        return
    print(name, end=" ")
attempt("socket", socket.socket)
attempt("fork", lambda: os.fork() or os._exit(0))
attempt("read", lambda: os.stat("/etc/passwd"))
attempt("write", lambda: open("/tmp/treeward_probe", "w"))
attempt("signal", lambda: os.kill(os.getppid(), 0))
"""


def open_sandbox(tier: Tier = Tier.AUTO, limits: Limits | None = None, library: str = "") -> LocalSandbox:
    """The sandbox of this process for the tier, limits and library, always the same one; closed at exit.

    ``auto`` takes the first of namespaces and bubblewrap that works. Programs see the standard library, NumPy and
    sympy; with a ``library``, which is imported in advance, all that is installed. Raises UserError when the tier
    cannot be had.
    """
    with _turn[0]:
        return _open(_settled(tier), limits or Limits(), library)


@cache
def _open(tier: Tier, limits: Limits, library: str) -> LocalSandbox:
    return LocalSandbox(_server(tier, library), limits)


@cache
def _server(tier: Tier, library: str) -> WarmServer:
    server = WarmServer(tier, library)
    atexit.register(server.stop)
    return server


@cache
def _settled(tier: Tier) -> Tier:
    """The tier itself, checked to work."""
    if sys.platform != "linux":
        raise UserError(f"sandbox={tier}: programs can be run on Linux only, this is {sys.platform}")
    if tier is Tier.OFF:
        return tier
    reasons = []
    for each in _CONFINED if tier is Tier.AUTO else (tier,):
        reason = _why_not(each)
        if not reason:
            return each
        reasons.append(f"{each}: {reason}")
    raise UserError(f"sandbox={tier}: this machine allows no confinement ({'; '.join(reasons)}); {_MEND}")


def _why_not(tier: Tier) -> str:
    """Why the tier does not work here, the empty text if it does. Asked of a program that tries what it must not do."""
    if tier is Tier.BWRAP and bwrap_program() is None:
        return "bubblewrap is not installed"
    try:
        probe = run_one(_server(tier, ""), [_PROBE], "", Limits(seconds=30.0))
    except Unavailable as error:
        return str(error)
    if probe.outcome is not ExecutionOutcome.OK:
        return f"a probe ended with {probe.outcome}: {probe.stderr.strip()[-200:]}"
    return f"a probe could still {probe.stdout.strip()}" if probe.stdout.strip() else ""
