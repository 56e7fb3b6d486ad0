"""Toy solutions for the tests of losses and of training: a step that ends in b is wrong, and all after it."""

from __future__ import annotations

import numpy as np

from tasks.readers.labelled import LabelledSolution


def toy(problems: int = 48, each: int = 5, seed: int = 0, scale: float = 1.0, neutral: bool = False):
    """Solutions of three steps; without an error up to a step its label is ``scale``, else minus that.

    ``neutral``: a step that ends in c, before any error, is 0.
    """
    rng = np.random.default_rng(seed)
    found = []
    for number in range(problems):
        for _ in range(each):
            ends = rng.choice(
                list("abc") if neutral else list("ab"), size=3, p=[0.5, 0.2, 0.3] if neutral else [0.7, 0.3]
            )
            steps = tuple(f"{rng.choice(list('xyz'))}{end}\n" for end in ends)
            wrong = ["b" in ends[: at + 1] for at in range(3)]
            labels = tuple(
                -scale if bad else 0.0 if end == "c" else scale for bad, end in zip(wrong, ends, strict=True)
            )
            meta = {"problem_id": f"p{number}", "method": "monte_carlo_soft", "reward": float(not wrong[-1])}
            found.append(LabelledSolution(f"{number} ", steps, labels, meta=meta))
    return found
