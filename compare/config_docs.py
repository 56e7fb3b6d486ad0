"""``docs/config_compare.md``: the options of a comparison that a self-evolution run does not have."""

from __future__ import annotations

from compare.config import RESULT_NEUTRAL, CompareConfig
from evolve.config_docs import further_markdown
from tasks.suites.chain import ChainConfig

_NEUTRAL = ", ".join(f"`{name}`" for name in sorted(RESULT_NEUTRAL - {"arms", "seeds"}))
_HEAD = f"""# Options of a comparison

Made by `make docs` from the dataclasses in `compare/config.py` and below; do not edit. They hold for
`python -m scripts.compare` and `python -m scripts.train`. Those that a self-evolution run has too (`task`, `policy`,
`engine`, `selection`, `ppm`, ...) stand in [config.md](config.md), the choices of all groups as well.

    python -m scripts.compare arm=grpo_outcome,grpo_ppm seeds=5 budget.tokens=2e6 arms.grpo_ppm.trees=0.2 name=mine

Arms and seeds can be added to a comparison that is there; finished ones are kept, and an arm that is done may not
become another under the same name. Besides, it may change {_NEUTRAL}.
"""


def comparison_markdown() -> str:
    """The page."""
    return further_markdown(_HEAD, CompareConfig(task=ChainConfig()))
