"""Whole runs on ray: killed actors, killed runs, lost machines. Skipped without ray: pip install 'treeward[ray]'."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from evolve.executor import Executor
from evolve.ray_start import installed_ray
from tests.evolve.processes import descendants, wait_until
from tests.evolve.tiny_run import artefacts, overrides_of, tiny_config

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

pytestmark = [
    pytest.mark.skipif(installed_ray() is None, reason="ray is not installed: pip install 'treeward[ray]'"),
    pytest.mark.skipif(not Path("/proc").exists(), reason="processes are looked up in /proc, which is Linux's"),
]


def test_a_run_on_actors_of_which_some_are_killed_has_the_bytes_of_one_in_a_single_process(tmp_path, reference):
    config = tiny_config(name="mine", workers=2, executor=Executor.RAY)
    command = [sys.executable, "-m", "scripts.evolve", *overrides_of(config)]
    root, said = tmp_path / "outputs" / "mine", tmp_path / "said.txt"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with said.open("wb") as output:
        program = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=output, stderr=output)
    wait_until(lambda: (root / "round_0/DONE").exists() or program.poll() is not None, 120)
    while program.poll() is None and "does it again" not in (root / "log.txt").read_text():
        at_work = [pid for pid, name in descendants(program.pid).items() if "RayWorker.perform" in name]
        for pid in at_work[:1]:
            os.kill(pid, signal.SIGKILL)
        time.sleep(1)
    assert program.wait(240) == 0, said.read_text()
    assert "does it again" in (root / "log.txt").read_text()
    found, wanted = artefacts(root), artefacts(reference)
    assert {name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name)} == {"config.yaml"}


START = """
import sys
sys.path[:0] = [{root!r}, {here!r}]
import signal
from pathlib import Path
import worker_jobs
from evolve.executor import RayConfig
from evolve.ray_pool import RayPool
from evolve.workers import Job
signal.signal(signal.SIGINT, signal.default_int_handler)  # else as the tests do, which may ignore it
folder = Path({folder!r})
with RayPool(2, RayConfig(), "cpu", folder) as pool:
    list(pool.run([Job(str(n), worker_jobs.pids_then_sleep, dict(folder=folder / "pids")) for n in range(2)]))
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_everything_ends_with_its_run(tmp_path, how):
    (tmp_path / "pids").mkdir()
    (tmp_path / "run.json").write_text("{}")
    script = START.format(root=str(ROOT), here=str(HERE), folder=str(tmp_path))
    program = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, start_new_session=True, stderr=subprocess.PIPE, text=True
    )
    wait_until(lambda: len(list((tmp_path / "pids").iterdir())) == 2 or program.poll() is not None, 60)
    family = descendants(program.pid)
    (folder,) = {found[0] for name in family.values() if (found := re.findall(r"/tmp/treeward-ray-\w+", name))}
    try:
        if how is signal.SIGINT:
            os.killpg(program.pid, how)
        else:
            program.kill()
        _, errors = program.communicate(timeout=30)
        # Ray's two agents try to tell the dead master of the raylet's death, and give up after a minute.
        rest = {pid for pid, name in family.items() if "agent" not in name.lower()}
        assert len(rest) >= 6
        wait_until(lambda: not rest & descendants(1).keys(), 30)
        if how is signal.SIGINT:
            assert errors.rstrip().endswith("KeyboardInterrupt")
            assert not Path(folder).exists()
    finally:
        for pid in family.keys() & descendants(1).keys():
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)


CLUSTER = """
import os, secrets, signal, sys, threading, time
sys.path[:0] = [{root!r}, {here!r}]
os.environ |= {{"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_AUTH_MODE": "token", "RAY_USAGE_STATS_ENABLED": "0"}}
os.environ |= {{"RAY_AUTH_TOKEN": secrets.token_hex(32), "RAY_TMPDIR": {temporary!r}}}
from pathlib import Path
import ray_jobs
from evolve.executor import RayConfig
from evolve.ray_pool import RayPool
from evolve.workers import Job
from ray.cluster_utils import Cluster

folder = Path({folder!r})
machine = dict(num_cpus=1, num_gpus=1, include_dashboard=False, object_store_memory=10**8, node_ip_address="127.0.0.1")
cluster = Cluster(initialize_head=True, head_node_args=machine)
other = cluster.add_node(**machine)

def lose_a_machine():
    while len(list(folder.glob("at-*"))) < 2:
        time.sleep(0.05)
    mine = pool._crew._ray.get_runtime_context().get_node_id()
    (victim,) = (node for node in (cluster.head_node, other) if node.node_id != mine)
    raylet = victim.all_processes["raylet"][0].process.pid
    at_work = [int(path.read_text()) for path in folder.glob("at-*")]
    its_own = [pid for pid in at_work if f"PPid:\\t{{raylet}}\\n" in Path(f"/proc/{{pid}}/status").read_text()]
    for pid in (raylet, *its_own):
        os.kill(pid, signal.SIGKILL)
    time.sleep(1)
    (folder / "go").touch()

notes = []
with RayPool(2, RayConfig(address=cluster.address), "auto", folder, notes.append) as pool:
    places = [dict(mine=folder / f"at-{{n}}", others=folder / "go") for n in (0, 1)]
    jobs = [Job(f"job {{n}}", ray_jobs.announce_and_wait, place) for n, place in enumerate(places)]
    threading.Thread(target=lose_a_machine).start()
    outcomes = list(pool.run(jobs, in_order=True))
    (where,) = pool.run([Job("where", ray_jobs.where)])
print([outcome.index for outcome in outcomes], len({{outcome.value for outcome in outcomes}}), len(notes))
print("GPU", where.value["CUDA_VISIBLE_DEVICES"])
config = RayConfig(address=cluster.address, gpus_per_actor=4, timeout_s=2)
with RayPool(1, config, "auto", folder, notes.append) as pool:
    try:
        list(pool.run([Job("where", ray_jobs.where)]))
    except Exception as error:
        print(notes[-1])
        print(error)
cluster.shutdown()
"""


def test_a_lost_machine_of_a_cluster_and_a_gpu_for_each_actor(tmp_path):
    """Two machines with a GPU each, as far as ray knows: one is lost in the middle."""
    (tmp_path / "run.json").write_text("{}")
    temporary = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # tmp_path is too long for sockets
    script = CLUSTER.format(root=str(ROOT), here=str(HERE), folder=str(tmp_path), temporary=temporary)
    try:
        done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=150)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    assert done.returncode == 0, done.stderr[-2000:]
    lines = done.stdout.splitlines()[-4:]
    assert lines[:2] == ["[0, 1] 1 1", "GPU 0"]
    assert re.fullmatch(
        r"workers=1 ray actors want 4 GPU, there are [12] so far; .* wait for machines to join", lines[2]
    )
    assert lines[3] == (
        "no ray actor came up within ray.timeout_s=2 seconds; others may hold the cluster's processors or GPUs "
        "(ray status tells)"
    )
