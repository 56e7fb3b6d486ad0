"""Engines side by side: throughput(N) / (N x throughput(1)), for worker processes and, where ray is installed, actors.

``python -m benchmarks.parallel`` (five minutes on an idle machine). The jobs are a run's own: eight groups of 25
problems searched with the lab's tiny policy. Executors and numbers of workers take turns; each time new workers do two
jobs unmeasured first. All trees must have the same bytes, whoever grew them.

- *by wall clock* is what a user sees. It has a meaning only if nobody else wants the processors: one worker among
  strangers gets less than a processor, two get less than twice that. So it has a budget only where others took less
  than a tenth of a processor on average, which a row tells.
- *by processor time* holds on a busy machine too: the processor seconds of the jobs (what N engines lose to each other
  in caches and memory) and of this process, times the share of their time that the workers had a job (what they lose
  waiting for one, at the end of the list too). What waiting for a processor costs is left out of it.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.report import Row, measured, write_report
from evolve.config import SearchStageConfig
from evolve.executor import Executor, Pool, RayConfig, open_pool
from evolve.ray_start import installed_ray
from evolve.stages import StageResult, perform
from evolve.work import SearchWork, groups
from evolve.workers import Job
from lm.config import OptimiserConfig, Precision
from policy.config import ColdStartConfig, EngineConfig, PolicyConfig
from tasks.problem import Problem, Split
from tasks.registry import build_task
from tasks.suites.chain import ChainConfig

REPEATS = 5
GROUPS, PROBLEMS = 8, 25
WORKERS = 2
QUIET = 0.1  # processors that others may take before the wall clock means nothing
TASK = ChainConfig(modulus=7, min_length=3, max_length=5, misconceived_facts=0.22)
TRAINING = OptimiserConfig(learning_rate=2e-3, epochs=1, batch_rows=32, micro_rows=32, precision=Precision.FP32)
POLICY = PolicyConfig(cold_start=ColdStartConfig(1500, TRAINING))


@dataclass(frozen=True, slots=True)
class Turn:
    """One arm's turn. Seconds: of the wall clock, of jobs' and this process's processor time; ``at_work`` in [0, 1]."""

    seconds: float
    processor_seconds: float
    at_work: float
    others: float
    digest: str


def timed_group(report: Callable[..., None], work: SearchWork, problems: list[Problem], out: Path) -> StageResult:
    """``evolve.search_stage.search_group``, with when it was done and the processor seconds that it took."""
    from evolve.search_stage import search_group

    began, processor = time.monotonic(), time.process_time()
    result = search_group(report, work, problems, out)
    times = {"began": began, "ended": time.monotonic(), "processor": time.process_time() - processor}
    return replace(result, seconds=times)


def make_policy(report: Callable[..., None], out: Path) -> StageResult:
    """The lab's policy after a short cold start."""
    from evolve.training import cold_start

    return cold_start(report, TASK, POLICY, EngineConfig(device="cpu"), 0, out)


def job(name: str, function: str, **kwargs: Any) -> Job:
    """A job by the name of its function here, as a run's stages name theirs."""
    return Job(name, perform, {"job": f"benchmarks.parallel:{function}", "kwargs": kwargs})


def take_turn(pool: Pool, workers: int, folder: Path, work: SearchWork) -> Turn:
    """The groups on ``pool``, whose workers have loaded the policy before."""
    problems = build_task(TASK).problems(Split.TRAIN, GROUPS * PROBLEMS)
    outs = [folder / f"{index}.jsonl.gz" for index in range(GROUPS)]
    jobs = [
        job(str(index), "timed_group", work=work, problems=part, out=outs[index])
        for index, part in enumerate(groups(problems, PROBLEMS))
    ]
    list(pool.run(jobs[:workers] * 2))
    began, own, busy = time.monotonic(), time.process_time(), _busy_seconds()
    done = [outcome.value.seconds for outcome in pool.run(jobs)]
    seconds = time.monotonic() - began
    processor = sum(each["processor"] for each in done) + time.process_time() - own
    span = max(each["ended"] for each in done) - began
    at_work = sum(each["ended"] - each["began"] for each in done) / (workers * span)
    digest = sha256(b"".join(out.read_bytes() for out in outs)).hexdigest()
    return Turn(seconds, processor, at_work, (_busy_seconds() - busy - processor) / seconds, digest)


