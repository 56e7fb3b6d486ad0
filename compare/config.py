"""What a comparison is asked. Every field is a Hydra option of the same dotted name."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from operator import attrgetter

from compare.alarm import AlarmConfig
from compare.budget import Budget
from compare.summary import Supervision
from evolve.config import GroupSearchConfig, PpmConfig, SelectionConfig, WandbConfig
from evolve.executor import Executor, RayConfig, check_executor
from lm.config import OptimiserConfig
from mcts.config import Expansion, Mode
from policy.config import EngineConfig, EngineName, PolicyConfig
from policy.credit.config import CreditConfig, CreditName
from policy.credit.registry import needs
from policy.rl_config import RlConfig
from tasks.config import TaskConfig
from tasks.errors import UserError
from tasks.options import Option
from tasks.problem import Split, Task


class Recipe(Option):
    """What an arm does with its budget. One file each in ``compare/arms/``."""

    SFT = "sft"  # nothing: the cold start itself
    SFT_MORE = "sft_more"  # goes on training on the demonstrations
    RFT = "rft"  # samples, keeps what is correct, trains on it
    RSTAR = "rstar"  # searches, keeps the best trajectories, trains on them; and a PPM on the pairs
    ON_POLICY = "on_policy"  # samples, credits, updates, over and over
    STEP_DPO = "step_dpo"  # searches, trains on the pairs of steps


class Scores(Option):
    """Who values the steps, where the credit wants them valued."""

    NONE = "none"
    PPM = "ppm"  # a process model trained on the arm's own trees
    MONTE_CARLO = "monte_carlo"  # the share of correct continuations from after the step
    ORACLE = "oracle"  # the task's true labels: an upper bound, not a method
    TREE = "tree"  # the Q of the tree that the step was sampled in


@dataclass
class ArmConfig:
    """One arm: a delta on what all arms share."""

    recipe: Recipe = Recipe.ON_POLICY
    credit: CreditConfig = field(default_factory=CreditConfig)  # on_policy
    scores: Scores = Scores.NONE  # on_policy
    tree: bool = False  # on_policy: a group is one search tree's leaves, not independent samples
    trees: float = 0.0  # share of the budget for growing trees before training; more than 0 makes them
    sampling: float = 0.3  # rft: share of the budget for sampling
    continuations: int = 4  # scores=monte_carlo: from each step
    dpo_beta: float = 0.1  # step_dpo: how hard the policy is held to where it began
    beta: float | None = None  # on_policy: weight of the KL to the cold start; none: rl.grpo.beta
    learning_rate: float | None = None  # none: that of rl.optimiser, or of tuning

    @property
    def needs_ppm(self) -> bool:
        """Is a PPM trained on the arm's trees?"""
        return self.recipe is Recipe.RSTAR or self.scores is Scores.PPM

    @property
    def supervision(self) -> Supervision:
        """What tells the arm which of its steps to repeat."""
        if self.recipe in (Recipe.SFT, Recipe.SFT_MORE):
            return Supervision.NONE
        if self.scores is Scores.ORACLE:
            return Supervision.ORACLE
        if self.recipe in (Recipe.RSTAR, Recipe.STEP_DPO):
            return Supervision.PROCESS
        if self.recipe is Recipe.RFT or self.credit.name in (CreditName.OUTCOME, CreditName.GAE):
            return Supervision.OUTCOME
        both = (CreditName.OUTCOME_PLUS_PROCESS, CreditName.IMPLICIT)
        return Supervision.BOTH if self.credit.name in both else Supervision.PROCESS


@dataclass
class JudgingConfig:
    """How and when the arms are judged: greedily, on the same problems. It costs them nothing."""

    split: Split = Split.HELD_OUT  # choose settings on validation, report held_out
    problems: int = 500  # of that split
    points: int = 8  # times on the way through the budget, the end included


