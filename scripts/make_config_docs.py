"""Write docs/config.md and docs/config_compare.md from the dataclasses: python -m scripts.make_config_docs"""

from __future__ import annotations

from pathlib import Path

from compare.config_docs import comparison_markdown
from evolve.config_docs import config_markdown
from scripts.errors import Arguments, guarded
from tasks.durable import write_text_atomic

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"


def write_pages() -> None:
    """Write both."""
    write_text_atomic(DOCS / "config.md", config_markdown(ROOT / "conf"))
    write_text_atomic(DOCS / "config_compare.md", comparison_markdown())


def main() -> None:
    """Write the pages."""
    Arguments(prog="python -m scripts.make_config_docs", description="Write the pages of options.").parse_args()
    guarded(write_pages)
    print("written: docs/config.md, docs/config_compare.md")


if __name__ == "__main__":
    main()
