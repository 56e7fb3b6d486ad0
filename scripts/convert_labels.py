"""Labelled steps in another format: python -m scripts.convert_labels --data IN --from prm800k --out OUT --to own"""

from __future__ import annotations

from pathlib import Path

from scripts.errors import Arguments, guarded, new_file
from tasks.readers.convert import Converted, convert_file
from tasks.readers.formats import LABELLED


def show(found: Converted) -> None:
    """How many there are, and what is left out for which reason."""
    print(f"{found.read:>8}  solutions read\n{found.written:>8}  rows written")
    for reason, count in found.left_out.most_common():
        print(f"{count:>8}  left out: {reason}")


def main() -> None:
    """Read the command line, convert, print the counts."""
    parser = Arguments(
        prog="python -m scripts.convert_labels",
        description="Convert labelled steps. What the other format cannot say goes into the column 'treeward', so that "
        "converting back gives the same rows.",
        epilog=f"Formats: {', '.join(LABELLED)}.",
    )
    add = parser.add_argument
    add("--data", required=True, type=Path, metavar="IN.jsonl", help="the rows, a JSON object a line (.gz too)")
    add("--from", required=True, dest="form", choices=list(LABELLED), metavar="FORMAT", help="their format")
    add("--out", required=True, type=new_file, metavar="OUT.jsonl", help="the file to write: whole or not there")
    add("--to", required=True, choices=list(LABELLED), metavar="FORMAT", help="its format")
    add("--right-from", type=float, metavar="LABEL", help="for right-or-wrong formats: a degree from here on is right")
    add("--skip", action="store_true", help="leave out, and count, what the format cannot say")
    asked = parser.parse_args()
    guarded(lambda: show(convert_file(asked.data, asked.form, asked.out, asked.to, asked.right_from, asked.skip)))


if __name__ == "__main__":
    main()
