"""Grade the rows of a file: python -m scripts.grade --grader NAME_OR_FILE --data IN.jsonl --out OUT.jsonl"""

from __future__ import annotations

from pathlib import Path

from evolve.grade_file import GradeAsked, GradeSummary, grade_file
from scripts.errors import Arguments, count, guarded, new_file
from tasks.graders.ready import READY
from tasks.sandbox.execution import Tier
from viewer.text import visible


def show(summary: GradeSummary) -> None:
    """The table behind the bar."""
    total = summary.outcomes.total()
    for outcome, number in summary.outcomes.most_common():
        print(f"{outcome:<13} {number:>8}  {100 * number / total:5.1f} %")
    print(f"{'rows':<13} {total:>8}")
    if summary.kept:
        print(f"  {'kept':<11} {summary.kept:>8}  graded before an earlier start was stopped")
    print(f"{'mean reward':<13} {summary.reward:>8.4f}")
    for name, mean in summary.parts.items():
        print(f"  {name:<11} {mean:>8.4f}")
    for outcome, (key, note) in summary.first.items():
        print(f"first {outcome}: {key}: {visible(note)[:200]}")
    if summary.tier is not None:
        print(f"sandbox: {summary.tier}")


def main() -> None:
    """Read the command line, grade, print the summary."""
    parser = Arguments(
        prog="python -m scripts.grade",
        description="Grade rows {id, reference, completion} (or answer, a bare final answer) to rows {id, outcome, "
        "reward, parts}, in the same order. docs/graders.md tells how a grader is written.",
        epilog=f"Ready graders: {', '.join(READY)}.",
    )
    add = parser.add_argument
    add("--grader", required=True, metavar="NAME_OR_FILE", help="a ready grader, or a .json or .yaml file")
    add("--data", required=True, type=Path, metavar="IN.jsonl", help="the rows, a JSON object a line (.gz too)")
    add(
        "--out",
        required=True,
        type=new_file,
        metavar="OUT.jsonl",
        help="the file to write: whole or not there; goes on if stopped",
    )
    add("--policy", type=Path, metavar="FOLDER", help="for reconstruction: a Hugging Face model folder")
    add("--sandbox", type=Tier, choices=list(Tier), default=Tier.AUTO, help="what confines programs (auto)")
    add("--workers", type=count, default=0, metavar="N", help="processes that grade; 0: this one (0)")
    add("--no-progress", dest="progress", action="store_false", help="no bar")
    asked = GradeAsked(**vars(parser.parse_args()))
    guarded(lambda: show(grade_file(asked)))


if __name__ == "__main__":
    main()
