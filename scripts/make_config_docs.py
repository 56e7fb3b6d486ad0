"""Write the pages that are generated, of options and of systems: python -m scripts.make_config_docs"""

from __future__ import annotations

from pathlib import Path

from compare.config_docs import comparison_markdown
from evolve.config_docs import config_markdown
from evolve.prm_config_docs import prm_markdown
from recipes.pages import pages
from scripts.errors import Arguments, guarded
from tasks.durable import write_text_atomic

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"


def write_pages() -> None:
    """Write them all."""
    write_text_atomic(DOCS / "config.md", config_markdown(ROOT / "conf"))
    write_text_atomic(DOCS / "config_compare.md", comparison_markdown())
    write_text_atomic(DOCS / "config_prm.md", prm_markdown())
    for page, text in pages(ROOT / "conf", DOCS).items():
        write_text_atomic(page, text)


def main() -> None:
    """Write the pages."""
    Arguments(prog="python -m scripts.make_config_docs", description="Write the generated pages.").parse_args()
    guarded(write_pages)
    print("written: docs/config.md, docs/config_compare.md, docs/config_prm.md, docs/systems")


if __name__ == "__main__":
    main()
