"""How models are built and trained, as options. Free of torch, so that a program's help is quick."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from tasks.errors import UserError
from tasks.options import Option


class TokenizerKind(Option):
    """``characters``: one token per character seen; ``bpe``: byte-level merges learned from the texts."""

    CHARACTERS = "characters"
    BPE = "bpe"


class Precision(Option):
    """``auto`` takes bfloat16 where the hardware multiplies it faster (CUDA, AMX), else float32."""

    AUTO = "auto"
    FP32 = "fp32"
    BF16 = "bf16"


@dataclass
class LoraConfig:
    """Adapters beside the weights, which stay as they are. Needs the extra ``lora``."""

    rank: int = 0  # of the adapters; 0: the weights themselves are trained
    alpha: float = 16.0  # adapters count alpha / rank times
    targets: list[str] = field(default_factory=list)  # names of linear layers, such as q_proj; none: all but the head

    def __post_init__(self) -> None:
        if self.rank < 0:
            raise UserError(f"lora.rank must be at least 0, got {self.rank}")
        if not 0 < self.alpha < math.inf:
            raise UserError(f"lora.alpha must be a number above 0, got {self.alpha}")


@dataclass
class OptimiserConfig:
    """How a model is trained. Defaults fit the lab's tiny models; real weights want lr near 7e-6."""

    learning_rate: float = 1e-3  # at its peak
    epochs: float = 2.0  # passes over the rows; fractions are allowed
    batch_rows: int = 64  # rows of one optimiser step
    micro_rows: int = 64  # rows of one forward and backward pass; gradients accumulate up to batch_rows
    warmup: float = 0.05  # share of the steps with a rising learning rate
    final_lr: float = 0.05  # the cosine ends at this share of the learning rate
    weight_decay: float = 0.01  # of matrices (AdamW)
    clip: float = 1.0  # largest global gradient norm
    precision: Precision = Precision.AUTO
    gradient_checkpointing: bool = False  # compute activations again instead of keeping them: memory for time
    lora: LoraConfig = field(default_factory=LoraConfig)
    threads: int = 1  # torch threads on a CPU; part of the config because sums depend on it in the last bits

    def __post_init__(self) -> None:
        for name in ("batch_rows", "micro_rows", "threads"):
            if getattr(self, name) < 1:
                raise UserError(f"optimiser.{name} must be at least 1, got {getattr(self, name)}")
        for name, holds in (
            ("learning_rate", 0 <= self.learning_rate < math.inf),
            ("epochs", 0 < self.epochs < math.inf),
            ("clip", self.clip > 0),
        ):
            if not holds:
                raise UserError(f"optimiser.{name} is out of range: {getattr(self, name)}; take a positive number")
