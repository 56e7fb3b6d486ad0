"""Run a Python file as model-written programs are run: python -m scripts.run_sandboxed FILE.py [sandbox=namespaces]

Prints one JSON line {outcome, stdout, stderr, seconds, tier}. Exit code 0 when the program was run, however it ended.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from scripts.errors import Arguments, guarded
from tasks.errors import UserError
from tasks.sandbox.execution import Tier
from tasks.sandbox.limits import Limits
from tasks.sandbox.open import open_sandbox


def main() -> None:
    """Read the file, run it, print the line."""
    guarded(lambda: _run(_arguments()))


def _run(arguments: argparse.Namespace) -> None:
    source, stdin = _text(arguments.file), _text(arguments.stdin) if arguments.stdin else ""
    limits = Limits(arguments.seconds, arguments.memory_mb)
    print(json.dumps(asdict(open_sandbox(arguments.sandbox or arguments.tier, limits).run([source], stdin))))


def _arguments() -> argparse.Namespace:
    usual = Limits()
    parser = Arguments(prog="python -m scripts.run_sandboxed", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("file", type=Path, help="the program")
    parser.add_argument(
        "sandbox", nargs="?", type=_tier, help="sandbox=auto|namespaces|bwrap|off, as in other programs"
    )
    parser.add_argument("--tier", type=_tier, default=Tier.AUTO, help="the same as an option; off: no confinement")
    parser.add_argument("--stdin", type=Path, help="a file with the program's standard input")
    parser.add_argument("--seconds", type=float, default=usual.seconds, help=f"wall clock ({usual.seconds:g})")
    parser.add_argument("--memory-mb", type=int, default=usual.memory_mb, help=f"on top of NumPy ({usual.memory_mb})")
    return parser.parse_args()


def _tier(text: str) -> Tier:
    try:
        return Tier(text.removeprefix("sandbox="))
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be one of {', '.join(Tier)}, got {text!r:.60}") from None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read as text: {error}") from error


if __name__ == "__main__":
    main()
