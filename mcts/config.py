"""What can be chosen about a search. Sampling (temperature, step length) belongs to the proposer."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tasks.errors import UserError
from tasks.options import Option


class Mode(Option):
    """Where values come from."""

    TERMINAL_GUIDED = "terminal_guided"  # the verifier alone (rStar-Math rounds 1-2)
    PPM_AUGMENTED = "ppm_augmented"  # a PPM score as each new node's pseudo-visit, and the verifier (rounds 3-4)
    INFERENCE = "inference"  # PPM scores alone; a search in this mode is given no verifier


class Rule(Option):
    """How a child is chosen; see mcts/rules.py."""

    UCT = "uct"
    PUCT = "puct"
    RSTAR_RELEASED = "rstar_released"


class Simulation(Option):
    """What a rollout does after it has expanded a node and none of the new children ends a path.

    (Children that do end one are valued at once, and the rollout is over.)
    """

    NONE = "none"  # the expanded node's own score is backed up; without one, nothing is
    STEPS = "steps"  # a few more steps from one child, outside the tree: the verdict if they end, else a score
    END = "end"  # the rest of the solution from one child, outside the tree: the verdict
    TREE = "tree"  # keep selecting and expanding until a path ends: every rollout brings a value (rStar-Math's paper)


class Backup(Option):
    """How values below a node become its Q. ReST-MCTS*'s visit-weighted mean of the children is ``mean``."""

    MEAN = "mean"
    MAX = "max"


class Expansion(Option):
    """What an expansion asks the policy for. Either way its candidates' steps become nodes, duplicates merged."""

    STEP = "step"  # the next step; the rest of the path is for later expansions (rStar-Math)
    CONTINUATION = "continuation"  # the whole rest of the solution, whose end is valued at once (as in TreeRL)


class Driver(Option):
    """How the models' answers come back to the searches. See "Streaming" in docs/concepts.md."""

    LOCKSTEP = "lockstep"  # one batch a wave, all answered together: for engines that pad their batches
    STREAMING = "streaming"  # each the moment it is there: for engines that requests enter and leave at any time


@dataclass
class SearchConfig:
    """The search of one problem. Values live in [-1, 1]: a verdict's reward r counts as 2 r - 1."""

    mode: Mode = Mode.TERMINAL_GUIDED
    rule: Rule = Rule.UCT
    c: float = 2.0  # weight of exploration (rStar-Math: 2)
    first_play: float | None = (
        None  # the Q that an unvisited child plays with; null: it is tried before any visited one
    )
    rollouts: int = 16  # walks from the root, each of which learns at least one value
    in_flight: int = 1  # rollouts of a tree under way at once, kept apart by virtual loss; 1: no driver can change it
    expansion: Expansion = Expansion.STEP
    width: int = 8  # candidates sampled per expansion
    max_depth: int = 16  # steps; a node this deep without a final answer is a dead end
    simulation: Simulation = Simulation.TREE
    simulation_steps: int = 1  # how many, for simulation=steps
    backup: Backup = Backup.MEAN
    discount: float = 1.0  # a value shrinks by this factor per edge on its way up
    merge_duplicates: bool = True  # candidates with the same text become one child; its prior is their share
    dead_end_value: float = -1.0  # of a node without a valid continuation, or too deep
    driver: Driver = Driver.LOCKSTEP

    def __post_init__(self) -> None:
        for name in ("rollouts", "in_flight", "width", "max_depth", "simulation_steps"):
            if not 1 <= getattr(self, name) <= 65535:
                raise UserError(f"search.{name} must lie between 1 and 65535, got {getattr(self, name)}")
        if not (math.isfinite(self.c) and self.c >= 0):
            raise UserError(f"search.c must be a finite number of at least 0, got {self.c}")
        if not 0 < self.discount <= 1:
            raise UserError(f"search.discount must lie in (0, 1], got {self.discount}")
        if not -1 <= self.dead_end_value <= 1:
            raise UserError(f"search.dead_end_value must lie in [-1, 1], got {self.dead_end_value}")
        if self.first_play is not None and not math.isfinite(self.first_play):
            raise UserError(f"search.first_play must be null or a finite number, got {self.first_play}")
