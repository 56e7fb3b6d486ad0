from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from evolve.workers import Job, Outcome, WorkerPool
from tasks.errors import UserError

sys.path.insert(0, str(Path(__file__).parent))  # worker processes inherit it
import worker_jobs

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def pool():
    with WorkerPool(2) as pool:
        yield pool


def _squares(count):
    return [Job(f"square {n}", worker_jobs.square, {"number": n}) for n in range(count)]


def test_same_results_whatever_the_number_of_workers(pool):
    expected = [Outcome(n, f"square {n}", n * n) for n in range(7)]
    with WorkerPool(1) as one:
        for each in (WorkerPool(0), one, pool):
            assert list(each.run(_squares(7), in_order=True)) == expected


def test_completion_order_lets_a_short_job_pass_a_long_one(pool, tmp_path):
    """The long one lasts until the results of the others have come."""
    others = tmp_path / "others came"
    jobs = [Job("long", worker_jobs.wait_for, {"path": str(others)}), *_squares(3)]
    found = []
    for outcome in pool.run(jobs):
        found.append(outcome.index)
        if len(found) == 3:
            others.touch()
    assert sorted(found[:3]) == [1, 2, 3]
    assert found[3:] == [0]
    assert [outcome.index for outcome in pool.run(jobs, in_order=True)] == [0, 1, 2, 3]


def test_workers_are_single_threaded_other_processes_and_reused(pool):
    before = os.environ.get("OMP_NUM_THREADS")
    jobs = [Job("environment", worker_jobs.environment)] * 4
    seen = [outcome.value for _ in range(2) for outcome in pool.run(jobs)]
    assert all(value["OMP_NUM_THREADS"] == value["MKL_NUM_THREADS"] == "1" for value in seen)
    pids = {value["pid"] for value in seen}
    assert len(pids) <= 2
    assert os.getpid() not in pids
    assert os.environ.get("OMP_NUM_THREADS") == before


@pytest.mark.parametrize("inline", [True, False])
def test_progress_ends_at_the_total_of_each_job(pool, inline):
    heard = []
    jobs = [Job("a", worker_jobs.count_to, {"total": 2000}), Job("b", worker_jobs.count_to, {"total": 3})]
    list((WorkerPool(0) if inline else pool).run(jobs, on_progress=heard.append))
    last = {progress.index: progress for progress in heard}
    assert {i: (p.name, p.done, p.total, p.fields["coverage"]) for i, p in last.items()} == {
        0: ("a", 2000, 2000, 1.0),
        1: ("b", 3, 3, 1.0),
    }
    assert len(heard) < 100  # throttled
    assert all(p.done <= p.total for p in heard)


def test_only_module_level_functions_are_jobs():
    with pytest.raises(ValueError, match="not a module-level function"):
        Job("lambda", lambda report: 1)


def test_negative_workers_are_refused():
    with pytest.raises(UserError, match="workers must be 0"):
        WorkerPool(-1)


@pytest.mark.parametrize("workers", [0, 1])
def test_user_errors_keep_their_sentence(workers):
    with WorkerPool(workers) as pool, pytest.raises(UserError, match=r"^data\.jsonl, line 3: no answer; add one$"):
        list(pool.run([Job("read", worker_jobs.user_mistake)]))


def test_other_errors_bring_the_worker_s_traceback_and_stop_the_rest():
    jobs = [Job("bad", worker_jobs.programming_mistake), Job("long", worker_jobs.sleep, {"seconds": 600})]
    began = time.monotonic()
    with WorkerPool(2) as pool:
        with pytest.raises(IndexError) as caught:
            list(pool.run(jobs))
        assert "return [][0]" in str(caught.value.__cause__)
        assert time.monotonic() - began < 300
        assert [o.value for o in pool.run(_squares(2), in_order=True)] == [0, 1]  # a new start works


def test_the_death_of_a_worker_is_told_with_its_job():
    jobs = [Job("search 1/4", worker_jobs.sleep, {"seconds": 600}), Job("search 2/4", worker_jobs.die)]
    began = time.monotonic()
    with WorkerPool(2) as pool, pytest.raises(UserError) as caught:
        list(pool.run(jobs))
    assert str(caught.value) == (
        "a worker process died (signal 9) while doing search 2/4: often out of memory; "
        "start the same command again to resume"
    )
    assert time.monotonic() - began < 300


def test_peak_memory_adds_the_workers_up():
    with WorkerPool(1) as pool:
        list(pool.run(_squares(1)))
        before = pool.peak_memory_mb()
        list(pool.run([Job("hold", worker_jobs.hold_memory, {"megabytes": 80})]))
        assert 60 < pool.peak_memory_mb() - before < 120


PARENT = """
import sys
sys.path[:0] = [{root!r}, {here!r}]
import worker_jobs
from evolve.workers import Job, WorkerPool
if __name__ == "__main__":
    with WorkerPool(2) as pool:
        list(pool.run([Job(str(n), worker_jobs.pids_then_sleep, dict(folder={folder!r})) for n in range(2)]))
"""


def _start_parent(tmp_path):
    """A script that keeps two workers busy; its process and the workers' ids."""
    folder = tmp_path / "pids"
    folder.mkdir()
    script = tmp_path / "parent.py"
    heard = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"  # else as the tests do
    script.write_text(heard + PARENT.format(root=str(ROOT), here=str(Path(__file__).parent), folder=str(folder)))
    parent = subprocess.Popen([sys.executable, str(script)], start_new_session=True, stderr=subprocess.PIPE, text=True)
    _wait_until(lambda: len(list(folder.iterdir())) == 2, 300)
    return parent, [int(path.name) for path in folder.iterdir()]


def _wait_until(condition, seconds):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


def _is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_workers_die_with_a_killed_parent(tmp_path):
    parent, pids = _start_parent(tmp_path)
    parent.kill()
    parent.communicate()
    _wait_until(lambda: not any(map(_is_running, pids)), 60)


def test_ctrl_c_stops_the_workers_quietly(tmp_path):
    parent, pids = _start_parent(tmp_path)
    os.killpg(parent.pid, signal.SIGINT)
    _, errors = parent.communicate(timeout=60)
    assert not any(map(_is_running, pids))
    assert errors.count("Traceback") == 1  # the parent's own KeyboardInterrupt
    assert errors.rstrip().endswith("KeyboardInterrupt")
