"""Runs a proof checker that is installed on this machine, such as Lean, on a file that holds a model's proof.

A proof assistant's language can run programs while it checks. So a proof that uses any word for that is not checked at
all, and the checker runs under bubblewrap (no network, nothing writable but its own folder), with an empty environment,
limits on memory and time, and killed with all its children at the deadline. Without bubblewrap it runs only where the
user has typed ``sandbox=off``.
"""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tasks.sandbox.bwrap import bwrap_program

_FORBIDDEN = re.compile(
    r"\b(sorry\w*|admit|axiom\w*|native_decide|unsafe|import|run_\w+|\w*elab\w*|macro\w*|syntax|notation|infix\w*|"
    r"initialize|builtin_\w+|opaque|extern|implemented_by|csimp|include_str|set_option|attribute|instance|IO|System|open)\b"
    r"|#\w|@\["
)
_MAX_PROOF, _MAX_OUTPUT = 20_000, 65_536
_MEMORY = 4 << 30


class CheckFailed(Exception):
    """Why nobody knows whether the proof holds."""


@dataclass(frozen=True, slots=True)
class ExternalChecker:
    """``command`` gets the file's path as its last argument; it accepts by ending with status 0 and without "sorry"."""

    command: Sequence[str]
    suffix: str
    timeout_s: float

    def check(self, statement: str, proof: str) -> tuple[bool, str]:
        """Is it accepted, and what the checker says. Raises CheckFailed for a checker that cannot be run."""
        if len(proof) > _MAX_PROOF:
            return False, f"the proof has more than {_MAX_PROOF} characters"
        if found := _FORBIDDEN.search(proof):
            return False, f"a proof may not use {found[0]!r}"
        with tempfile.TemporaryDirectory(prefix="proof-") as folder:
            file = Path(folder) / f"proof{self.suffix}"
            file.write_text(f"{statement.rstrip()}\n{proof.rstrip()}\n", encoding="utf-8")
            status, said = self._run(file)
        return status == 0 and "sorry" not in said, said[:300]

    def _run(self, file: Path) -> tuple[int, str]:
        command = [*_confinement(file.parent), *self.command, str(file)]
        with tempfile.TemporaryFile() as output:
            try:
                process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=file.parent,
                    env={"PATH": os.environ.get("PATH", os.defpath), "HOME": str(file.parent)},
                    start_new_session=True, preexec_fn=_limit,
                )  # fmt: skip
            except OSError as error:
                raise CheckFailed(f"{self.command[0]} cannot be run ({error.strerror})") from error
            try:
                status = process.wait(self.timeout_s)
            except subprocess.TimeoutExpired:
                status = None
            finally:
                _end(process)
            if status is None:
                return 1, f"not checked within {self.timeout_s:g} s"
            output.seek(0)
            return status, output.read(_MAX_OUTPUT).decode(errors="replace")


def _confinement(folder: Path) -> list[str]:
    bwrap = bwrap_program()
    if bwrap is None:
        return []
    view = ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--bind", str(folder), str(folder)]
    return [bwrap, "--unshare-all", "--die-with-parent", "--new-session", *view, "--chdir", str(folder), "--"]


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
    resource.setrlimit(
        resource.RLIMIT_AS, (_MEMORY * 4, _MEMORY * 4)
    )  # address space: Lean maps its library several times
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill whatever is left of the checker's session."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
