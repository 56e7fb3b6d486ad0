"""Runs a function from a grader's config in the sandbox: data over standard input, the answer on standard output.

The function is the user's, but what it is given is a model's: it may be led to evaluate it. So it never runs here. That
protects this process; the score of a function that evaluates a model's text is then that text's to choose.
"""

from __future__ import annotations

import ast
import json
import secrets
from hashlib import blake2b
from pathlib import Path
from typing import Any, NoReturn

from tasks.errors import UserError
from tasks.graders.base import Resources
from tasks.graders.spec import Spec
from tasks.sandbox.execution import ExecutionOutcome

_SECRET = secrets.token_bytes(32)
_MAX_SOURCE = 100_000
_CALL = """
import json as _json, sys as _sys
_given = _json.loads(_sys.stdin.read())
_told = {name}(*_given["arguments"])
if not isinstance(_told, (dict, str, type(None))):
    _told = bool(_told) if isinstance(_told, bool) else float(_told)
_sys.stdout.write("\\n" + _given["mark"] + _json.dumps(_told) + "\\n")
"""


class CallFailed(Exception):
    """Why there is no answer."""


class OwnFunction:
    """A function of a program that the config holds."""

    def __init__(self, source: str, name: str, seconds: float | None, resources: Resources) -> None:
        self._seconds = seconds
        self._cells = (source, _CALL.format(name=name))
        self._resources = resources

    def __call__(self, *arguments: Any) -> Any:
        """What the function returns, as JSON. Raises CallFailed if it fails, and UserError without a sandbox."""
        try:
            given = json.dumps(arguments)
        except (TypeError, ValueError, RecursionError) as error:
            raise CallFailed(f"the item cannot be written as JSON ({error})") from error
        # The mark keeps apart what the function prints and what it returns. It is no lock: a function that evaluates
        # what a model wrote lets it say anything, the mark too, which lies in the same process. The mark hangs on a
        # secret and the arguments alone, so that a sandbox may keep what it ran.
        mark = blake2b(given.encode(), key=_SECRET, digest_size=16).hexdigest()
        stdin = json.dumps({"arguments": arguments, "mark": mark})
        done = self._resources.open_sandbox(self._seconds).run(self._cells, stdin)
        if done.outcome is not ExecutionOutcome.OK:
            why = (done.stderr.strip().splitlines() or [""])[-1][:200]
            raise CallFailed(f"the function ended with {done.outcome}{': ' + why if why else ''}")
        _, found, told = done.stdout.rpartition(f"\n{mark}")
        try:
            return json.loads(told, parse_constant=_refuse) if found else _refuse("no answer")
        except (ValueError, RecursionError) as error:
            raise CallFailed(f"the function's answer cannot be read ({error})") from error


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"it is {name}")


def read_function(spec: Spec, name: str, resources: Resources) -> OwnFunction:
    """The options ``source`` or ``file`` (Python that defines a function ``name``), and ``timeout_s``."""
    if spec.has("source") == spec.has("file"):
        spec.fail("source", f"Python that defines {name}, here or in a file that the option file names, not both")
    option = "source" if spec.has("source") else "file"
    source = spec.text("source") if option == "source" else _read(spec, resources.folder / spec.text("file"))
    if len(source) > _MAX_SOURCE:
        spec.fail(option, f"of at most {_MAX_SOURCE} characters")
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UserError(f"{spec.path}.{option}: must be Python ({error})") from error
    if not any(isinstance(part, ast.FunctionDef) and part.name == name for part in body):
        spec.fail(option, f"Python that defines a function {name}")
    return OwnFunction(source, name, spec.number("timeout_s", None, 0.01, 3600.0), resources)


def _read(spec: Spec, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UserError(f"{spec.path}.file: must be a file that can be read, got {path} ({why})") from error
