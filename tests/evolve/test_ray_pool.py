"""Jobs on ray actors. What needs ray is skipped without it: pip install 'treeward[ray]'."""

from __future__ import annotations

import os
import re
import sys
import time
import tomllib
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # ray's actors are told
import ray_jobs
import worker_jobs

import evolve.executor
import evolve.ray_start
from evolve.executor import Executor, RayConfig, check_executor
from evolve.ray_pool import MOST_LOSSES, RayPool
from evolve.ray_start import RANGE, Connection, installed_ray, refuse_ray
from evolve.ray_worker import RayWorker, record_digest
from evolve.worker_process import Progress
from evolve.workers import Job, Outcome
from tasks.errors import UserError
from tests.evolve.processes import descendants

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

needs_ray = pytest.mark.skipif(installed_ray() is None, reason="ray is not installed: pip install 'treeward[ray]'")
SECRET = "a-secret-that-no-log-may-hold"


# Without ray


def test_the_range_is_that_of_the_package():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert extras["ray"] == [f"ray{RANGE}"]


def test_a_missing_or_foreign_ray_is_refused_in_a_sentence():
    with pytest.raises(UserError, match=r"^executor=ray needs ray, which is not installed here; pip install 'treeward"):
        refuse_ray(None)
    for version in ("2.49.1", "3.0.0", "unknown"):
        with pytest.raises(UserError, match=rf"works with ray {re.escape(RANGE)}, found {version}; pip install"):
            refuse_ray(version)
    for version in ("2.50.0", "2.60.0", "2.100.0"):
        refuse_ray(version)


@pytest.mark.parametrize(
    ("workers", "options", "device", "sentence"),
    [
        (0, {}, "auto", "executor=ray needs workers of at least 1 (its actors), got 0"),
        (1, {"address": "ray://head:10001"}, "auto", "ray.address must be local, auto or HOST:PORT, got ray://head"),
        (1, {"gpus_per_actor": -1.0}, "auto", "ray.gpus_per_actor must lie in [0, 1] or be a whole number, got -1.0"),
        (1, {"gpus_per_actor": 1.5}, "auto", "ray.gpus_per_actor must lie in [0, 1] or be a whole number, got 1.5"),
        (1, {"timeout_s": 0.0}, "auto", "ray.timeout_s must be a positive number of seconds, got 0.0"),
        (1, {}, "cuda:1", "engine.device=cuda:1 names one GPU"),
    ],
)
def test_settings_that_cannot_work_are_refused(monkeypatch, workers, options, device, sentence):
    monkeypatch.setattr(evolve.executor, "installed_ray", lambda: "2.60.0")
    check_executor(Executor.PROCESSES, workers, RayConfig(**options), device)
    check_executor(Executor.RAY, 1, RayConfig(gpus_per_actor=0.5, address="head-1:6379"), "cuda")
    with pytest.raises(UserError, match=re.escape(sentence)):
        check_executor(Executor.RAY, workers, RayConfig(**options), device)


def test_a_cluster_that_does_not_answer_is_told_at_once(monkeypatch):
    monkeypatch.setattr(evolve.ray_start, "installed_ray", lambda: "2.60.0")
    began = time.monotonic()
    with pytest.raises(UserError, match=r"no ray answers at ray\.address=127\.0\.0\.1:9 .*; start one with ray start"):
        Connection(RayConfig(address="127.0.0.1:9"), 1)
    assert time.monotonic() - began < 10


class Letters:
    """The mailbox as an actor's handle shows it."""

    def __init__(self):
        self.put = self
        self.seen = []

    def remote(self, ticket, progress):
        self.seen.append((ticket, progress))


@pytest.fixture
def worker(monkeypatch):
    monkeypatch.setattr(os, "environ", dict(os.environ))
    monkeypatch.chdir(".")
    return RayWorker(Letters(), [])


def test_a_machine_that_does_not_see_the_run_folder_says_so(worker, tmp_path):
    (tmp_path / "run.json").write_text("{}")
    digest = record_digest(tmp_path)
    job = Job("square", worker_jobs.square, {"number": 3})
    assert worker.perform(7, 0, job, tmp_path, digest).value == 9
    assert worker._mailbox.seen == [(7, Progress(0, "square", 1, 1, {}))]
    (tmp_path / "run.json").write_text("an older copy")
    for folder in (tmp_path, tmp_path / "elsewhere"):
        with pytest.raises(UserError, match=f"does not see the run folder, {folder}: .* that all machines share"):
            worker.perform(8, 0, job, folder, digest)
    with pytest.raises(UserError, match="does not see the folder of the start"):
        worker.enter(tmp_path / "elsewhere")


# With ray


@pytest.fixture(scope="module")
def notes():
    return []


@pytest.fixture(scope="module")
def pool(tmp_path_factory, notes):
    folder = tmp_path_factory.mktemp("run")
    (folder / "run.json").write_text("{}")
    os.environ["SOME_API_KEY"] = SECRET
    with RayPool(2, RayConfig(), "cpu", folder, notes.append) as pool:
        yield pool
    del os.environ["SOME_API_KEY"]


@needs_ray
def test_results_are_those_of_processes_in_any_order(pool):
    jobs = [Job(f"square {n}", worker_jobs.square, {"number": n}) for n in range(7)]
    expected = [Outcome(n, f"square {n}", n * n) for n in range(7)]
    assert sorted(pool.run(jobs), key=lambda outcome: outcome.index) == expected
    assert list(pool.run(jobs, in_order=True)) == expected
    assert list(pool.run([])) == []


