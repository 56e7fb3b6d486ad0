"""What a self-evolution run is asked. Every field is a Hydra option of the same dotted name."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from operator import attrgetter

from evolve.executor import Executor, RayConfig, check_executor
from evolve.label_config import OF_TREES, LabelMethod
from lm.config import OptimiserConfig
from lm.vllm_version import installed_vllm, refuse_vllm
from mcts.config import Mode, SearchConfig
from mcts.votes import Aggregation
from policy.completions_client import checked_url
from policy.config import DpoConfig, EngineConfig, EngineName, PolicyConfig, StepFormatConfig
from prm.losses.config import LossName
from prm.pairs import PairConfig
from tasks.config import StepFormat, TaskConfig
from tasks.errors import UserError
from tasks.options import Option
from tasks.problem import Split
from tasks.sandbox.execution import Tier


class ProblemChoice(Option):
    """Which training problems a round searches. See "Problem supply" in docs/concepts.md."""

    SAME = "same"  # the first ones, every round
    FRESH = "fresh"  # those after the rounds' before
    CURRICULUM = "curriculum"  # of both, drawn by how often the last trees solved them


@dataclass
class GroupSearchConfig(SearchConfig):
    """How the trees of a group of problems are grown."""

    temperature: float = 1.0  # of the candidates
    top_p: float = 1.0  # candidates come from the smallest set of tokens with this mass
    group: int = 125  # problems searched together, and redone together after a crash
    slots: int = 64  # searches of a group under way at once


@dataclass
class SearchStageConfig(GroupSearchConfig):
    """How the trees of a round are grown: the search of one problem, and over which problems it runs."""

    problems: int = 1000  # training problems searched in a round
    choice: ProblemChoice = ProblemChoice.SAME  # the same problems every round, fresh ones, or drawn by success
    floor: float = 0.05  # choice=curriculum: weight of a problem of which nothing, or nothing good, is known; to 0.25
    varied: float = 0.0  # share of a round's problems that are variations of solved ones (from the second round on)
    # Rollouts of one more tree for each problem still unsolved, one entry per tree.
    escalation: list[int] = field(default_factory=list)
    held_out: int = 100  # problems of evaluation.split searched as well, for pairs that the PPM is judged on


@dataclass
class RoundConfig:
    """What a round does differently from ``search``. Rounds past the end of the schedule repeat its last entry."""

    mode: Mode | None = None
    rollouts: int | None = None  # of one search
    width: int | None = None  # candidates per expansion
    temperature: float | None = None  # of the candidates
    problems: int | None = None  # training problems searched in the round
    choice: ProblemChoice | None = None  # the same problems as in the rounds before, fresh ones, or drawn by success
    varied: float | None = None  # share of the round's problems that are variations of solved ones
    escalation: list[int] | None = None  # rollouts of one more tree for each problem still unsolved, one entry per tree


class SelectBy(Option):
    """Which of a problem's trajectories come first. Two with the same text count once."""

    MEAN_Q = "mean_q"  # the correct ones by mean Q of their steps, ties by min Q (rStar-Math)
    REJECTION = "rejection"  # the correct ones, in an order drawn by lot (rejection sampling)
    RANDOM = "random"  # all that ended, right or wrong, in an order drawn by lot


@dataclass
class SelectionConfig:
    """Which trajectories the policy is trained on: per problem the ``top`` correct ones by mean Q (rStar-Math)."""

    by: SelectBy = SelectBy.MEAN_Q
    top: int = 2  # trajectories per problem
    min_q: float = -1.0  # a trajectory with a step below this Q is not taken
    quarantine: float = 0.9  # an unsolved problem is suspect when this share of its level is solved


class PpmStart(Option):
    """What a round's PPM starts from: the policy that grew the trees (rStar-Math), or the last round's PPM."""

    POLICY = "policy"
    PREVIOUS = "previous"


class ScorerName(Option):
    """What computes the PPM's scores in searches. See docs/engines.md."""

    HF = "hf"  # transformers in the worker process, shared prefixes computed once
    VLLM = "vllm"  # vLLM's pooling runner, in a process of its own beside each worker


@dataclass
class PpmConfig:
    """The process preference model: its pairs, its training, and what computes its scores."""

    loss: LossName = LossName.PAIRWISE  # pairwise: pairs chosen on the trees; others: labels of their solutions
    labels: LabelMethod = LabelMethod.TREE_Q  # tree_q or weighted_value: the labels, for a loss other than pairwise
    per_problem: int = 8  # solutions of a problem that are labelled, right and wrong in turn
    scorer: ScorerName = ScorerName.HF  # hf or vllm; the values agree to 1e-5
    start: PpmStart = PpmStart.POLICY  # the policy that grew the trees, or the last round's PPM
    pairs: PairConfig = field(default_factory=PairConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)


