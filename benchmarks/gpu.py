"""Everything worth measuring on one GPU, within 8 minutes and without downloads; weights are random, of real shapes.

``benchmarks/gpu.sh``, or ``python -m benchmarks.gpu`` with any Python that has torch, transformers and rich. Each arm
is a process of its own with a time limit, so one that fails, hangs or runs out of memory costs the others nothing: it
stands in the report as such, with the rows that it had. The report is written anew after every arm. ``--tiny`` tries
the code on a CPU; its figures mean nothing. Exit status 1 if an arm failed.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

import torch

from benchmarks.gpu_bench import TINY
from benchmarks.report import RESULTS, Row, print_rows, save_report
from lm.vllm_version import installed_vllm

DONE, FAILED, SKIPPED, OUT_OF_TIME = "done", "failed", "skipped", "out of time"


@dataclass(frozen=True, slots=True)
class Arm:
    """A part (``benchmarks.gpu_PART``) with a model's shape and its seconds, the start of the process included."""

    part: str
    shape: str
    seconds: float

    @property
    def name(self) -> str:
        return f"{self.part} {self.shape}"


@dataclass(frozen=True, slots=True)
class Ending:
    """How an arm ended, and after how many seconds; ``note`` is the error, or why it was skipped."""

    arm: str
    state: str
    seconds: float
    note: str = ""


# What is left out if someone stops it early comes last.
ARMS = (
    Arm("machine", "0.5b", 30),
    Arm("scoring", "0.5b", 40),
    Arm("engine", "0.5b", 80),
    Arm("training", "0.5b", 45),
    Arm("agreement", "0.5b", 30),
    Arm("vllm", "0.5b", 110),
    Arm("training", "1.5b", 50),
    Arm("engine", "1.5b", 50),
    Arm("scoring", "1.5b", 35),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the arms one after the other; returns the exit status."""
    options = _options(argv)
    if not options.tiny and not torch.cuda.is_available():
        print("benchmarks.gpu: torch sees no GPU here; --tiny tries the code on a CPU", file=sys.stderr)
        return 2
    facts: dict[str, object] = {"command": f"python -m benchmarks.gpu{' --tiny' * options.tiny}", "gpu": gpu_name()}
    if options.commit:
        facts["commit"] = options.commit
    return measure(tiny(ARMS) if options.tiny else ARMS, options.out or RESULTS / "gpu.json", facts)


def measure(arms: Sequence[Arm], out: Path, facts: dict[str, object]) -> int:
    """Run the arms and write the report after each, with ``facts``; 1 if one of them did not come to its end."""
    rows: list[Row] = []
    endings: list[Ending] = []
    for arm in arms:
        found, ending = run_arm(arm)
        rows += [replace(row, metric=f"{arm.name}: {row.metric}") for row in found]
        endings.append(ending)
        save_report("gpu", rows, out, facts | {"arms": [asdict(one) for one in endings]})
        print(f"{ending.arm}: {ending.state} after {ending.seconds:.0f} s {ending.note}", flush=True)
    print_rows("gpu", rows)
    return int(any(one.state in (FAILED, OUT_OF_TIME) for one in endings))


def run_arm(arm: Arm) -> tuple[list[Row], Ending]:
    """The arm's rows, as many as it measured, and how it ended."""
    if arm.part == "vllm" and installed_vllm() is None:
        return [], Ending(arm.name, SKIPPED, 0.0, "vLLM is not installed")
    started = monotonic()
    with TemporaryDirectory() as folder:
        file, log = Path(folder) / "rows.jsonl", Path(folder) / "log.txt"
        code = _run(arm, file, log)
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        said = log.read_text(encoding="utf-8", errors="replace")
    state = {0: DONE, None: OUT_OF_TIME}.get(code, FAILED)
    if state == FAILED:
        print(said, file=sys.stderr)
    note = _last_words(said) or f"ended with code {code}"
    ending = Ending(arm.name, state, round(monotonic() - started, 1), note if state == FAILED else "")
    return [Row(**json.loads(line)) for line in lines if line.endswith("}")], ending


def _run(arm: Arm, file: Path, log: Path) -> int | None:
    """The exit status of the arm's process; None if it was stopped at its limit."""
    command = [sys.executable, "-m", "benchmarks.gpu_arm", arm.part, arm.shape, str(arm.seconds), str(file)]
    with log.open("wb") as errors:
        process = subprocess.Popen(command, stderr=errors, cwd=RESULTS.parents[1], start_new_session=True)
        try:
            return process.wait(arm.seconds)
        except subprocess.TimeoutExpired:
            return None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)  # and whatever it has started
                process.wait()


def _last_words(said: str) -> str:
    """The line that names the error: the last one that looks like it, or else the last."""
    lines = [line for line in said.splitlines() if line.strip()]
    return next((line for line in reversed(lines) if "Error: " in line), lines[-1] if lines else "")[:300]


def tiny(arms: Sequence[Arm]) -> list[Arm]:
    """Each part once, at a size that a CPU computes at once, with time for a busy machine."""
    return [Arm(part, TINY, 120) for part in dict.fromkeys(arm.part for arm in arms)]


def gpu_name() -> str:
    """Name, memory and driver of the GPUs, as nvidia-smi tells them; "none" without it."""
    fields = ["--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        told = subprocess.run(["nvidia-smi", *fields], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "none"
    return "; ".join(told.stdout.split("\n")).strip("; ")


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("benchmarks.gpu", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tiny", action="store_true", help="try the code on tiny models; its figures mean nothing")
    parser.add_argument("--out", type=Path, help="where the report goes (default: benchmarks/results/gpu.json)")
    parser.add_argument("--commit", help="what was measured, where the code is not in a git repository")
    options = parser.parse_args(argv)
    if options.tiny and options.out is None:
        parser.error("--tiny needs --out: its figures are no results")
    return options


if __name__ == "__main__":
    sys.exit(main())
