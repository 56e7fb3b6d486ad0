"""What every benchmark leaves behind: ``benchmarks/results/NAME.json``, and the same as a table."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from tasks.durable import write_json_atomic

RESULTS = Path(__file__).parent / "results"
_PACKAGES = ("numpy", "torch", "transformers", "vllm", "ray", "trl")


@dataclass(frozen=True, slots=True)
class Row:
    """One measured quantity: median and range of its repeats; ``met`` is None where there is no ``budget``."""

    metric: str
    value: float
    low: float
    high: float
    budget: str | None = None
    met: bool | None = None


def measured(
    metric: str, values: Sequence[float], *, at_most: float | None = None, at_least: float | None = None
) -> Row:
    """The row of a metric's repeats, with its budget if there is one. The median decides."""
    value = median(values)
    if at_most is not None:
        return Row(metric, value, min(values), max(values), f"<= {at_most:g}", value <= at_most)
    if at_least is not None:
        return Row(metric, value, min(values), max(values), f">= {at_least:g}", value >= at_least)
    return Row(metric, value, min(values), max(values))


def write_report(name: str, rows: Iterable[Row]) -> Path:
    """Write the rows to ``benchmarks/results/NAME.json``, as ``save_report`` does, and print them; returns the file."""
    rows = list(rows)
    path = RESULTS / f"{name}.json"
    save_report(name, rows, path)
    print_rows(name, rows)
    return path


def save_report(name: str, rows: Iterable[Row], path: Path, facts: Mapping[str, object] | None = None) -> None:
    """Write the rows with command, commit, date, machine and versions; ``facts`` are added, or replace those."""
    report: dict[str, object] = {
        "name": name,
        "command": " ".join(["python", "-m", f"benchmarks.{name}", *sys.argv[1:]]),
        "commit": _commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{_processor()}, {os.cpu_count()} cores, {platform.platform()}",
        "versions": {"python": platform.python_version()} | dict(_versions()),
        **(facts or {}),
        "rows": [asdict(row) for row in rows],
    }
    write_json_atomic(path, report)


def print_rows(name: str, rows: Iterable[Row]) -> None:
    """The rows as a table."""
    table = Table(title=name)
    for column in ("metric", "median", "range", "budget", "met"):
        table.add_column(column, overflow="fold")
    for row in rows:
        met = {True: "yes", False: "NO", None: ""}[row.met]
        table.add_row(row.metric, f"{row.value:.4g}", f"{row.low:.4g} - {row.high:.4g}", row.budget or "", met)
    Console().print(table)


def _commit() -> str:
    """The commit, with ``+`` if the tree differs from it; "unknown" outside a repository."""
    git = ["git", "-C", str(RESULTS.parent)]
    try:
        commit = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=True)
        changes = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return commit.stdout.strip() + ("+" if changes.stdout.strip() else "")


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _versions() -> Iterable[tuple[str, str]]:
    for package in _PACKAGES:
        try:
            yield package, version(package)
        except PackageNotFoundError:
            continue