@dataclass
class EvaluationConfig:
    """How a policy is judged after each round, on problems that nothing was trained or chosen on."""

    split: Split = Split.HELD_OUT  # choose settings on validation, report held_out
    problems: int = 300  # of that split
    samples: int = 8  # solutions a problem for the mean and the majority
    temperature: float = 1.0  # of the samples, and of the candidates of the search
    group: int = 75  # problems judged together
    choose_by: Aggregation = Aggregation.LAST  # which of the solutions that a search found is its answer
    search: SearchConfig = field(default_factory=lambda: SearchConfig(mode=Mode.INFERENCE, rollouts=8, width=4))


class PolicyUpdate(Option):
    """What a round's policy learns from the trees."""

    SFT = "sft"  # the chosen trajectories, by fine-tuning (rStar-Math)
    DPO = "dpo"  # the preference pairs of steps, by DPO against the policy it starts from (MCTS-DPO)


@dataclass
class TeacherConfig:
    """Another policy that round 1 learns from. It must have the policy's tokenizer: ids are trained on as sampled."""

    policy: str | None = None  # folder of the policy that grows round 1's trees in the cold start's place
    round: str | None = None  # folder of a finished round of another run: its trees are taken, and nothing is searched
    ppm: bool = False  # with round: its PPM is taken too, and none trained


class WandbMode(Option):
    """Where Weights & Biases keeps the run: nowhere, in the run folder, or on its server."""

    DISABLED = "disabled"
    OFFLINE = "offline"
    ONLINE = "online"


@dataclass
class WandbConfig:
    """Logging to Weights & Biases besides metrics.jsonl, which is always written."""

    mode: WandbMode = WandbMode.OFFLINE  # disabled, offline (files in the run folder) or online
    project: str = "treeward"  # its name at Weights & Biases


