"""Which policy there is at the start, how it is prompted, sampled and trained."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from lm.config import OptimiserConfig, TokenizerKind
from tasks.config import StepFormat
from tasks.errors import UserError
from tasks.options import Option
from tasks.sandbox.execution import Tier
from tasks.suites.code_format import STEP_END


@dataclass
class PromptConfig:
    """How a problem becomes the text that the policy continues."""

    template: str = "{prompt}"  # {prompt} stands for the problem's text


@dataclass
class StepFormatConfig:
    """How steps are told apart, and with format=code how they are run."""

    format: StepFormat = StepFormat.TEXT  # also as the program's option step_format
    delimiter: str = "\n"  # format=text: a step ends with the token that completes this
    final_marker: str = "####"  # format=text: a step that starts with this ends the solution, as the end token does
    max_step_tokens: int = 32  # a step that has not ended by then is left out, and counted
    max_failures: int = 1  # format=code: a whole solution ends with so many failed steps in a row
    max_output: int = 200  # format=code: characters of a step's output that are shown; the rest is cut off
    sandbox: Tier = Tier.AUTO  # format=code: what confines the code; also as the program's option sandbox

    @property
    def step_end(self) -> str:
        """What a step ends with, whatever the format."""
        return STEP_END if self.format is StepFormat.CODE else self.delimiter


class TrainFrom(Option):
    """Where a round's fine-tuning starts: from the cold-start policy again (rStar-Math), or from the last round's."""

    BASE = "base"
    PREVIOUS = "previous"


@dataclass
class TinyConfig:
    """A transformer made from nothing when no ``policy.path`` is given."""

    size: int = 128  # the one dial: hidden width, a multiple of 32
    context: int = 256  # longest sequence in tokens
    tokenizer: TokenizerKind = TokenizerKind.CHARACTERS
    vocabulary: int = 1024  # for the bpe tokenizer


@dataclass
class ColdStartConfig:
    """Fine-tuning on worked solutions before the first round; 0 demonstrations leave the policy as it is."""

    demonstrations: int = 6000  # worked solutions; 0 leaves the policy as it is
    optimiser: OptimiserConfig = field(default_factory=lambda: OptimiserConfig(learning_rate=2e-3, epochs=3.0))


@dataclass
class DpoConfig:
    """Direct preference optimisation on pairs of steps (``policy.dpo``)."""

    beta: float = 0.5  # how hard the policy is held to where it began
    smooth_by_visits: bool = False  # a pair's label is smoothed by N(rejected) / (N(chosen) + N(rejected)) (MCTS-DPO)

    def __post_init__(self) -> None:
        if not 0 < self.beta < math.inf:
            raise UserError(f"dpo.beta must be a number above 0, got {self.beta}")


@dataclass
class PolicyConfig:
    """The policy: its weights, its prompt, its steps and its training."""

    path: str | None = None  # a local Hugging Face folder; none: a tiny model is made (policy.tiny)
    tiny: TinyConfig = field(default_factory=TinyConfig)
    prompt: PromptConfig = field(default_factory=PromptConfig)
    steps: StepFormatConfig = field(default_factory=StepFormatConfig)
    max_solution_tokens: int = 96  # a whole solution's length limit when it is not sampled step by step
    cold_start: ColdStartConfig = field(default_factory=ColdStartConfig)
    train_from: TrainFrom = TrainFrom.BASE
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)  # fine-tuning on the chosen trajectories


class EngineName(Option):
    """What samples the policy. See docs/engines.md."""

    HF = "hf"  # transformers in this process
    VLLM = "vllm"  # vLLM in this process
    OPENAI = "openai"  # a server that speaks OpenAI's completions and gives token ids, such as vllm serve


@dataclass
class ServerConfig:
    """The server behind engine=openai. It must serve the very weights that are to be sampled: they are compared."""

    base_url: str = "http://127.0.0.1:8000/v1"  # up to where /completions follows
    model: str | None = None  # its name there; none: the first that the server lists
    key_variable: str = "OPENAI_API_KEY"  # environment variable that holds the key, if the server wants one
    in_flight: int = 64  # requests under way at once
    retries: int = 4  # after a refused or broken connection, or status 429 or 5xx; waits of 0.5, 1, 2, 4 s


@dataclass
class EngineConfig:
    """How the policy is sampled and where models run."""

    name: EngineName = EngineName.HF
    batch_rows: int = 512  # generations decoded together
    device: str = "auto"  # auto: cuda when there is one, else cpu
    dtype: str = "float32"  # of sampling, and of ppm.scorer=vllm; training keeps float32 weights
    cache_mb: int = 1024  # MiB of keys and values kept for prefixes that are asked for again
    timeout_s: float = 300.0  # vllm, openai: the run stops when the engine is silent for so long
    server: ServerConfig = field(default_factory=ServerConfig)