@needs_ray
def test_completion_order_lets_a_short_job_pass_a_long_one(pool, tmp_path):
    long = Job("long", ray_jobs.wait_for, {"path": tmp_path / "a short one is done"})
    indices = []
    for outcome in pool.run([long, *[Job("short", worker_jobs.sleep, {"seconds": 0.0})] * 3]):
        indices.append(outcome.index)
        long.kwargs["path"].touch()
    assert sorted(indices) == [0, 1, 2, 3]
    assert indices[0] != 0


@needs_ray
def test_actors_are_single_threaded_other_processes_and_reused(pool):
    jobs = [Job("where", ray_jobs.where)] * 4
    seen = [outcome.value for _ in range(2) for outcome in pool.run(jobs)]
    assert all(value["OMP_NUM_THREADS"] == value["MKL_NUM_THREADS"] == "1" for value in seen)
    assert {value["cwd"] for value in seen} == {str(Path.cwd())}
    pids = {value["pid"] for value in seen}
    assert len(pids) <= 2
    assert os.getpid() not in pids
    assert pool.peak_memory_mb() > 100


@needs_ray
def test_progress_ends_at_the_total_of_each_job(pool):
    heard = []
    jobs = [Job("a", worker_jobs.count_to, {"total": 2000}), Job("b", worker_jobs.count_to, {"total": 3})]
    list(pool.run(jobs, on_progress=heard.append))
    assert {p.index: (p.name, p.done, p.total) for p in heard} == {0: ("a", 2000, 2000), 1: ("b", 3, 3)}


@needs_ray
def test_the_job_of_a_killed_actor_is_done_again_and_the_others_once(pool, notes, tmp_path):
    notes.clear()
    squares = [Job(f"square {n}", worker_jobs.square, {"number": n}) for n in range(4)]
    outcomes = list(pool.run([Job("search 1", ray_jobs.die_once, {"flag": tmp_path / "flag"}), *squares]))
    assert sorted(outcome.index for outcome in outcomes) == [0, 1, 2, 3, 4]
    tried = (tmp_path / "flag.log").read_text().split()
    assert len(tried) == len(set(tried)) == 2
    assert next(str(outcome.value) for outcome in outcomes if outcome.index == 0) == tried[1]
    assert notes == ["search 1: the ray actor that did it died; another one does it again"]


@needs_ray
def test_a_job_that_ends_every_actor_is_reported_and_the_pool_goes_on(pool, tmp_path):
    with pytest.raises(UserError) as caught:
        list(pool.run([Job("search 1", ray_jobs.die_always, {"log": tmp_path / "log"})]))
    assert str(caught.value) == (
        "search 1 was lost with 3 ray actors one after the other (the last one died): often out of memory; "
        "start the same command again to resume"
    )
    assert (tmp_path / "log").read_text() == "x" * MOST_LOSSES
    assert [o.value for o in pool.run([Job("square", worker_jobs.square, {"number": 3})])] == [9]


@needs_ray
def test_errors_are_those_of_the_job_and_stop_the_rest(pool):
    with pytest.raises(UserError, match=r"^data\.jsonl, line 3: no answer; add one$"):
        list(pool.run([Job("read", worker_jobs.user_mistake)]))
    jobs = [Job("bad", worker_jobs.programming_mistake), Job("long", worker_jobs.sleep, {"seconds": 60})]
    began = time.monotonic()
    with pytest.raises(IndexError) as caught:
        list(pool.run(jobs))
    assert "return [][0]" in str(caught.value.__cause__)
    assert time.monotonic() - began < 20


@needs_ray
def test_too_few_gpus_here_are_told(tmp_path, monkeypatch, pool):
    monkeypatch.setattr(pool._crew, "_count", 3)
    with monkeypatch.context() as patched:
        patched.setattr(pool._crew._connection, "close", lambda: None)
        with pytest.raises(UserError, match=r"^workers=3 ray actors want 3 CPU, there are 2; lower workers"):
            pool._crew._check_room(0, lambda _: None)
        with pytest.raises(UserError, match=r"^workers=3 ray actors want 300 GPU, there are \d+; lower workers"):
            pool._crew._check_room(100, lambda _: None)


@needs_ray
@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="sockets are looked up in /proc, which is Linux's")
def test_ray_listens_on_loopback_only_and_its_logs_hold_no_secret(pool):
    list(pool.run([Job("square", worker_jobs.square, {"number": 1})]))
    processes = descendants(os.getpid())
    assert any("gcs_server" in name for name in processes.values())
    addresses = _listening(processes)
    assert addresses
    assert {address for address in addresses if not address.startswith(("0100007F:", MAPPED_LOOPBACK))} == set()
    folder = pool._crew._connection._folder
    logs = [path for path in folder.rglob("*") if path.is_file()]
    assert len(logs) > 5
    assert not [path for path in logs for text in (SECRET, os.environ["RAY_AUTH_TOKEN"]) if _holds(path, text)]
    assert not folder.is_relative_to(ROOT)


MAPPED_LOOPBACK = "0000000000000000FFFF00000100007F:"


def _listening(pids) -> set[str]:
    """Local addresses (hexadecimal, as the kernel writes them) on which these processes wait for connections."""
    inodes = set()
    for pid in pids:
        for link in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                inodes.update(re.findall(r"socket:\[(\d+)\]", str(link.readlink())))
            except FileNotFoundError:
                continue
    rows = [line.split() for name in ("tcp", "tcp6") for line in Path("/proc/net", name).read_text().splitlines()[1:]]
    return {row[1] for row in rows if row[3] == "0A" and row[9] in inodes}


def _holds(path: Path, text: str) -> bool:
    return text.encode() in path.read_bytes()
