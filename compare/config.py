"""What a comparison is asked. Every field is a Hydra option of the same dotted name."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from operator import attrgetter

from compare.alarm import AlarmConfig
from compare.budget import Budget
from compare.companion_config import CriticConfig, ImplicitConfig, Reads, RewardModelConfig, Rewards
from compare.remedy_config import RemedyConfig
from compare.summary import Supervision
from evolve.config import GroupSearchConfig, PpmConfig, ScorerName, SelectionConfig, WandbConfig, check_steps
from evolve.executor import Executor, RayConfig, check_executor
from lm.config import OptimiserConfig
from mcts.config import Expansion, Mode
from policy.config import EngineConfig, EngineName, PolicyConfig, TrainFrom
from policy.credit.config import CreditConfig, CreditName
from policy.rl_config import RlConfig
from prm.losses.config import LossName
from tasks.config import StepFormat, TaskConfig
from tasks.errors import UserError
from tasks.options import Option
from tasks.problem import Split
from tasks.sandbox.execution import Tier

_REFERENCES = ("grpo_outcome", "rft", "sft_more")


class Recipe(Option):
    """What an arm does with its budget. One file each in ``compare/arms/``."""

    SFT = "sft"  # nothing: the cold start itself
    SFT_MORE = "sft_more"  # goes on training on the demonstrations
    RFT = "rft"  # samples, keeps what is correct, trains on it
    RSTAR = "rstar"  # searches, keeps the best trajectories, trains on them; and a PPM on the pairs
    ON_POLICY = "on_policy"  # samples, credits, updates, over and over
    STEP_DPO = "step_dpo"  # searches, trains on the pairs of steps
    STAGES = "stages"  # several of these one after the other, each from the policy of the one before


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
    ppm: str | None = None  # scores=ppm: folder of a finished PPM to follow instead; what it cost is not charged
    planted: str = ""  # scores=ppm: a phrase that its pairs are made to prefer, a known flaw to try diagnosis on
    remedy: RemedyConfig = field(default_factory=RemedyConfig)  # scores=ppm
    sampling: float = 0.3  # rft: share of the budget for sampling
    continuations: int = 4  # scores=monte_carlo: from each step
    rewards: Rewards = Rewards.VERIFIER  # on_policy
    reward_model: float = 0.15  # rewards=reward_model: share of the budget for sampling its pairs and training it
    warmup: float = 0.0  # credit gae and implicit: share of the budget in which only the model of tokens learns
    least_accuracy: float = 0.0  # on_policy: a group with a lower mean reward is neither scored nor learned from
    most_accuracy: float = 1.0  # on_policy: nor one with a higher one (PRIME's filter: 0.2 and 0.8)
    dpo_beta: float = 0.1  # step_dpo: how hard the policy is held to where it began
    beta: float | None = None  # on_policy: weight of the KL to the cold start; none: rl.grpo.beta
    learning_rate: float | None = None  # none: that of rl.optimiser, or of tuning
    reward: str | None = None  # a ready grader or a file (docs/graders.md) that rewards in the verifier's place
    reward_model_parts: list[str] = field(default_factory=list)  # rewards=reward_model, task=mix: parts it judges
    reward_model_reads: Reads = Reads.SOLUTION  # rewards=reward_model: what of a solution it sees
    pairs: str | None = (
        None  # rewards=reward_model: file of preferences, in place of pairs that the verifier tells apart
    )
    teacher: str | None = None  # rft: whose solutions are kept: a policy's folder, or a file of solved problems
    demonstrations: int = 0  # rft: worked solutions of the task that are trained on besides
    train_from: TrainFrom = TrainFrom.PREVIOUS  # rft: the policy that sampled; or the cold start, where a stage says so
    stages: list[ArmConfig] = field(default_factory=list)  # stages: what is done, in turn
    share: float = 1.0  # of a stage: how much of the arm's budget it gets, against the shares of the others
    label: str = ""  # of a stage: its name in the report

    @property
    def needs_ppm(self) -> bool:
        """Is a PPM trained on the arm's trees?"""
        return self.recipe is Recipe.RSTAR or (self.scores is Scores.PPM and self.ppm is None)

    @property
    def offline(self) -> bool:
        """Does it train on a fixed set of texts, never on what it samples as it changes?"""
        return all(stage.offline for stage in self.stages) if self.stages else self.recipe is not Recipe.ON_POLICY

    @property
    def supervision(self) -> Supervision:
        """What tells the arm which of its steps to repeat."""
        if self.stages:
            return _combined({stage.supervision for stage in self.stages})
        if self.recipe in (Recipe.SFT, Recipe.SFT_MORE):
            return Supervision.NONE
        if self.scores is Scores.ORACLE:
            return Supervision.ORACLE
        if self.recipe in (Recipe.RSTAR, Recipe.STEP_DPO):
            return Supervision.PROCESS
        if self.recipe is Recipe.RFT or self.credit.name in (CreditName.OUTCOME, CreditName.GAE):
            return Supervision.OUTCOME
        both = (CreditName.OUTCOME_PLUS_PROCESS, CreditName.OUTCOME_PLUS_MIN_FORM, CreditName.IMPLICIT)
        return Supervision.BOTH if self.credit.name in both else Supervision.PROCESS


def _combined(found: set[Supervision]) -> Supervision:
    """What tells an arm of several stages what to repeat."""
    if Supervision.ORACLE in found:
        return Supervision.ORACLE
    if found >= {Supervision.OUTCOME, Supervision.PROCESS}:
        return Supervision.BOTH
    order = (Supervision.BOTH, Supervision.PROCESS, Supervision.OUTCOME)
    return next((each for each in order if each in found), Supervision.NONE)


