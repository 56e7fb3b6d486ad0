"""How the steps of word problems are written."""

from __future__ import annotations

from tasks.options import Option


class Style(Option):
    """What a step of a worked solution is with step_format=text; with code it is a comment and Python."""

    EQUATIONS = "equations"  # an equation, such as 12+5=17
    WORDED = "worded"  # the sentence, and its equation behind a colon
