"""How programs run: cells, outcomes, determinism, remembering, threads, forks, and a server that dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tasks.errors import UserError
from tasks.sandbox import local
from tasks.sandbox import open as opening
from tasks.sandbox.execution import Execution, ExecutionOutcome, Tier
from tasks.sandbox.limits import Limits
from tasks.sandbox.local import LocalSandbox
from tasks.sandbox.open import open_sandbox
from tasks.sandbox.server import WarmServer

LIMITS = Limits(seconds=60.0, memory_mb=64)
HURRIED = Limits(seconds=1.0, memory_mb=64)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[LocalSandbox]:
    try:
        opened = open_sandbox(Tier.AUTO, LIMITS)
    except UserError as reason:
        pytest.skip(str(reason))
    yield opened
    opened.close()


def said(sandbox: LocalSandbox, *cells: str, stdin: str = "") -> tuple[str, str]:
    execution = sandbox.run(cells, stdin)
    return str(execution.outcome), execution.stdout


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["print(1)"], ("ok", "1\n")),
        (["x = 1\nprint('first')", "print('second')\ny = x + 1", "print(y)"], ("ok", "2\n")),
        (["print('first')", "x = 2"], ("ok", "")),
        ([], ("ok", "")),
        (["print('a')\n1 / 0", "print('never')"], ("error", "")),
        (["print('a')", "print('b')\n1 / 0"], ("error", "b\n")),
        (["print('half', end='')\nraise ValueError"], ("error", "half")),
        (["if True print(1)"], ("error", "")),
        (["print(1)\nexit()\nprint(2)"], ("ok", "1\n")),
        (["import sys\nsys.exit(0)"], ("ok", "")),
        (["import sys\nsys.exit(3)"], ("error", "")),
        (["import sys\nsys.exit('why')"], ("error", "")),
        (["import sys\nsys.exit(0)", "print('later')"], ("error", "")),
        (["print('error: nothing is wrong')"], ("ok", "error: nothing is wrong\n")),
        (["print('é', '\\U0001f333', '\\udc80')"], ("ok", "é 🌳 ?\n")),
        (["assert __name__ == '__main__'\nimport __main__\nx = 5\nprint(__main__.x)"], ("ok", "5\n")),
        (["import atexit\natexit.register(print, 'end')\nprint('begin')"], ("ok", "begin\nend\n")),
        (["import asyncio\nasync def f():\n    return 7\nprint(asyncio.run(f()))"], ("ok", "7\n")),
        (["import numpy as np\nprint(np.linalg.solve(np.eye(2) * 2, [2.0, 4.0]))"], ("ok", "[1. 2.]\n")),
        (["from sympy import *\nx = symbols('x')\nprint(solve(x**2 - 4))"], ("ok", "[-2, 2]\n")),
        (["print(len('x' * 10 ** 5), max(range(10 ** 5)))"], ("ok", "100000 99999\n")),
        (["raise MemoryError"], ("memory", "")),
    ],
)
def test_cells_run_as_one_program_and_the_last_one_speaks(
    sandbox: LocalSandbox, cells: list[str], expected: tuple[str, str]
) -> None:
    assert said(sandbox, *cells) == expected


def test_a_traceback_shows_the_cell_and_nothing_of_ours(sandbox: LocalSandbox) -> None:
    stderr = sandbox.run(["def half(x):\n    return 1 / x", "half(0)"]).stderr
    assert stderr.splitlines()[0] == "Traceback (most recent call last):"
    assert 'File "<cell 2>", line 1, in <module>\n    half(0)\n' in stderr
    assert stderr.endswith("ZeroDivisionError: division by zero\n")
    assert "tasks/sandbox" not in stderr


def test_standard_input_is_a_file_of_any_size(sandbox: LocalSandbox) -> None:
    lines = "".join(f"{number}\n" for number in range(100_000))
    assert said(sandbox, "import sys\nprint(sum(map(int, sys.stdin)))", stdin=lines) == ("ok", "4999950000\n")
    assert said(sandbox, "print(input() + input())", stdin="a\nb\n") == ("ok", "ab\n")
    assert said(sandbox, "input()") == ("error", "")


def test_output_past_the_limit_is_cut(sandbox: LocalSandbox) -> None:
    execution = sandbox.run(["print('x' * 10 ** 6)"])
    assert (execution.outcome, len(execution.stdout)) == (ExecutionOutcome.OUTPUT_LIMIT, LIMITS.output_bytes)


def test_a_timeout_keeps_what_was_said(sandbox: LocalSandbox) -> None:
    begun = time.monotonic()
    hurried = LocalSandbox(sandbox._server, HURRIED)
    assert said(hurried, "print('begun')\nwhile True: pass") == ("timeout", "begun\n")
    assert 1.0 <= time.monotonic() - begun < 60


RANDOM = """
import random, numpy
print(random.random(), numpy.random.rand(), hash("text"), list({"a", "b", "c", "d", "e"}))
"""


def test_chance_is_the_same_in_every_program_and_server(sandbox: LocalSandbox) -> None:
    first = said(sandbox, RANDOM)
    sandbox.close()
    again = said(sandbox, RANDOM, stdin="not remembered")
    assert first == again
    assert first[0] == "ok"


def test_a_program_is_run_once_but_a_timeout_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = "import time\nprint(time.time_ns())"
    sandbox = LocalSandbox(_server(), LIMITS, remembered=2)
    assert sandbox.run([clock]) == sandbox.run([clock])
    assert sandbox.run([clock]) != sandbox.run([clock], stdin="another program")
    before = sandbox.run([clock])
    for other in ("1", "2"):
        sandbox.run([other])
    assert sandbox.run([clock]) != before  # only the last two are remembered
    runs: list[str] = []

    def late(_server: WarmServer, cells: Sequence[str], _stdin: str, _limits: Limits) -> Execution:
        runs.extend(cells)
        return Execution(ExecutionOutcome.TIMEOUT, "", "", 0.1, Tier.AUTO)

    monkeypatch.setattr(local, "run_one", late)
    assert sandbox.run(["late"]) == sandbox.run(["late"])
    assert runs == ["late", "late"]


def _server() -> WarmServer:
    return open_sandbox(Tier.AUTO)._server


def test_many_threads_get_their_own_answers(sandbox: LocalSandbox) -> None:
    programs = [[f"x = {number}", "print(x * x)"] for number in range(40)]
    executions = sandbox.run_many(programs)
    assert [execution.stdout for execution in executions] == [f"{number**2}\n" for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: sandbox.run([f"print({number}, 'threaded')"]).stdout, range(40)))
    assert answers == [f"{number} threaded\n" for number in range(40)]


def test_a_forked_child_opens_its_own_server(sandbox: LocalSandbox) -> None:
    assert said(sandbox, "print('parent')") == ("ok", "parent\n")
    child = os.fork()
    if child == 0:
        fine = said(sandbox, "print('child')") == ("ok", "child\n")
        sandbox.close()
        os._exit(0 if fine else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert said(sandbox, "print('parent again')") == ("ok", "parent again\n")


def test_a_dead_server_is_started_again(sandbox: LocalSandbox) -> None:
    sandbox.run(["print('before')"])
    process = sandbox._server._process
    assert process is not None
    process.send_signal(signal.SIGKILL)
    assert said(sandbox, "print('after')") == ("ok", "after\n")
    with ThreadPoolExecutor(4) as pool:
        sleep = "import time\ntime.sleep(1)\nprint('survived')"
        running = [pool.submit(said, sandbox, sleep, stdin=str(number)) for number in range(4)]
        time.sleep(0.5)
        process = sandbox._server._process
        assert process is not None
        process.send_signal(signal.SIGKILL)
        assert [each.result() for each in running] == [("ok", "survived\n")] * 4


CALLER = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # else as the tests do, which may ignore it
from tasks.sandbox.open import open_sandbox
sandbox = open_sandbox()
print(sandbox._server._process.pid, flush=True)
sandbox.run(["import time\\ntime.sleep(60)"])
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_nothing_outlives_the_caller(end: signal.Signals) -> None:
    command = [sys.executable, "-c", CALLER]
    root = Path(__file__).parents[3]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=root, text=True) as caller:
        assert caller.stdout is not None
        server = int(caller.stdout.readline())
        time.sleep(0.3)
        caller.send_signal(end)
    deadline = time.monotonic() + 60
    while Path(f"/proc/{server}").exists() and "Z" not in Path(f"/proc/{server}/stat").read_text().split()[2]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_no_descriptor_is_left_open(sandbox: LocalSandbox) -> None:
    def count() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    sandbox.run(["print('warm')"])
    before = count()
    for number in range(30):
        sandbox.run([f"print({number}, 'counted')", "1 / 0" if number % 2 else "print('x' * 10 ** 6)"])
    assert count() == before


def test_off_runs_only_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox = open_sandbox(Tier.OFF, HURRIED)
    assert sandbox.tier is Tier.OFF
    assert said(sandbox, "import os\nprint(os.path.exists('/etc'))") == ("ok", "True\n")
    assert said(sandbox, "while True: pass") == ("timeout", "")
    sandbox.close()
    opening._settled.cache_clear()
    monkeypatch.setattr(opening, "_why_not", lambda tier: "not allowed here")
    with pytest.raises(UserError, match=r"sandbox=auto: this machine allows no confinement.*sandbox=off"):
        open_sandbox(Tier.AUTO)
    opening._settled.cache_clear()


def test_a_tier_that_lets_a_program_out_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The probe is run for real, in a server without confinement that says it had some."""
    open_sandbox(Tier.OFF)
    monkeypatch.setattr(opening, "_server", lambda tier, library: open_sandbox(Tier.OFF)._server)
    reason = opening._why_not(Tier.NAMESPACES)
    Path("/tmp/treeward_probe").unlink(missing_ok=True)
    assert reason.startswith("a probe could still socket fork read write signal")


@pytest.mark.parametrize("values", [{"seconds": 0.0}, {"memory_mb": 0}, {"output_bytes": 0}, {"seconds": float("nan")}])
def test_limits_are_checked(values: dict[str, float]) -> None:
    with pytest.raises(UserError, match="sandbox limit"):
        Limits(**values)  # type: ignore[arg-type]


def test_what_is_installed_is_seen_with_a_library_only():
    program = ["import yaml; print(yaml.safe_load('a: 1'))"]
    assert open_sandbox().run(program).outcome is ExecutionOutcome.ERROR
    seen = open_sandbox(library="yaml").run(program)
    assert (seen.outcome, seen.stdout) == (ExecutionOutcome.OK, "{'a': 1}\n")
    with pytest.raises(UserError, match="no_such_library"):
        open_sandbox(library="no_such_library").run(program)
