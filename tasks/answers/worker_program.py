r"""The program of the worker: asks math-verify, each question in a child of its own that is killed when it is late.

Started by ``tasks.answers.worker`` as a file, in a fresh interpreter. It reads one JSON line, ``{"path": [...],
"memory": bytes}``, imports, answers ``{"ready": true}``, and then for each line ``{"id": n, "gold": latex, "answer":
latex, "cpu": seconds of processor time, "wall": seconds by the clock}`` writes ``{"id": n, "equal": true | false |
null, "note": text, "cpu": seconds used}``. It ends when its input does. A forked child begins with everything imported
and nothing asked before, so no answer can slow down, break or change the judging of another.
"""

from __future__ import annotations

import gc
import importlib
import json
import logging
import os
import resource
import select
import signal
import sys
import warnings
from types import ModuleType
from typing import Any, TextIO

CHILD_OUTPUT = 4096
# Parsers and simplifiers build tables when they are first used: before a child begins, so that it finds them.
WARM_UP = (
    (r"\sqrt{3+2 \cdot \sqrt{2}}", r"1+\sqrt{2}"),
    (r"\sin\left(2 \cdot x\right)", r"2 \cdot \sin\left(x\right) \cdot \cos\left(x\right)"),
    (r"{\cos\left(x\right)}^{2}+{\sin\left(x\right)}^{2}", "1"),
    (r"\log_{2}\left(12\right)", r"2+\frac{\ln\left(3\right)}{\ln\left(2\right)}"),
    (r"e^{i \cdot \frac{\pi}{3}}", r"\frac{1}{2}+i \cdot \frac{\sqrt{3}}{2}"),
    (r"\frac{\tan\left(\frac{\pi}{8}\right)}{\left(x+1\right)^{3}}", r"\frac{\sqrt{2}-1}{\left(x+1\right)^{3}}"),
    (r"\left(n\right)!", r"n \cdot \left(n-1\right)!"),
)


def main() -> None:
    """Serve until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nothing that a library prints gets between the answers
    settings = json.loads(sys.stdin.readline())
    sys.path[:] = settings["path"]
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    math_verify = importlib.import_module("math_verify")

    for gold, answer in WARM_UP:
        _compare(math_verify, gold, answer)
    gc.collect()
    gc.freeze()  # a collection in a child would copy the memory that it shares
    for key, value in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 0)):
        resource.setrlimit(key, (value, value))
    _write(answers, {"ready": True})
    for line in sys.stdin:
        question = json.loads(line)
        _write(answers, {"id": question["id"], **_in_a_child(math_verify, question, settings["memory"])})


def _write(file: TextIO, message: dict[str, Any]) -> None:
    file.write(json.dumps(message) + "\n")
    file.flush()


def _compare(math_verify: ModuleType, gold: str, answer: str) -> bool | None:
    config = [math_verify.LatexExtractionConfig()]
    trees = [
        math_verify.parse(f"${text}$", config, fallback_mode="no_fallback", parsing_timeout=None, raise_on_error=True)
        for text in (gold, answer)
    ]
    if not all(trees):
        return None
    return bool(
        math_verify.verify(*trees, float_rounding=15, numeric_precision=40, timeout_seconds=None, raise_on_error=True)
    )


def _in_a_child(math_verify: ModuleType, question: dict[str, Any], memory: int) -> dict[str, Any]:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _answer(math_verify, question, writer, memory)
    os.close(writer)
    try:
        is_done = bool(select.select([reader], [], [], question["wall"])[0])
        written = os.read(reader, CHILD_OUTPUT) if is_done else b""
    finally:
        os.close(reader)
        os.kill(child, signal.SIGKILL)  # not reaped yet, so the number is still this child's
        _, status, used = os.wait4(child, 0)
    is_late = not is_done or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGPROF)
    equal, note = json.loads(written) if written else (None, "not decided in time" if is_late else "it broke off")
    return {"equal": equal, "note": note, "cpu": used.ru_utime + used.ru_stime}


def _answer(math_verify: ModuleType, question: dict[str, Any], writer: int, memory: int) -> None:
    try:
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_PROF, question["cpu"])  # by default this ends the process
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))
        os.close(0)
        try:
            found = _compare(math_verify, question["gold"], question["answer"])
            message = [found, "" if found is not None else "math-verify cannot read it"]
        except Exception as error:  # whatever a library of formulas raises: the answer is not decided
            message = [None, f"math-verify: {type(error).__name__[:100]}"]
        os.write(writer, json.dumps(message).encode())
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
