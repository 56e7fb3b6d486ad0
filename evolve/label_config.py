"""What ``scripts.label`` is asked. Free of torch: the main process has none."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from prm.labels.config import JudgeConfig
from tasks.errors import UserError
from tasks.options import Option


class LabelMethod(Option):
    """Where the labels of steps come from. See docs/prm.md."""

    MONTE_CARLO_HARD = "monte_carlo_hard"  # right if any of N continuations ends right (Math-Shepherd)
    MONTE_CARLO_SOFT = "monte_carlo_soft"  # 2p - 1, p the share of N continuations that ends right (Math-Shepherd)
    BINARY_SEARCH = "binary_search"  # the first error by binary search over the prefixes (OmegaPRM)
    TREE_Q = "tree_q"  # the Q of the step's node (rStar-Math)
    WEIGHTED_VALUE = "weighted_value"  # how far on the way to a right end the step leads (ReST-MCTS*)
    JUDGE = "judge"  # a language model, step by step
    CONSENSUS = "consensus"  # only where Monte-Carlo and the judge agree on the first error
    HUMAN = "human"  # the rows of a data set that people have labelled: data=FILE
    ORACLE = "oracle"  # the task's own knowledge: for measuring only


class SolutionSource(Option):
    """Which solutions are labelled."""

    TREES = "trees"  # paths of the round's search trees
    FRESH = "fresh"  # drawn anew from the round's policy


_ESTIMATES = (LabelMethod.MONTE_CARLO_HARD, LabelMethod.BINARY_SEARCH)
OF_TREES = (LabelMethod.TREE_Q, LabelMethod.WEIGHTED_VALUE)
"""The methods that read the tree of a solution."""
OF_POLICY = (*_ESTIMATES, LabelMethod.MONTE_CARLO_SOFT, LabelMethod.CONSENSUS)
"""The methods that sample the policy."""


@dataclass
class LabelConfig:
    """Which solutions get labels for their steps, and by what method."""

    run: str = "outputs/demo"  # a run folder, or its name
    round: int | None = None  # whose trees, and whose policy continues them; none: the last finished round
    method: LabelMethod = LabelMethod.MONTE_CARLO_SOFT
    solutions: SolutionSource = SolutionSource.TREES
    held_out: bool = False  # the trees, or problems, that the run holds out, instead of those it learns from
    problems: int = 100  # the first so many
    per_problem: int = 8  # solutions a problem at most: right and wrong ones in turn, as far as there are both
    continuations: int = 8  # N of Monte-Carlo, and the most a prefix of the binary search
    temperature: float = 1.0  # of continuations and fresh solutions
    estimate: LabelMethod = LabelMethod.MONTE_CARLO_HARD  # method=consensus: what the judge must agree with
    confirm: LabelMethod = LabelMethod.JUDGE  # method=consensus: who must agree: judge, or an estimate drawn anew
    judge: JudgeConfig = field(default_factory=JudgeConfig)
    data: str | None = None  # method=human: the file of labelled rows
    form: str = "prm800k"  # method=human: their format
    out: str = "labels.jsonl"  # the file to write
    overwrite: bool = False  # replace the file if it is there
    group: int = 10  # problems labelled together, in one batch
    seed: int = 0  # of what is drawn, and of which solutions are labelled
    draw: int = 0  # solutions=trees: another number draws other continuations of the same solutions
    workers: int = 2  # never changes a label
    progress: bool = True  # show a bar (plain lines where there is no terminal)


def check_label(config: LabelConfig) -> None:
    """Refuse options that cannot work. UserError."""
    for name in ("problems", "per_problem", "continuations", "group"):
        if getattr(config, name) < 1:
            raise UserError(f"{name} must be at least 1, got {getattr(config, name)}")
    if not 0 <= config.temperature < math.inf:  # also refuses NaN
        raise UserError(f"temperature must be a number of at least 0, got {config.temperature}")
    if config.method is LabelMethod.HUMAN and config.data is None:
        raise UserError("method=human reads labelled rows from a file; name it with data=FILE")
    if config.method in OF_TREES and config.solutions is not SolutionSource.TREES:
        raise UserError(f"method={config.method} reads the trees of a run; use solutions=trees, not {config.solutions}")
    if config.method is LabelMethod.CONSENSUS and config.estimate not in _ESTIMATES:
        raise UserError(f"estimate must be {' or '.join(_ESTIMATES)}, which give first errors, got {config.estimate}")
    if config.method is LabelMethod.CONSENSUS and config.confirm not in (LabelMethod.JUDGE, *_ESTIMATES):
        raise UserError(f"confirm must be judge, {' or '.join(_ESTIMATES)}, got {config.confirm}")
