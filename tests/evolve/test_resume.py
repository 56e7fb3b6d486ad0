"""Killed with SIGKILL at any moment and started again, a run ends with the same bytes in every artefact."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path

import numpy as np
import pytest

import evolve.open_run
import evolve.run_folder
from evolve.journal import Journal
from tests.evolve.tiny_run import artefacts, assert_same_run, overrides_of, run_tiny, tiny_config

ROOT = Path(__file__).resolve().parents[2]
RANDOM_KILLS = 12


def test_killed_before_and_after_every_record(tmp_path, reference):
    """Each write of a manifest, of DONE, of metrics and of run.json is a place to die: before it and after it.

    The kills go on in one folder: a start lives until it comes to a place where none before it has died.
    """
    root, places = tmp_path / "mine", tmp_path / "places"
    places.touch()
    deaths = 0
    while _status(_fork(lambda: _die_at_a_new_place(root, places))) == -signal.SIGKILL:
        deaths += 1
        assert deaths < 200, "the run gets nowhere"
    assert_same_run(root, reference)
    seen = places.read_text().splitlines()
    stages = [f"{path.parent.parent.name}/.stages/{path.name}" for path in reference.glob("round_*/.stages/*")]
    expected = [*stages, *(f"round_{number}/DONE" for number in range(3)), "metrics round_2/policy", "run.json 5"]
    assert {f"{when} {name}" for name in expected for when in ("before", "after")} <= set(seen)
    assert deaths == len(seen) >= 60


def test_killed_at_random_times(tmp_path, reference):
    """Random in processor time, which other work on the machine does not stretch; later while no stage gets done."""
    rng = np.random.default_rng(11)
    root, kills, patience, reached = tmp_path / "0" / "mine", 0, 0.4, [0]
    while kills < RANDOM_KILLS or len(set(reached)) < 4:  # spread over the run
        seconds = rng.uniform(0.001, patience)
        status = _status(_fork(lambda root=root, seconds=seconds: _live_for(seconds, root)))
        if status == 0:  # it was quicker
            assert_same_run(root, reference)
            root = tmp_path / str(kills) / "mine"
            continue
        assert status == -signal.SIGPROF
        kills += 1
        reached.append(len(list(root.glob("round_*/.stages/*"))))
        patience *= 1.5 if reached[-1] == reached[-2] else 1.0
    run_tiny(root)
    assert_same_run(root, reference)


# scripts.evolve, which goes no further once a search of round 2 is done.
STALLED = """
import time
import scripts.evolve
from evolve.run_folder import RunFolder
commit = RunFolder.commit_stage
def stall(self, number, name, files, result):
    commit(self, number, name, files, result)
    if number == 2 and name.startswith("search-"):
        time.sleep(600)
if __name__ == "__main__":
    RunFolder.commit_stage = stall
    scripts.evolve.launch("evolve", scripts.evolve.EvolveConfig, scripts.evolve.run)
"""


def test_killed_with_its_workers_and_taken_up_without(tmp_path, reference):
    """The program with two worker processes gives the same bytes as none, and they die with it."""
    command = [sys.executable, "-c", STALLED, *overrides_of(tiny_config(name="mine", workers=2))]
    root, said = tmp_path / "outputs" / "mine", tmp_path / "said.txt"
    with said.open("wb") as output:
        program = subprocess.Popen(
            command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=output, stderr=output
        )
        _wait(lambda: any((root / "round_2/.stages").glob("search-*")) or program.poll() is not None, 1800)
        workers = _children(program.pid)
        program.kill()
        program.wait()
    assert len(workers) >= 2, said.read_text()
    _wait(lambda: not any(map(_is_running, workers)), 60)
    assert not (root / "round_2/DONE").exists()
    run_tiny(root, name="mine", workers=0)
    assert_same_run(root, reference, neutral=True)


def test_a_finished_run_started_again_is_left_alone(tmp_path, reference):
    root = tmp_path / "mine"
    run_tiny(root, rounds=0)
    times = {name: (root / name).stat().st_mtime_ns for name in artefacts(root) if "policy/" in name}
    seconds = (root / "timings.jsonl").read_text()
    run_tiny(root, rounds=0)
    assert {name: (root / name).stat().st_mtime_ns for name in times} == times
    assert (root / "timings.jsonl").read_text() == seconds


@pytest.mark.parametrize("name", ["round_1/trees/tree1-00001.jsonl.gz", "round_1/policy/model.safetensors"])
def test_a_lost_file_is_made_again_the_same(tmp_path, reference, name):
    root = _copy(reference, tmp_path)
    (root / name).unlink()
    run_tiny(root)
    assert_same_run(root, reference)


def _copy(reference: Path, folder: Path) -> Path:
    root = folder / "mine"
    subprocess.run(["cp", "-a", str(reference), str(root)], check=True)
    return root


def _fork(work) -> int:
    """A child that does the work: torch is loaded in it already, and has only the one thread that a fork keeps."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            evolve.open_run.describe_start = dict  # asks git, which takes longer than a stage
            work()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return child


def _live_for(seconds: float, root: Path) -> None:
    """Begin the run or take it up; the kernel ends this process after so much processor time, as by SIGKILL."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    run_tiny(root)


def _status(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _die_at_a_new_place(root: Path, places: Path) -> None:
    seen = set(places.read_text().splitlines())

    def here(place: str) -> None:
        if place not in seen:
            with places.open("a") as file:
                file.write(place + "\n")
            os.kill(os.getpid(), signal.SIGKILL)

    def mortal(write, name_of):
        def wrapped(first, second):
            name = name_of(first, second)
            here(f"before {name}")
            write(first, second)
            here(f"after {name}")

        return wrapped

    write = evolve.run_folder.write_json_atomic
    for module in (evolve.open_run, evolve.run_folder):
        module.write_json_atomic = mortal(write, lambda path, data: _place(root, path, data))
    append = Journal.append
    Journal.append = lambda self, key, rows: mortal(lambda k, r: append(self, k, r), lambda k, r: f"metrics {k}")(
        key, rows
    )
    run_tiny(root)


def _place(root: Path, path: Path, data) -> str:
    """The file; run.json by how far it has come, for it is written many times."""
    name = path.relative_to(root).as_posix()
    return f"{name} {len(data.get('provenance', []))}" if name == "run.json" else name


def _children(parent: int) -> list[int]:
    stats = {int(path.name): _stat(int(path.name)) for path in Path("/proc").iterdir() if path.name.isdecimal()}
    return [pid for pid, stat in stats.items() if stat[1:2] == [str(parent)]]


def _wait(condition, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def _is_running(pid: int) -> bool:
    return _stat(pid)[:1] not in ([], ["Z"])


def _stat(pid: int) -> list[str]:
    """The state of a process, its parent and more; empty if there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
