"""Write docs/config.md from the dataclasses: python -m scripts.make_config_docs"""

from __future__ import annotations

from pathlib import Path

from evolve.config_docs import config_markdown
from scripts.errors import Arguments, guarded
from tasks.durable import write_text_atomic

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "config.md"


def main() -> None:
    """Write the page."""
    Arguments(prog="python -m scripts.make_config_docs", description="Write docs/config.md.").parse_args()
    guarded(lambda: write_text_atomic(PAGE, config_markdown(ROOT / "conf")))
    print(f"written: {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