@dataclass
class CompareConfig:
    """A comparison: the same cold start, problems and budget for every arm, over several seeds."""

    task: TaskConfig
    policy: PolicyConfig = field(default_factory=PolicyConfig)
    engine: EngineConfig = field(default_factory=EngineConfig)
    arms: dict[str, ArmConfig] = field(default_factory=dict)  # arm=NAME,NAME,... chooses among conf/arm
    budget: Budget = field(default_factory=Budget)
    seeds: int = 5  # of each arm; seed s goes on from cold start s
    problems: int = 4000  # training problems that the arms draw from
    rl: RlConfig = field(default_factory=RlConfig)  # on_policy
    tuning: OptimiserConfig = field(default_factory=OptimiserConfig)  # of the arms that train on a fixed set of texts
    search: GroupSearchConfig = field(default_factory=GroupSearchConfig)  # trees for a PPM, rstar and step_dpo
    tree: GroupSearchConfig = field(
        default_factory=lambda: GroupSearchConfig(rollouts=4, width=4, expansion=Expansion.CONTINUATION)
    )  # on_policy with tree=true: the tree that is a group
    selection: SelectionConfig = field(default_factory=SelectionConfig)  # rstar
    ppm: PpmConfig = field(default_factory=PpmConfig)
    judging: JudgingConfig = field(default_factory=JudgingConfig)
    alarm: AlarmConfig = field(default_factory=AlarmConfig)
    references: list[str] = field(default_factory=lambda: ["grpo_outcome", "sft_more"])  # arms others are held against
    wandb: WandbConfig = field(default_factory=WandbConfig)
    name: str = "compare"  # the comparison's folder is outputs/<name>
    seed: int = 0  # of everything that is drawn
    workers: int = 2  # of one thread each; 0: everything in the main process. Never changes a result
    executor: Executor = Executor.PROCESSES  # what the workers are: processes of this machine, or ray actors
    ray: RayConfig = field(default_factory=RayConfig)
    progress: bool = True  # show bars (plain lines where there is no terminal)
    overwrite: bool = False  # begin an existing comparison anew


# Options that say how a comparison is carried out, not what comes out of it: a resumed one may change them.
RESULT_NEUTRAL = frozenset(
    {"name", "workers", "executor", "ray", "progress", "overwrite", "wandb", "seeds", "engine.timeout_s",
     "engine.server", "references", "alarm", "arms"}
)  # fmt: skip

_LEAST = {
    "seeds": 1,
    "problems": 1,
    "workers": 0,
    "judging.problems": 2,
    "judging.points": 1,
    "search.group": 1,
    "search.slots": 1,
    "policy.cold_start.demonstrations": 0,
    "policy.max_solution_tokens": 1,
}
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")


def check(config: CompareConfig) -> None:
    """Refuse settings that cannot work for any arm, before anything is written."""
    for option, least in _LEAST.items():
        value = attrgetter(option)(config)
        if value < least:
            raise UserError(f"{option} must be at least {least}, got {value}")
    config.budget.check()
    config.alarm.check()
    check_executor(config.executor, config.workers, config.ray, config.engine.device)
    if config.engine.name is EngineName.OPENAI:
        raise UserError("engine=openai cannot be given new weights, and the arms train; use engine=hf or engine=vllm")
    if config.search.mode is not Mode.TERMINAL_GUIDED or config.tree.mode is not Mode.TERMINAL_GUIDED:
        raise UserError("search.mode and tree.mode must be terminal_guided: an arm begins without a PPM")
    if not config.arms:
        raise UserError("a comparison needs arms; choose some of conf/arm, such as arm=sft_more,grpo_outcome,grpo_ppm")
    for name in config.arms:
        if not _NAME.fullmatch(name):
            raise UserError(f"an arm's name is letters, digits, _ and -, got {name!r}")


def check_arm(name: str, arm: ArmConfig, task: Task) -> None:
    """Refuse an arm that cannot work, or that needs what the task cannot give: the other arms go on without it."""
    wanted = needs(arm.credit) if arm.recipe is Recipe.ON_POLICY else ()
    from_trees = arm.needs_ppm or arm.recipe is Recipe.STEP_DPO
    rules = {
        f"arms.{name}.scores=oracle needs true step labels, and task {task.name} has no step oracle": (
            arm.scores is not Scores.ORACLE or task.oracle is not None
        ),
        f"arms.{name}.credit.name={arm.credit.name} needs step scores; set arms.{name}.scores": (
            "step_scores" not in wanted or arm.scores is not Scores.NONE
        ),
        f"arms.{name}: credit oracle and scores oracle go together": (
            (arm.credit.name is CreditName.ORACLE) <= (arm.scores is Scores.ORACLE)
        ),
        f"arms.{name}.credit.name={arm.credit.name} needs groups that are trees; set arms.{name}.tree=true": (
            "path" not in wanted or arm.tree
        ),
        f"arms.{name}.scores=tree needs groups that are trees; set arms.{name}.tree=true": (
            arm.scores is not Scores.TREE or arm.tree
        ),
        f"arms.{name}.credit.name={arm.credit.name} needs a model of tokens, which no arm has yet": (
            "token_scores" not in wanted
        ),
        f"arms.{name} learns from trees: arms.{name}.trees must lie between 0 and 1, got {arm.trees}": (
            not from_trees or 0 < arm.trees < 1
        ),
        f"arms.{name}.sampling must lie between 0 and 1, got {arm.sampling}": 0 < arm.sampling < 1,
        f"arms.{name}.continuations must be at least 1, got {arm.continuations}": arm.continuations >= 1,
    }
    for rule, holds in rules.items():
        if not holds:
            raise UserError(rule)
