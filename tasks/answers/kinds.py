"""What an answer can be."""

from __future__ import annotations

from tasks.options import Option


class AnswerType(Option):
    """How a task's answers are read and compared; docs/verifiers.md tells each with examples.

    The numeric kinds differ in what they admit, never in how equal numbers are written: ``0.5`` is ``1/2``.
    """

    NUMBER = "number"  # any exact number; a percentage equals a percentage only
    INTEGER = "integer"  # a whole number
    DECIMAL = "decimal"  # a number with finitely many decimals
    FRACTION = "fraction"  # any rational number that is no percentage
    PERCENTAGE = "percentage"  # a number of per cent; the sign may be missing
    LIST = "list"  # values in order
    SET = "set"  # values in any order, equal ones once
    INTERVAL = "interval"  # intervals and their unions
    BOOLEAN = "boolean"  # true or false, yes or no
    TEXT = "text"  # words; case and spaces do not count
    LATEX = "latex"  # mathematics as it is written in LaTeX: any of the above, expressions, equations, matrices