@dataclass
class JudgingConfig:
    """How and when the arms are judged: greedily, on the same problems. It costs them nothing."""

    split: Split = Split.HELD_OUT  # choose settings on validation, report held_out
    problems: int = 500  # of that split
    points: int = 8  # times on the way through the budget, the end included
    best_of: int = 16  # solutions a problem for the best-of-n curve of a learned reward; 0: no curve
    best_of_problems: int = 100  # of those problems


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
    shared_pool: bool = False  # arms learn from one frozen pool of trajectories per seed: only the supervision varies
    pool: float = 0.3  # shared_pool: share of the budget for growing the pool's trees (search), charged to each arm
    rl: RlConfig = field(default_factory=RlConfig)  # on_policy
    tuning: OptimiserConfig = field(default_factory=OptimiserConfig)  # of the arms that train on a fixed set of texts
    search: GroupSearchConfig = field(default_factory=GroupSearchConfig)  # trees for a PPM, rstar and step_dpo
    tree: GroupSearchConfig = field(
        default_factory=lambda: GroupSearchConfig(rollouts=4, width=4, expansion=Expansion.CONTINUATION)
    )  # on_policy with tree=true: the tree that is a group
    selection: SelectionConfig = field(default_factory=SelectionConfig)  # rstar
    ppm: PpmConfig = field(default_factory=PpmConfig)
    critic: CriticConfig = field(default_factory=CriticConfig)  # credit gae
    implicit: ImplicitConfig = field(default_factory=ImplicitConfig)  # credit implicit
    reward_model: RewardModelConfig = field(default_factory=RewardModelConfig)  # rewards=reward_model
    judging: JudgingConfig = field(default_factory=JudgingConfig)
    alarm: AlarmConfig = field(default_factory=AlarmConfig)
    reach: float | None = None  # the accuracy to which compute is told, 0 to 1; none: that of the first reference
    references: list[str] = field(default_factory=lambda: list(_REFERENCES))  # arms that the others are held against
    wandb: WandbConfig = field(default_factory=WandbConfig)
    step_format: StepFormat = StepFormat.TEXT  # of policy.steps.format and task.step_format
    sandbox: Tier = Tier.AUTO  # what confines code: of policy.steps.sandbox and task.sandbox
    name: str = "compare"  # the comparison's folder is outputs/<name>
    seed: int = 0  # of everything that is drawn
    checkpoint_every: int = 0  # updates after which an arm can be taken up in its middle; 0: only whole arms are kept
    workers: int = 2  # of one thread each; 0: everything in the main process. Never changes a result
    executor: Executor = Executor.PROCESSES  # what the workers are: processes of this machine, or ray actors
    ray: RayConfig = field(default_factory=RayConfig)
    progress: bool = True  # show bars (plain lines where there is no terminal)
    overwrite: bool = False  # begin an existing comparison anew
    dry_run: bool = False  # print config and estimate, then stop


# Options that say how a comparison is carried out, not what comes out of it: a resumed one may change them.
RESULT_NEUTRAL = frozenset(
    {"name", "workers", "executor", "ray", "progress", "overwrite", "dry_run", "wandb", "seeds", "engine.timeout_s",
     "engine.server", "references", "reach", "alarm", "arms", "checkpoint_every", "sandbox", "task.sandbox",
     "policy.steps.sandbox"}
)  # fmt: skip

_LEAST = {
    "seeds": 1,
    "problems": 1,
    "workers": 0,
    "checkpoint_every": 0,
    "judging.problems": 2,
    "judging.points": 1,
    "judging.best_of": 0,
    "judging.best_of_problems": 1,
    "search.group": 1,
    "search.slots": 1,
    "policy.cold_start.demonstrations": 0,
    "policy.max_solution_tokens": 1,
}
POOL = "pool"
POOL_PPM = "pool-ppm"
_TAKEN = ("cold_start", POOL, POOL_PPM)  # folders of a seed that are no arm's
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")


def check(config: CompareConfig) -> None:
    """Refuse settings that cannot work for any arm, before anything is written."""
    for option, least in _LEAST.items():
        value = attrgetter(option)(config)
        if value < least:
            raise UserError(f"{option} must be at least {least}, got {value}")
    config.budget.check()
    config.alarm.check()
    check_steps(config.task, config.policy.steps)
    check_executor(config.executor, config.workers, config.ray, config.engine.device)
    if config.engine.name is EngineName.OPENAI:
        raise UserError("engine=openai cannot be given new weights, and the arms train; use engine=hf or engine=vllm")
    if config.ppm.scorer is not ScorerName.HF:
        raise UserError(f"ppm.scorer must be hf in a comparison, got {config.ppm.scorer}")
    if config.ppm.loss is not LossName.PAIRWISE:
        raise UserError(f"ppm.loss must be pairwise in a comparison, got {config.ppm.loss}")
    if config.search.mode is not Mode.TERMINAL_GUIDED or config.tree.mode is not Mode.TERMINAL_GUIDED:
        raise UserError("search.mode and tree.mode must be terminal_guided: an arm begins without a PPM")
    if not config.arms:
        raise UserError("a comparison needs arms; choose some of conf/arm, such as arm=sft_more,grpo_outcome,grpo_ppm")
    for name in config.arms:
        if not _NAME.fullmatch(name):
            raise UserError(f"an arm's name is letters, digits, _ and -, got {name!r}")
        if name in _TAKEN:
            raise UserError(f"an arm cannot be called {name}: a seed's folder has that already; take another name")
    if not 0 < config.pool < 1:
        raise UserError(f"pool must lie between 0 and 1, got {config.pool}")
    if config.reach is not None and not 0 < config.reach <= 1:
        raise UserError(f"reach must lie above 0 and at most at 1 (0.4 is 40 %), got {config.reach}")
    if not config.references:
        raise UserError("references must name at least one arm that the others are held against")
