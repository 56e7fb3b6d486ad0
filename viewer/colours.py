"""Colours of the terminal and of the page. Two scales, both safe for colour-blind readers, and marks beside them.

A scale is a list of stops ``(position, "#rrggbb")``; between two stops a colour is mixed linearly in sRGB, channel by
channel, a half rounded up. ``mix`` does so here, and the page's script does the same with the same stops.

``DIVERGING`` runs over [-1, 1] from vermilion over grey to blue (a pair of Okabe and Ito's, told apart with every form
of colour blindness). ``SEQUENTIAL`` runs over [0, 1] from grey to violet. Every colour keeps a contrast of at least 3
to 1 on both grounds (WCAG 2.2, 1.4.11), so that it serves as ink too.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

Stops = Sequence[tuple[float, str]]

DIVERGING: Stops = ((-1.0, "#d55e00"), (0.0, "#7d7d86"), (1.0, "#0f7fc4"))
SEQUENTIAL: Stops = ((0.0, "#8a8a92"), (0.5, "#8d6fc0"), (1.0, "#a03bd6"))
UNKNOWN = "#7d7d86"  # where there is no value; told from the middle of a scale by being drawn hollow, or dim
GROUNDS = ("#ffffff", "#16161a")  # of the pages, light and dark


def mix(stops: Stops, value: float) -> str:
    """The colour at ``value``, ``#rrggbb``; beyond the ends that of the end, ``UNKNOWN`` for NaN."""
    if value != value:
        return UNKNOWN
    if value <= stops[0][0]:
        return stops[0][1]
    for (low, first), (high, last) in pairwise(stops):
        if value <= high:
            share = (value - low) / (high - low)
            mixed = (int(a + share * (b - a) + 0.5) for a, b in zip(rgb(first), rgb(last), strict=True))
            return "#" + "".join(f"{channel:02x}" for channel in mixed)
    return stops[-1][1]


def rgb(colour: str) -> tuple[int, int, int]:
    """The channels of ``#rrggbb``, each in [0, 255]."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
