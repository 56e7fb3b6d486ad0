"""``samples.md``: a few solutions of a round as people read them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tasks.durable import write_text_atomic
from tasks.problem import Problem, StepOracle
from tasks.suites.code_format import STEP_END, code_steps

_SHOWN = 8


def write_samples(
    path: Path, problems: list[Problem], records: list[dict[str, Any]], oracle: StepOracle | None
) -> None:
    """The first greedy solutions, right and wrong alike, with the first wrong step marked where the task knows it.

    A record's ``shown``, where it has one, is its ``solution`` with what the code of each step printed.
    """
    parts = ["# Greedy solutions of the first held-out problems\n"]
    for problem, record in list(zip(problems, records, strict=True))[:_SHOWN]:
        steps = _steps(record.get("shown") or record["solution"] or "")
        error = oracle.first_error(problem, steps) if oracle else -1
        marked = [step.rstrip("\n") + "    <- first error" * (number == error) for number, step in enumerate(steps)]
        heading = f"{'right' if record['greedy'] else 'wrong'}: {problem.id} (answer {problem.answer})"
        body = "\n".join([problem.prompt.rstrip(), *marked])
        # Indented, so that nothing a model wrote is read as markup.
        parts.append(f"\n## {heading}\n\n" + "\n".join(f"    {line}" for line in body.splitlines()) + "\n")
    write_text_atomic(path, "".join(parts))


def _steps(solution: str) -> list[str]:
    """The steps as a task's oracle takes them: lines, or those of code."""
    return code_steps(solution) if STEP_END in solution else solution.splitlines()
