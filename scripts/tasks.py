"""What tasks there are, with an example each, and the proof that their verifiers are exact."""

from __future__ import annotations

import sys
from argparse import RawDescriptionHelpFormatter

from rich.console import Console

from scripts.errors import Arguments, guarded

ABOUT = """\
python -m scripts.tasks                             every task with an example
python -m scripts.tasks name=wordmath               one of them in detail
python -m scripts.tasks name=wordmath task.max_operations=6 task.step_format=code
python -m scripts.tasks name=gsm8k path=FILE.jsonl  a task whose problems stand in a file
python -m scripts.tasks validate=true               prove that own answers score 1 and perturbed ones 0

name      one of conf/task
path      the file of a task that has one (with name=...)
validate  true: check every task, or the one named; exit code 1 if a check fails. Of a file also the training problems
          that share too many words with judged ones
count     with validate=true: problems of each split, and worked solutions (50)
task.X    option X of the task named, as docs/config.md lists them
"""


def main() -> None:
    """Read the command line, print what it asks for; exit code 1 if a check fails."""
    parser = Arguments(
        prog="python -m scripts.tasks",
        description=__doc__,
        epilog=ABOUT,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("options", nargs="*", metavar="option=value")
    given = parser.parse_args().options
    guarded(lambda: sys.exit(0 if _run(given) else 1))


def _run(given: list[str]) -> bool:
    from evolve.show_tasks import read_options, show  # takes a while to import, and --help is to be quick

    return show(read_options(given), Console())


if __name__ == "__main__":
    main()
