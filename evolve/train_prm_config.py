"""What ``scripts.train_prm`` is asked. Free of torch: the main process has none."""

from __future__ import annotations

from dataclasses import dataclass, field

from lm.config import OptimiserConfig
from policy.config import PromptConfig
from prm.answer_prompt import AnswerPrompt
from prm.generative.config import ReasoningConfig
from prm.losses.config import LossName, LossSettings
from tasks.errors import UserError


@dataclass
class TrainPrmConfig:
    """Which labels a process model learns, with what loss, and from which policy it starts."""

    data: str = "labels.jsonl"  # the file of labelled solutions
    form: str = "own"  # its format: own (scripts.label), or a public one (docs/prm.md)
    loss: LossName = LossName.SOFT_BCE
    base: str = "outputs/demo/round_0/policy"  # a model folder to start from: the policy that sampled the solutions
    out: str = "outputs/prm"  # the folder to write
    overwrite: bool = False  # replace the folder if it is there
    held_out: float = 0.1  # share of the problems that it is judged on and does not learn from
    judged_on: str = ""  # a file of labels (own format) of which no problem may be in data: what it is judged on later
    patience: int = 0  # end after so many passes without a lower validation loss, and keep the best weights; 0: never
    validation: float = 0.1  # patience: share of the problems learned from that tells the loss, and is not learned
    threshold: float | None = None  # cross_entropy, q_ranking, outcomes: labels above it are right; none: 1 or -1 only
    zeta: float = 4.0  # q_ranking: margin between right and wrong steps
    beta: float = 0.05  # implicit: how much a log-ratio counts
    min_margin: float = 0.5  # pairwise: smallest difference of two labels that makes a pair
    per_side: int = 2  # pairwise: steps on either side after one prefix
    only_agreeing: bool = True  # generative: leave out verifications that come to another verdict than the label
    reason: ReasoningConfig = field(default_factory=ReasoningConfig)  # generative: how held-out steps are judged
    prompt: PromptConfig = field(default_factory=PromptConfig)
    sees_answer: bool = False  # the prompt holds the reference answer: an adjudicator, which may guide no search
    answer_template: str = "Answer: {answer}\n{prompt}"  # sees_answer: what stands in the prompt's place
    step_end: str = "\n"  # what a step of which there is only the text ends with
    cut_long: bool = False  # leave out labels beyond the model's context, and count them, instead of refusing
    optimiser: OptimiserConfig = field(default_factory=lambda: OptimiserConfig(batch_rows=32, micro_rows=32))
    checkpoint_steps: int = 200  # from one checkpoint to the next, should the program be killed; 0: one a pass
    device: str = "auto"  # auto: cuda when there is one, else cpu
    seed: int = 0  # of the head, the batches and the choice of held-out problems
    workers: int = 1  # 0: train in this process
    progress: bool = True  # show a bar (plain lines where there is no terminal)


def loss_settings(config: TrainPrmConfig) -> LossSettings:
    """The loss with its numbers. UserError for options that cannot work."""
    if not 0 <= config.held_out < 1:
        raise UserError(f"held_out must lie in [0, 1), got {config.held_out}")
    if not 0 < config.validation < 1:
        raise UserError(f"validation must lie between 0 and 1, got {config.validation}")
    for name in ("patience", "checkpoint_steps"):
        if getattr(config, name) < 0:
            raise UserError(f"{name} must be at least 0, got {getattr(config, name)}")
    if config.workers not in (0, 1):
        raise UserError(f"workers must be 0 (in this process) or 1, got {config.workers}")
    if config.sees_answer:
        AnswerPrompt(config.answer_template)
    return LossSettings(
        config.loss, config.zeta, config.beta, config.threshold, config.min_margin, config.per_side,
        config.only_agreeing,
    )  # fmt: skip
