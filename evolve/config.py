"""What a self-evolution run is asked. Every field is a Hydra option of the same dotted name."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from lm.config import OptimiserConfig
from mcts.config import Mode, SearchConfig
from policy.config import EngineConfig, PolicyConfig
from prm.pairs import PairConfig
from tasks.config import TaskConfig
from tasks.errors import UserError
from tasks.options import Option
from tasks.problem import Split


class ProblemChoice(Option):
    """Which training problems a round searches: the ``same`` every round, or ``fresh`` ones."""

    SAME = "same"
    FRESH = "fresh"


@dataclass
class SearchStageConfig(SearchConfig):
    """How the trees of a round are grown: the search of one problem, and over which problems it runs."""

    temperature: float = 1.0
    top_p: float = 1.0
    problems: int = 1000  # training problems searched in a round
    choice: ProblemChoice = ProblemChoice.SAME
    escalation: list[int] = field(
        default_factory=list
    )  # each entry: one more tree for still unsolved problems, so many
    # rollouts
    group: int = 125  # problems searched together, and redone together after a crash
    slots: int = 64  # searches of a group under way at once
    held_out: int = 100  # validation problems searched as well, for pairs that the PPM is judged on


@dataclass
class RoundConfig:
    """What a round does differently from ``search``. Rounds past the end of the schedule repeat its last entry."""

    mode: Mode | None = None
    rollouts: int | None = None
    width: int | None = None
    temperature: float | None = None
    problems: int | None = None
    escalation: list[int] | None = None


@dataclass
class SelectionConfig:
    """Which trajectories the policy is trained on: per problem the ``top`` correct ones by mean Q (rStar-Math)."""

    top: int = 2
    min_q: float = -1.0  # a trajectory with a step below this Q is not taken
    quarantine: float = 0.9  # an unsolved problem is suspect when this share of its level is solved


@dataclass
class PpmConfig:
    """The process preference model: its pairs and its training."""

    pairs: PairConfig = field(default_factory=PairConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)


@dataclass
class EvaluationConfig:
    """How a policy is judged after each round, on problems that nothing was trained or chosen on."""

    split: Split = Split.HELD_OUT
    problems: int = 300
    samples: int = 8  # solutions a problem for the mean and the majority
    temperature: float = 1.0
    group: int = 75  # problems judged together
    search: SearchConfig = field(default_factory=lambda: SearchConfig(mode=Mode.INFERENCE, rollouts=8, width=4))


class WandbMode(Option):
    """Where Weights & Biases keeps the run: nowhere, in the run folder, or on its server."""

    DISABLED = "disabled"
    OFFLINE = "offline"
    ONLINE = "online"


@dataclass
class WandbConfig:
    """Logging to Weights & Biases besides metrics.jsonl, which is always written."""

    mode: WandbMode = WandbMode.OFFLINE
    project: str = "treeward"


@dataclass
class EvolveConfig:
    """A run of self-evolution: cold start, then rounds of search, selection, training and evaluation."""

    task: TaskConfig
    policy: PolicyConfig = field(default_factory=PolicyConfig)
    engine: EngineConfig = field(default_factory=EngineConfig)
    search: SearchStageConfig = field(default_factory=SearchStageConfig)
    schedule: list[RoundConfig] = field(default_factory=list)
    selection: SelectionConfig = field(default_factory=SelectionConfig)
    ppm: PpmConfig = field(default_factory=PpmConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    wandb: WandbConfig = field(default_factory=WandbConfig)
    name: str = "mine"  # the run's folder is outputs/<name>
    seed: int = 0
    rounds: int = 3
    workers: int = 2  # processes of one thread each; 0: everything in the main process. Never changes a result
    progress: bool = True
    overwrite: bool = False
    dry_run: bool = False


# Options that say how a run is carried out, not what comes out of it: a resumed run may change them.
RESULT_NEUTRAL = frozenset({"name", "workers", "progress", "overwrite", "dry_run", "wandb", "rounds"})


def round_search(config: EvolveConfig, round_number: int) -> SearchStageConfig:
    """The search settings of a round (1-based) with the schedule applied."""
    if not config.schedule:
        return config.search
    entry = config.schedule[min(round_number, len(config.schedule)) - 1]
    changes = {name: value for name, value in vars(entry).items() if value is not None}
    return replace(config.search, **changes)


def check(config: EvolveConfig) -> None:
    """Refuse settings that cannot work, before anything is written."""
    rules = {
        "rounds": config.rounds >= 0,
        "search.problems": config.search.problems >= 1,
        "search.group": config.search.group >= 1,
        "search.slots": config.search.slots >= 1,
        "evaluation.problems": config.evaluation.problems >= 1,
        "evaluation.samples": config.evaluation.samples >= 1,
        "selection.top": config.selection.top >= 1,
        "policy.tiny.size": config.policy.tiny.size >= 32 and config.policy.tiny.size % 32 == 0,
    }
    for option, holds in rules.items():
        if not holds:
            raise UserError(f"{option} is out of range; see docs/config.md for what it may be")
    first = round_search(config, 1).mode
    if config.rounds and first is Mode.PPM_AUGMENTED:
        raise UserError("schedule: round 1 cannot be ppm_augmented, for no PPM exists yet; use terminal_guided")
    if any(round_search(config, number).mode is Mode.INFERENCE for number in range(1, config.rounds + 1)):
        raise UserError("search.mode=inference sees no verdicts and so teaches nothing; use it in evaluation.search")
