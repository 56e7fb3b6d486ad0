"""What ``scripts.prm_bench`` is asked. Free of torch: the main process has none."""

from __future__ import annotations

from dataclasses import dataclass, field

from evolve.config import EvolveConfig
from evolve.label_config import LabelMethod
from lm.config import OptimiserConfig
from mcts.votes import Aggregation
from prm.losses.config import LossName
from tasks.errors import UserError
from tasks.options import Option
from tasks.suites.chain import ChainConfig


class BenchLabels(Option):
    """Which labels the process models learn from. The first five are methods of ``scripts.label``."""

    MONTE_CARLO_HARD = "monte_carlo_hard"  # right if any of N continuations ends right
    MONTE_CARLO_SOFT = "monte_carlo_soft"  # 2p - 1, p the share of N continuations that ends right
    BINARY_SEARCH = "binary_search"  # the first error by binary search over the prefixes
    TREE_Q = "tree_q"  # the Q of the step's node
    WEIGHTED_VALUE = "weighted_value"  # how far on the way to a right end the step leads
    AGREEMENT = "agreement"  # only where monte_carlo_hard and the tree name the same first error
    OUTCOME = "outcome"  # the verdict on the whole solution, no step's label


SAMPLING = (BenchLabels.MONTE_CARLO_HARD, BenchLabels.MONTE_CARLO_SOFT, BenchLabels.BINARY_SEARCH)
"""Labels that cost continuations, and so are made within ``budget``."""
DEGREES = (BenchLabels.MONTE_CARLO_SOFT, BenchLabels.TREE_Q, BenchLabels.WEIGHTED_VALUE)
"""Labels between 1 and -1."""
OUTCOME_LOSSES = (LossName.OUTCOME_BCE, LossName.OUTCOME_RANKING, LossName.IMPLICIT)
"""Losses that read no label of a step: they are trained once, on the verdicts."""


def _chains() -> EvolveConfig:
    return EvolveConfig(task=ChainConfig())


@dataclass
class BenchConfig:
    """Which labels, losses and sizes; ``lab`` is the run whose trees are labelled, unless ``run`` names one."""

    name: str = "prm_bench"  # the bench's folder is outputs/<name>
    run: str | None = None  # a finished run with held-out trees, whose trees are labelled; none: lab is run first
    round: int | None = None  # whose trees, and whose policy continues and searches; none: the last finished round
    lab: EvolveConfig = field(default_factory=_chains)  # options of scripts.evolve
    labels: list[BenchLabels] = field(default_factory=lambda: list(BenchLabels))
    losses: list[LossName] = field(
        default_factory=lambda: [
            LossName.SOFT_BCE,
            LossName.MSE,
            LossName.CROSS_ENTROPY,
            LossName.Q_RANKING,
            LossName.PAIRWISE,
            *OUTCOME_LOSSES,
        ]
    )
    seeds: int = 1  # process models trained of each labels and loss
    problems: int = 1500  # training problems at most whose solutions are labelled
    per_problem: int = 4  # solutions of each at most
    continuations: int = 8  # N of the sampled labels
    budget: int = 300_000  # tokens that a sampled method may generate for its training labels
    pilot: int = 40  # problems whose labels tell what a problem costs
    held_out_problems: int = 200  # of the run's held-out trees: what everything is judged on
    held_out_per_problem: int = 6  # solutions of each at most
    value_problems: int = 40  # the first of them, whose prefixes get a value by brute force
    value_per_problem: int = 3  # solutions of each
    value_continuations: int = 256  # K of a value
    samples: int = 8  # solutions a held-out problem for best of N
    rollouts: list[int] = field(default_factory=lambda: [1, 2, 4, 8])  # budgets of the searches that a PRM guides
    votes: list[int] = field(default_factory=lambda: [1, 2, 4, 8, 16, 32])  # N of the majority vote and of pass@N
    choose_by: Aggregation = Aggregation.MIN  # how step scores become a solution's, in searches and best of N
    threshold: float = 0.0  # where labels that are degrees are cut for losses that take two classes
    optimiser: OptimiserConfig = field(default_factory=lambda: OptimiserConfig(batch_rows=32, micro_rows=32))
    threshold_share: float = 0.25  # of the held-out problems choose the threshold of F1, and are not judged by it
    resamples: int = 200  # draws for intervals
    seed: int = 0  # of the choice of solutions, the continuations, the samples and the searches
    workers: int = 2  # never changes a result
    progress: bool = True  # show bars (plain lines where there is no terminal)
    overwrite: bool = False  # begin an existing bench anew


RESULT_NEUTRAL = frozenset(
    {"name", "workers", "progress", "overwrite", "labels", "losses", "seeds", "lab.name", "lab.workers", "lab.wandb"}
    | {"lab.progress", "lab.overwrite", "lab.dry_run"}
)
"""Options that change no cell that is done already: labels, losses and seeds may be added."""

_UNFIT = {
    LossName.CROSS_ENTROPY_3: "wants steps that are neither right nor wrong, and no labels here have any",
    LossName.GENERATIVE: "learns from written verifications, and no labels here have any",
}
_AT_LEAST = {
    **dict.fromkeys(("seeds", "problems", "per_problem", "continuations", "budget", "pilot"), 1),
    **dict.fromkeys(("held_out_problems", "value_problems", "samples", "value_continuations"), 2),
    **dict.fromkeys(("held_out_per_problem", "value_per_problem"), 1),
    "resamples": 20,
}


def check(config: BenchConfig) -> None:
    """Refuse options that cannot work, before anything is written. UserError."""
    for name, least in _AT_LEAST.items():
        if getattr(config, name) < least:
            raise UserError(f"{name} must be at least {least}, got {getattr(config, name)}")
    for name in ("labels", "losses", "rollouts", "votes"):
        given = getattr(config, name)
        if not given or len(set(given)) < len(given):
            raise UserError(f"{name} must name at least one, and each once, got [{', '.join(map(str, given))}]")
    if BenchLabels.AGREEMENT in config.labels and BenchLabels.MONTE_CARLO_HARD not in config.labels:
        raise UserError("labels=agreement is made of monte_carlo_hard; add monte_carlo_hard to labels")
    if config.value_per_problem > config.held_out_per_problem:
        raise UserError(
            f"value_per_problem must be at most held_out_per_problem={config.held_out_per_problem}, for values are of "
            f"the solutions that are judged, got {config.value_per_problem}"
        )
    if config.value_problems > config.held_out_problems:
        raise UserError(
            f"value_problems must be at most held_out_problems={config.held_out_problems}, got {config.value_problems}"
        )
    if not 0 < config.threshold_share < 1:
        raise UserError(f"threshold_share must lie between 0 and 1, got {config.threshold_share}")
    for loss, why in _UNFIT.items():
        if loss in config.losses:
            raise UserError(f"losses: {loss} {why}; leave it out")


def method_of(labels: BenchLabels) -> LabelMethod:
    """The method of ``scripts.label`` that makes them, or that they are made from."""
    if labels is BenchLabels.AGREEMENT:
        return LabelMethod.MONTE_CARLO_HARD
    return LabelMethod.TREE_Q if labels is BenchLabels.OUTCOME else LabelMethod(str(labels))
