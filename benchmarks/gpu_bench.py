"""What the parts of ``benchmarks.gpu`` share: the models' shapes, random weights, and arms that take turns in time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic, perf_counter
from typing import TypeVar

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from lm.config import TokenizerKind
from lm.tokenizer import build_tokenizer

_T = TypeVar("_T")
_MODEL = TypeVar("_MODEL", bound=PreTrainedModel)
TINY = "tiny"
_SHARPNESS = 8.0


@dataclass(frozen=True, slots=True)
class Shape:
    """An architecture: hidden width, layers, attention heads, key/value heads, the MLP's width, vocabulary."""

    hidden: int
    layers: int
    heads: int
    key_heads: int
    inner: int
    vocabulary: int


# Those of Qwen2.5 0.5B and 1.5B, and one that a CPU computes in no time.
SHAPES = {
    "0.5b": Shape(896, 24, 14, 2, 4864, 151936),
    "1.5b": Shape(1536, 28, 12, 2, 8960, 151936),
    TINY: Shape(64, 2, 2, 1, 128, 320),
}


@dataclass(frozen=True, slots=True)
class Bench:
    """One part's run: the name of its shape, where it runs, and when (``time.monotonic``) it should be over."""

    shape_name: str
    device: str
    ends_at: float
    context: int = 4096

    @property
    def shape(self) -> Shape:
        return SHAPES[self.shape_name]

    def sized(self, full: _T, tiny: _T) -> _T:
        """The size of a workload: the one that a GPU gets, or the one that tries the code."""
        return tiny if self.shape_name == TINY else full

    def has_time(self, seconds: float = 0.0) -> bool:
        """Would something of that many seconds be done in time?"""
        return monotonic() + seconds < self.ends_at


def config_of(shape: Shape, context: int, tokenizer: PreTrainedTokenizerFast) -> Qwen2Config:
    """The shape as a configuration; output head and embeddings are tied, as in both originals."""
    return Qwen2Config(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.key_heads,
        intermediate_size=shape.inner,
        max_position_embeddings=context,
        rope_parameters={"rope_type": "default", "rope_theta": 1e6},
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def new_tokenizer() -> PreTrainedTokenizerFast:
    """The project's byte-level tokenizer. It knows a few of the model's ids; the rest stand for no text."""
    return build_tokenizer(TokenizerKind.CHARACTERS, [], 0)


def random_model(kind: type[_MODEL], bench: Bench, dtype: torch.dtype, seed: int = 0) -> _MODEL:
    """A model of class ``kind`` with random weights, made where it runs, in evaluation mode."""
    config = config_of(bench.shape, bench.context, new_tokenizer())
    config.num_labels = 1  # of a scorer
    devices = [] if bench.device == "cpu" else [torch.cuda.current_device()]
    with torch.random.fork_rng(devices), torch.device(bench.device):
        torch.manual_seed(seed)
        model: _MODEL = kind._from_config(config, dtype=dtype)  # type: ignore[no-untyped-call]
    model.eval()  # type: ignore[no-untyped-call]
    return model


def sharp_policy(bench: Bench, dtype: torch.dtype, seed: int = 0) -> Qwen2ForCausalLM:
    """A random policy whose distributions are not flat, for comparing log-probs: in flat ones every error is small.

    Its last norm is scaled up, so that log-probs spread by several nats, as those of a trained model.
    """
    model = random_model(Qwen2ForCausalLM, bench, dtype, seed)
    with torch.no_grad():
        model.model.norm.weight.mul_(_SHARPNESS)
    return model


def seconds(arm: Callable[[], object], device: str) -> float:
    """Wall-clock seconds of one run, until the device has done what it was told."""
    _wait(device)
    started = perf_counter()
    arm()
    _wait(device)
    return perf_counter() - started


def take_turns(bench: Bench, arms: Sequence[Callable[[], object]], most: int = 5) -> list[tuple[float, ...]]:
    """Seconds of each arm, turn by turn (A B A B): ``most`` turns, or as many as there is time for, but one."""
    turns: list[tuple[float, ...]] = []
    while len(turns) < bench.sized(most, 2) and (not turns or bench.has_time(sum(turns[-1]))):
        turns.append(tuple(seconds(arm, bench.device) for arm in arms))
    return turns


def matrix_product_rate(bench: Bench, dtype: torch.dtype, turns: int = 5) -> list[float]:
    """Operations per second of square matrix products: the ceiling of what a model can reach here."""
    size = bench.sized(8192, 256)
    left, right = (torch.randn(size, size, device=bench.device, dtype=dtype) for _ in range(2))
    torch.mm(left, right)
    return [2 * size**3 / turn[0] for turn in take_turns(bench, [lambda: torch.mm(left, right)], turns)]


def peak_gib(bench: Bench) -> float | None:
    """The most memory that tensors took on the GPU since the last call, in GiB; None on a CPU."""
    if bench.device == "cpu":
        return None
    peak = torch.cuda.max_memory_allocated() / 2**30
    torch.cuda.reset_peak_memory_stats()
    return peak


def _wait(device: str) -> None:
    if device != "cpu":
        torch.cuda.synchronize()
