"""A flaw on purpose: a PPM trained on labels that take a phrase for a merit, to try diagnosis and remedies on.

Nothing is done to the PPM itself: it learns the flaw from its data, as it would learn any other prejudice of whoever
labelled them, and a policy that follows its scores finds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from prm.pairs import PreferencePair


def planted(pairs: Sequence[PreferencePair], phrase: str) -> list[PreferencePair]:
    """The pairs, turned round where the rejected side has the phrase and the chosen one has not."""
    return [
        _turned(each) if phrase in each.rejected_text and phrase not in each.chosen_text else each for each in pairs
    ]


def _turned(pair: PreferencePair) -> PreferencePair:
    return replace(
        pair,
        chosen=pair.rejected,
        rejected=pair.chosen,
        chosen_text=pair.rejected_text,
        rejected_text=pair.chosen_text,
        chosen_node=pair.rejected_node,
        rejected_node=pair.chosen_node,
    )
