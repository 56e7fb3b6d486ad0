"""math-verify in its worker: never in the way, the same verdict everywhere, nothing left behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tasks.answers import AnswerType, AnswerVerifier, canonical_key, judge, worker
from tasks.errors import UserError
from tasks.problem import Outcome
from tests.tasks.answers.pathological import ANSWERS

pytest.importorskip("math_verify")

ROOT = Path(__file__).parents[3]
# Not one of these is decided without math-verify.
QUESTIONS = [
    (r"1+\sqrt2", r"\sqrt{3+2\sqrt2}", AnswerType.LATEX),
    (r"2 \sin x \cos x", r"\sin 2x", AnswerType.LATEX),
    (r"\frac{1}{2}\ln 4", r"\ln 2", AnswerType.LATEX),
    (r"2^{99999999}+3^{99999999}", "5", AnswerType.LATEX),
]
VERDICTS = [Outcome.CORRECT, Outcome.CORRECT, Outcome.CORRECT, Outcome.UNVERIFIABLE]


def outcomes() -> list[Outcome]:
    return [judge(*question).outcome for question in QUESTIONS]


def worker_pid() -> int:
    worker.start()
    return worker._shared._worker._process.pid


def is_running(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def test_the_main_thread_and_others_agree():
    assert outcomes() == VERDICTS
    with ThreadPoolExecutor(4) as threads:
        assert [task.result() for task in [threads.submit(outcomes) for _ in range(4)]] == [VERDICTS] * 4


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_another_process_agrees_and_leaves_this_one_alone(method):
    before = worker_pid()
    with multiprocessing.get_context(method).Pool(1) as pool:
        found = pool.starmap(judge, QUESTIONS)
        assert [verdict.outcome for verdict in found] == VERDICTS
    assert outcomes() == VERDICTS
    assert worker_pid() == before


def test_a_fork_while_another_thread_holds_the_worker_does_not_hang():
    worker.start()
    with ThreadPoolExecutor(1) as threads:
        busy = threads.submit(judge, *QUESTIONS[3])
        time.sleep(0.1)
        with multiprocessing.get_context("fork").Pool(1) as pool:
            assert pool.apply_async(judge, QUESTIONS[0]).get(timeout=60).outcome is Outcome.CORRECT
        assert busy.result().outcome is Outcome.UNVERIFIABLE


def test_a_worker_that_dies_is_replaced():
    first = worker_pid()
    os.kill(first, signal.SIGKILL)
    assert outcomes() == VERDICTS
    assert worker_pid() != first


def test_a_worker_that_hangs_is_replaced(monkeypatch):
    first = worker_pid()
    os.kill(first, signal.SIGSTOP)
    with monkeypatch.context() as patch:
        patch.setattr(worker, "WALL", 0.5)
        assert judge(*QUESTIONS[0]).outcome is Outcome.UNVERIFIABLE
    assert not is_running(first)
    assert outcomes() == VERDICTS


def test_the_worker_ends_with_its_process_even_when_that_is_killed():
    program = (
        "import os, sys\n"
        "from tasks.answers import worker\n"
        "worker.start()\n"
        "print(worker._shared._worker._process.pid, flush=True)\n"
        "sys.stdin.read(1)\n"
        "os.kill(os.getpid(), 9) if sys.argv[1] == 'kill' else None\n"
    )
    for way in ("kill", "end"):
        process = subprocess.Popen(
            [sys.executable, "-c", program, way], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True
        )
        pid = int(process.stdout.readline())
        assert is_running(pid)
        process.communicate("x", timeout=300)
        deadline = time.monotonic() + 60
        while is_running(pid) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not is_running(pid)


def test_what_cannot_start_is_an_error_and_not_a_wrong_answer(monkeypatch):
    worker._shared.close()
    monkeypatch.setattr(worker, "_PROGRAM", Path("/does/not/exist.py"))
    found = judge(*QUESTIONS[0])
    assert (found.outcome, found.reward) == (Outcome.ERROR, 0.0)
    monkeypatch.undo()
    assert outcomes() == VERDICTS


def test_without_math_verify_latex_is_refused_and_the_rest_works(monkeypatch):
    monkeypatch.setattr(worker, "is_installed", lambda: False)
    with pytest.raises(UserError, match=r"treeward\[math\]"):
        AnswerVerifier(AnswerType.LATEX)
    assert AnswerVerifier(AnswerType.SET).kind is AnswerType.SET


def test_pathological_answers_harm_nobody(monkeypatch):
    assert len(ANSWERS) >= 60
    worker.start()
    compare, spent = worker.compare, [0.0]

    def timed(*question):
        found = compare(*question)
        spent.append(found.seconds)
        return found

    monkeypatch.setattr(worker, "compare", timed)
    for answer in ANSWERS:
        started = time.process_time()
        found = judge(answer, "5", AnswerType.LATEX)
        assert time.process_time() - started < 2.0, answer[:60]
        assert found.outcome in (Outcome.WRONG, Outcome.UNVERIFIABLE)
        assert len(found.note) < 500
    assert max(spent) < 2.0  # of the worker's processor time, where the deadline is 0.7 s
    for number in range(200):
        kind = AnswerType.LATEX
        right, wrong = rf"\frac{{{number}}}{{7}} \sqrt{{3}}", rf"\frac{{{number + 1}}}{{7}} \sqrt{{3}}"
        reference = rf"\frac{{{3 * number}}}{{7\sqrt3}}"
        assert judge(right, reference, kind).outcome is Outcome.CORRECT
        assert judge(wrong, reference, kind).outcome is Outcome.WRONG
    assert outcomes() == VERDICTS


def test_pathological_answers_of_every_kind_are_data():
    references = {AnswerType.BOOLEAN: "true", AnswerType.TEXT: "five", AnswerType.INTERVAL: "(0, 5) \\cup (6, \\pi^2)"}
    for kind in set(AnswerType) - {AnswerType.LATEX}:
        for answer in ANSWERS:
            started = time.process_time()
            assert judge(answer, references.get(kind, "5"), kind).outcome in (Outcome.WRONG, Outcome.UNVERIFIABLE)
            assert time.process_time() - started < 2.0, (kind, answer[:60])


def test_votes_on_pathological_answers_are_quick():
    for answer in ANSWERS:
        started = time.process_time()
        canonical_key(answer)
        assert time.process_time() - started < 2.0, answer[:60]


def test_threads_wait_for_each_other_and_not_against_their_deadline():
    """Three questions that take the whole deadline, and one in the queue behind them that does not."""
    worker.start()
    verdicts: list[Outcome] = []
    slow = [threading.Thread(target=judge, args=QUESTIONS[3]) for _ in range(3)]
    quick = threading.Thread(target=lambda: verdicts.append(judge(*QUESTIONS[0]).outcome))
    for thread in (*slow, quick):
        thread.start()
    for thread in (*slow, quick):
        thread.join()
    assert verdicts == [Outcome.CORRECT]
