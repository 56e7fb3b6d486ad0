"""What this machine can run, and what is missing: python -m scripts.doctor"""

from __future__ import annotations

import sys
from pathlib import Path

from evolve.machine import State, examine
from scripts.errors import Arguments, fail

_STYLES = {State.OK: "green", State.MISSING: "bold red", State.OPTIONAL: "dim"}


def main() -> int:
    """Print the findings; 0 if the lab can run here, 2 if not."""
    Arguments(
        prog="python -m scripts.doctor", description="What this machine can run, and what is missing."
    ).parse_args()
    try:
        from rich import box
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text
    except ImportError:
        fail("the libraries are not installed for this Python; run make setup, then .venv/bin/python -m scripts.doctor")
    console = Console()
    findings = list(examine(Path("outputs")))
    table = Table("part", "found", "state", "what to do", box=box.SIMPLE_HEAD)
    for finding in findings:
        state = Text(finding.state, style=_STYLES[finding.state])
        table.add_row(finding.part, Text(finding.found), state, Text(finding.advice))
    console.print(table)
    missing = [finding.part for finding in findings if finding.state is State.MISSING]
    if missing:
        console.print(f"The lab cannot run here yet; missing: {', '.join(missing)}.", highlight=False)
        return 2
    console.print("The lab can run here: make demo, or python -m scripts.evolve experiment=lab", highlight=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