@dataclass
class EvolveConfig:
    """A run of self-evolution: cold start, then rounds of search, selection, training and evaluation."""

    task: TaskConfig
    policy: PolicyConfig = field(default_factory=PolicyConfig)
    engine: EngineConfig = field(default_factory=EngineConfig)
    search: SearchStageConfig = field(default_factory=SearchStageConfig)
    schedule: list[RoundConfig] = field(default_factory=list)  # what each round does differently from search
    selection: SelectionConfig = field(default_factory=SelectionConfig)
    teacher: TeacherConfig = field(default_factory=TeacherConfig)
    policy_update: PolicyUpdate = PolicyUpdate.SFT
    dpo: DpoConfig = field(default_factory=DpoConfig)  # policy_update=dpo
    ppm: PpmConfig = field(default_factory=PpmConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    wandb: WandbConfig = field(default_factory=WandbConfig)
    step_format: StepFormat = StepFormat.TEXT  # of policy.steps.format and task.step_format
    sandbox: Tier = Tier.AUTO  # what confines code: of policy.steps.sandbox and task.sandbox
    name: str = "mine"  # the run's folder is outputs/<name>
    seed: int = 0  # of everything that is drawn
    rounds: int = 3  # of search and training after the cold start; a finished run can be given more
    workers: int = 2  # of one thread each; 0: everything in the main process. Never changes a result
    executor: Executor = Executor.PROCESSES  # what the workers are: processes of this machine, or ray actors
    ray: RayConfig = field(default_factory=RayConfig)
    progress: bool = True  # show bars (plain lines where there is no terminal)
    overwrite: bool = False  # begin an existing run anew
    dry_run: bool = False  # print config and estimate, then stop


# Options that say how a run is carried out, not what comes out of it: a resumed run may change them. Not among them is
# engine.cache_mb: what was dropped is computed again in other company, which moves log-probs in their last digits.
RESULT_NEUTRAL = frozenset(
    {
        "name",
        "workers",
        "executor",
        "ray",
        "progress",
        "overwrite",
        "dry_run",
        "wandb",
        "rounds",
        "engine.timeout_s",
        "engine.server",
        "sandbox",
        "task.sandbox",
        "policy.steps.sandbox",
    }
)


def round_search(config: EvolveConfig, round_number: int) -> SearchStageConfig:
    """The search settings of a round (1-based) with the schedule applied."""
    if not config.schedule:
        return config.search
    entry = config.schedule[min(round_number, len(config.schedule)) - 1]
    changes = {name: value for name, value in vars(entry).items() if value is not None}
    return replace(config.search, **changes)


# The smallest value of options whose classes do not check it themselves.
_LEAST = {
    "rounds": 0,
    "workers": 0,
    "search.problems": 1,
    "search.group": 1,
    "search.slots": 1,
    "search.held_out": 0,
    "search.temperature": 0,
    "evaluation.problems": 1,
    "evaluation.samples": 1,
    "evaluation.temperature": 0,
    "evaluation.group": 1,
    "selection.top": 1,
    "ppm.per_problem": 1,
    "engine.batch_rows": 1,
    "engine.cache_mb": 1,
    "engine.server.in_flight": 1,
    "engine.server.retries": 0,
    "policy.tiny.size": 32,
    "policy.tiny.context": 1,
    "policy.steps.max_step_tokens": 1,
    "policy.steps.max_failures": 1,
    "policy.steps.max_output": 1,
    "policy.max_solution_tokens": 1,
    "policy.cold_start.demonstrations": 0,
}
GUIDING = (
    LossName.PAIRWISE,
    LossName.MSE,
    LossName.SOFT_BCE,
    LossName.Q_RANKING,
    LossName.OUTCOME_BCE,
    LossName.OUTCOME_RANKING,
)
"""Losses whose model a search can be guided by: those with one score a step."""
_DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?")
_DTYPES = ("float32", "bfloat16", "float16")


def check(config: EvolveConfig) -> None:
    """Refuse settings that cannot work, before anything is written."""
    for option, least in _LEAST.items():
        value = attrgetter(option)(config)
        if not least <= value < math.inf:  # neither is true of NaN
            bound = "finite" if value == math.inf else f"at least {least}"
            raise UserError(f"{option} must be {bound}, got {value}")
    policy, engine = config.policy, config.engine
    check_steps(config.task, policy.steps)
    rules = {
        f"policy.tiny.size must be a multiple of 32, got {policy.tiny.size}": policy.tiny.size % 32 == 0,
        f"policy.prompt.template must hold {{prompt}}, got {policy.prompt.template!r}": (
            "{prompt}" in policy.prompt.template
        ),
        "policy.steps.delimiter must not be empty": policy.steps.delimiter != "",
        f"engine.device must be auto, cpu, cuda or cuda:N, got {engine.device}": _DEVICE.fullmatch(engine.device),
        f"engine.timeout_s must be a positive number of seconds, got {engine.timeout_s}": 0
        < engine.timeout_s
        < math.inf,
        f"engine.dtype must be one of {', '.join(_DTYPES)}, got {engine.dtype}": engine.dtype in _DTYPES,
        f"search.top_p must lie in (0, 1], got {config.search.top_p}": 0 < config.search.top_p <= 1,
        f"evaluation.search.mode must be inference, got {config.evaluation.search.mode}": (
            config.evaluation.search.mode is Mode.INFERENCE
        ),
        "ppm.pairs.same_prefix and ppm.pairs.final_step are both false, so there would be no pairs": (
            config.ppm.pairs.same_prefix or config.ppm.pairs.final_step
        ),
        f"ppm.loss must be one of {', '.join(GUIDING)}, got {config.ppm.loss}": config.ppm.loss in GUIDING,
        f"ppm.labels must be {' or '.join(OF_TREES)}, got {config.ppm.labels}": config.ppm.labels in OF_TREES,
        f"search.floor must lie above 0 and be at most 0.25, got {config.search.floor}": 0
        < config.search.floor
        <= 0.25,
        "teacher.policy and teacher.round are both set; set one of them": (
            config.teacher.policy is None or config.teacher.round is None
        ),
        "teacher.ppm=true takes the PPM of teacher.round, which is not set": (
            config.teacher.round is not None or not config.teacher.ppm
        ),
    }
    for rule, holds in rules.items():
        if not holds:
            raise UserError(rule)
    if engine.name is EngineName.OPENAI:
        checked_url(engine.server.base_url)
    for option, is_vllm in {
        "engine": engine.name is EngineName.VLLM,
        "ppm.scorer": config.ppm.scorer is ScorerName.VLLM,
    }.items():
        if is_vllm:
            refuse_vllm(installed_vllm(), option)
    check_executor(config.executor, config.workers, config.ray, engine.device)
    for number in range(1, config.rounds + 1):
        _check_round(number, round_search(config, number))


def check_steps(task: TaskConfig, steps: StepFormatConfig) -> None:
    """Refuse a policy and a task that do not agree what a step is (a suite that has no code refuses it itself)."""
    if task.step_format is not steps.format:
        raise UserError(
            f"policy.steps.format={steps.format}, but task.step_format={task.step_format}; set step_format, "
            "which sets both"
        )


def _check_round(number: int, search: SearchStageConfig) -> None:
    if search.problems < 1:
        raise UserError(f"schedule: round {number} must search at least 1 problem, got problems={search.problems}")
    if not 0 <= search.varied <= 1:
        raise UserError(f"search.varied is a share and must lie in 0..1, got {search.varied} in round {number}")
    if min(search.escalation, default=1) < 1:
        raise UserError(f"search.escalation must hold numbers of rollouts of at least 1, got {search.escalation}")
    if number == 1 and search.mode is Mode.PPM_AUGMENTED:
        raise UserError("schedule: round 1 cannot be ppm_augmented, for no PPM exists yet; use terminal_guided")
    if search.mode is Mode.INFERENCE:
        raise UserError("search.mode=inference sees no verdicts and so teaches nothing; use it in evaluation.search")