def _busy_seconds() -> float:
    """Processor seconds that all programs of this machine have had; 0 where the system does not tell."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return 0.0
    user, nice, system, _, _, *interrupts = map(int, stat.read_text().split("\n", 1)[0].split()[1:9])
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")


def take_turns(folder: Path) -> dict[tuple[Executor, int], list[Turn]]:
    """Every arm's turns, by executor and number of workers; SystemExit if they grew different trees."""
    executors = [Executor.PROCESSES, *([Executor.RAY] if installed_ray() else [])]
    work = SearchWork(
        task=TASK,
        policy=POLICY,
        engine=EngineConfig(device="cpu"),
        search=SearchStageConfig(rollouts=16, width=8, max_depth=12),
        policy_path=folder / "policy",
        ppm_path=None,
        seed=0,
    )
    (folder / "run.json").write_text(json.dumps({"what": "a benchmark's folder"}))
    turns: dict[tuple[Executor, int], list[Turn]] = {}
    for repeat in range(REPEATS):
        for executor in executors:
            for workers in (1, WORKERS):
                with open_pool(executor, workers, RayConfig(), "cpu", folder, print) as pool:
                    if not (folder / "policy").exists():
                        list(pool.run([job("cold start", "make_policy", out=folder / "policy")]))
                    turn = take_turn(pool, workers, folder, work)
                print(f"{repeat + 1}/{REPEATS} {executor} x {workers}: {asdict(turn)}", flush=True)
                turns.setdefault((executor, workers), []).append(turn)
    if len({turn.digest for taken in turns.values() for turn in taken}) > 1:
        raise SystemExit("the arms grew different trees: the comparison is void")
    return turns


def rows_of(executor: Executor, one: list[Turn], several: list[Turn]) -> list[Row]:
    """Both ratios of an executor, what they are made of, and what others took meanwhile."""
    others = [turn.others for turn in [*one, *several]]
    quiet = measured("", others).value < QUIET
    wall = [a.seconds / b.seconds / WORKERS for a, b in zip(one, several, strict=True)]
    contention = [a.processor_seconds / b.processor_seconds for a, b in zip(one, several, strict=True)]
    waiting = [b.at_work / a.at_work for a, b in zip(one, several, strict=True)]
    fair = [a * b for a, b in zip(contention, waiting, strict=True)]
    what = f"{executor}, {WORKERS} workers: throughput / {WORKERS} x that of 1"
    return [
        measured(f"{what}, by wall clock", wall, at_least=0.95 if quiet else None),
        measured(f"{what}, by processor time", fair, at_least=0.95),
        measured(f"{executor}: processor time of 1 / that of {WORKERS}", contention),
        measured(f"{executor}: share of their time that {WORKERS} workers have a job", [b.at_work for b in several]),
        measured(f"{executor}: processors that others had meanwhile", others),
    ]


def main() -> None:
    """Measure, write, print."""
    with TemporaryDirectory() as name:
        turns = take_turns(Path(name))
    executors = sorted({executor for executor, _ in turns})
    rows = [row for executor in executors for row in rows_of(executor, turns[executor, 1], turns[executor, WORKERS])]
    if Executor.RAY in executors:
        pairs = zip(turns[Executor.RAY, WORKERS], turns[Executor.PROCESSES, WORKERS], strict=True)
        rows.append(measured("ray / processes, processor time of the same jobs", [a / b for a, b in _processor(pairs)]))
    write_report("parallel", rows)


def _processor(pairs: Iterable[tuple[Turn, Turn]]) -> list[tuple[float, float]]:
    return [(a.processor_seconds, b.processor_seconds) for a, b in pairs]


if __name__ == "__main__":
    main()
