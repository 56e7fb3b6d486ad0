"""One program from its text to its outcome, judged from outside."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Mapping, Sequence
from typing import Any

from tasks.sandbox.channels import Channels, ServerDied
from tasks.sandbox.execution import Execution, ExecutionOutcome, Tier
from tasks.sandbox.inside.program import BROKEN, ERROR, MEMORY, OK
from tasks.sandbox.limits import Limits
from tasks.sandbox.server import Unavailable, WarmServer, request

_GRACE_SECONDS = 10.0  # for the server to tell, beyond the program's time
_ATTEMPTS = 2
_TOLD = {OK: ExecutionOutcome.OK, ERROR: ExecutionOutcome.ERROR, MEMORY: ExecutionOutcome.MEMORY}


def run_one(server: WarmServer, cells: Sequence[str], stdin: str, limits: Limits) -> Execution:
    """Run the program; a second time if the server died under it. Raises ``Unavailable``."""
    for _ in range(_ATTEMPTS):
        control = server.start()
        try:
            with Channels(json.dumps(list(cells)), stdin) as channels:
                return _attempt(control, channels, limits, server.tier)
        except ServerDied:
            server.stop(control)
    note = "the sandbox ended together with the program, twice"
    return Execution(ExecutionOutcome.KILLED, "", note, 0.0, server.tier)


def _attempt(control: socket.socket, channels: Channels, limits: Limits, tier: Tier) -> Execution:
    try:
        request(control, limits, channels.descriptors)
    except OSError as error:
        raise ServerDied(str(error)) from error
    channels.sent()
    told = json.loads(channels.listen(limits.seconds + _GRACE_SECONDS, limits.output_bytes))
    outcome, note = _judge(told, channels.report(), channels.flooded)
    stdout, stderr = (heard.decode(errors="replace") for heard in (channels.stdout, channels.stderr))
    return Execution(outcome, stdout, stderr + note, float(told["seconds"]), tier)


def _judge(told: Mapping[str, Any], report: bytes, flooded: bool) -> tuple[ExecutionOutcome, str]:
    """The outcome, and what standard error does not say. Limits first: they were watched from outside."""
    code = os.waitstatus_to_exitcode(int(told["status"]))
    if flooded:
        return ExecutionOutcome.OUTPUT_LIMIT, ""
    if told["overdue"] or code == -signal.SIGXCPU:
        return ExecutionOutcome.TIMEOUT, ""
    if code < 0:
        return ExecutionOutcome.KILLED, f"the program was ended by signal {-code}\n"
    if code == BROKEN and not report:
        raise Unavailable("a program's process could not be confined")
    if report in _TOLD:
        return _TOLD[report], ""
    return ExecutionOutcome.ERROR, f"the program left with exit code {code} before its end\n"
