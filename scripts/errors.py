"""How a program ends when something is wrong: one sentence on standard error and exit code 2, no traceback."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from tasks.errors import UserError


class Arguments(argparse.ArgumentParser):
    """A command line whose mistakes end in one sentence."""

    def error(self, message: str) -> NoReturn:
        fail(f"{message}; {self.prog} --help lists what there is")


def count(text: str) -> int:
    """An option that must be a whole number of at least 0."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 0, got {text!r:.60}")
    return int(text)


def new_file(text: str) -> Path:
    """An option that names a file to write: in a folder that is there, and no folder itself."""
    path = Path(text)
    if path.parent.exists() and not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"{path.parent} is a file, not a folder")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {path.parent}; make it first")
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{path} is a folder; name a file")
    return path


def fail(message: str) -> NoReturn:
    """One sentence on standard error, exit code 2."""
    print(f"error: {message}", file=sys.stderr)
    sys.exit(2)


def guarded(work: Callable[[], None]) -> None:
    """Do the work of a program. What a user can mend becomes one sentence; Ctrl-C says how to go on."""
    try:
        work()
    except UserError as error:
        fail(str(error))
    except KeyboardInterrupt:
        print("\ninterrupted; the same command goes on where this one stopped", file=sys.stderr)
        sys.exit(130)
