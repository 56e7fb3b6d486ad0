"""How many programs a second the sandbox runs, and how long one takes: python -m benchmarks.sandbox

Every program is another one, so none is remembered. sympy is loaded in all of them; half of them use it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from statistics import median, quantiles

from benchmarks.report import Row, measured, write_report
from tasks.errors import UserError
from tasks.sandbox.execution import ExecutionOutcome, Tier
from tasks.sandbox.limits import Limits
from tasks.sandbox.local import LocalSandbox
from tasks.sandbox.open import open_sandbox

_REPEATS, _PROGRAMS = 5, 200
_TIERS = (Tier.NAMESPACES, Tier.BWRAP, Tier.OFF)


def main() -> int:
    """Measure every tier that this machine has, in turns; 1 if a budget was missed."""
    sandboxes = [sandbox for tier in _TIERS if (sandbox := _opened(tier))]
    speeds: dict[Tier, list[float]] = {sandbox.tier: [] for sandbox in sandboxes}
    middles: dict[Tier, list[float]] = {sandbox.tier: [] for sandbox in sandboxes}
    slowest: dict[Tier, list[float]] = {sandbox.tier: [] for sandbox in sandboxes}
    for repeat in range(_REPEATS):
        for sandbox in sandboxes:
            waits = _one_by_one(sandbox, _programs(f"one by one {repeat}"))
            middles[sandbox.tier].append(1000 * median(waits))
            slowest[sandbox.tier].append(1000 * quantiles(waits, n=100)[98])
            speeds[sandbox.tier].append(_side_by_side(sandbox, _programs(f"side by side {repeat}")))
    rows: list[Row] = []
    for sandbox in sandboxes:
        tier = sandbox.tier
        confined = tier is not Tier.OFF
        rows += [
            measured(f"{tier}: executions/s", speeds[tier], at_least=100 if confined else None),
            measured(f"{tier}: p50, ms", middles[tier], at_most=15 if confined else None),
            measured(f"{tier}: p99, ms", slowest[tier]),
        ]
    write_report("sandbox", rows)
    return 0 if all(row.met is not False for row in rows) else 1


def _opened(tier: Tier) -> LocalSandbox | None:
    try:
        sandbox = open_sandbox(tier, Limits())
    except UserError as reason:
        print(reason, file=sys.stderr)
        return None
    sandbox.run(["print('warm')"])
    return sandbox


def _programs(mark: str) -> list[list[str]]:
    algebra = "import sympy\nx = sympy.symbols('x')\nprint(sympy.factor(x**2 - {n}**2))"
    arithmetic = "total = sum(range({n}))\nprint(total)"
    return [[f"# {mark}\nn = {n}", (algebra if n % 2 else arithmetic).format(n=n)] for n in range(1, _PROGRAMS + 1)]


def _one_by_one(sandbox: LocalSandbox, programs: Sequence[Sequence[str]]) -> list[float]:
    """Seconds that each program takes its caller."""
    waits = []
    for program in programs:
        begun = time.perf_counter()
        execution = sandbox.run(program)
        waits.append(time.perf_counter() - begun)
        assert execution.outcome is ExecutionOutcome.OK, execution
    return waits


def _side_by_side(sandbox: LocalSandbox, programs: Sequence[Sequence[str]]) -> float:
    """Programs a second, as many at once as there are processors."""
    begun = time.perf_counter()
    executions = sandbox.run_many(programs)
    seconds = time.perf_counter() - begun
    assert all(execution.outcome is ExecutionOutcome.OK for execution in executions)
    return len(programs) / seconds


if __name__ == "__main__":
    sys.exit(main())
