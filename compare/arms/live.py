"""A policy that is trained and sampled by turns, in one process."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from evolve.kept_engine import kept_engine
from evolve.models import device_of
from lm.distributed import gathered
from lm.folder import load_policy, load_tokenizer, save_model
from policy.code_steps import make_steps
from policy.config import EngineConfig, EngineName, PolicyConfig
from policy.engine import Engine, EngineCounts
from policy.hf_engine import HfEngine
from policy.openai_engine import OpenAiEngine
from policy.proposer import PromptEncoder
from policy.rl import Group, sample_groups
from policy.sync import judge_gap, logprob_gap
from policy.vllm_engine import VllmEngine
from tasks.problem import Problem


class LivePolicy:
    """The model, what it is prompted with, and an engine that samples it as it is now.

    Say ``changed`` after every change of the weights; the engine then follows before it is asked again.
    """

    def __init__(self, policy: PolicyConfig, engine: EngineConfig, path: Path) -> None:
        torch.set_num_threads(1)  # as in the workers: sums depend on it in the last bits
        self.device = device_of(engine)
        self.model: PreTrainedModel = load_policy(path, self.device)
        self.tokenizer: PreTrainedTokenizerFast = load_tokenizer(path)
        self.encode = PromptEncoder(policy.prompt, self.tokenizer)
        self.steps = make_steps(policy.steps, self.tokenizer)
        self.parameters = sum(parameter.numel() for parameter in self.model.parameters())
        self.gap: float | None = None  # of the engine's and the trainer's log-probs as last compared, nats
        self._max_tokens = policy.max_solution_tokens
        self._config = engine
        self._stale = True
        self._engine: HfEngine | VllmEngine | OpenAiEngine | None = None
        self._sampled = self.model  # what the hf engine reads
        self._before = EngineCounts()  # what an engine that was there already had done for others
        self._version = 0

    def changed(self) -> None:
        """The weights are other ones now."""
        self._stale = True

    @property
    def engine(self) -> Engine:
        """The engine, with the model's weights as they are now."""
        if self._stale:
            self._engine = self._follow()
            self._stale = False
        assert self._engine is not None
        return self._engine

    @property
    def is_copied(self) -> bool:
        """Does the engine sample other weights than the trained ones, which must follow those after every change?"""
        return self._config.name is not EngineName.HF or self._config.dtype != "float32"

    def look(self) -> float | None:
        """The gap as it is now. Where the engine reads the trained model itself nothing can be stale, so that is asked
        now and then only, and never refused: what there is comes of the two ways to compute."""
        engine = self.engine
        if isinstance(engine, HfEngine) and not self.is_copied:
            found = self._compare(engine)
            self.gap = found if math.isfinite(found) else self.gap
        return self.gap

    def counts(self) -> EngineCounts:
        """What this rank's engine has done for this policy so far."""
        if self._engine is None:
            return EngineCounts()
        now, before = asdict(self._engine.counts), asdict(self._before)
        return EngineCounts(**{name: now[name] - before[name] for name in now})

    def forget(self) -> None:
        """Let the engine drop what it has computed, as it is after a restart."""
        if self._engine is not None and not self._stale:
            self._engine.forget()

    def sample(self, problems: Sequence[Problem], count: int, seed: int, temperature: float = 1.0) -> list[Group]:
        """``policy.rl.sample_groups`` with this policy."""
        return sample_groups(self.engine, self.encode, self.steps, problems, count, self._max_tokens, seed, temperature)

    @torch.no_grad()
    def begin_again(self, path: Path) -> None:
        """Take the weights of another folder of the same model."""
        self.model.load_state_dict(load_policy(path, self.device).state_dict())
        self.changed()

    def save(self, path: Path) -> None:
        """Write model and tokenizer to ``path``, whole or not at all."""
        save_model(self.model, self.tokenizer, path)

    def _follow(self) -> HfEngine | VllmEngine | OpenAiEngine:
        if self._config.name is not EngineName.HF:
            return self._follow_elsewhere()
        if isinstance(self._engine, HfEngine):
            self._copy()
            self._engine.forget()
            if self.is_copied and math.isfinite(gap := self._compare(self._engine)):
                self.gap = judge_gap(gap, "the arm")  # log-probs that are not finite are told where they are sampled
            return self._engine
        if self._config.dtype != "float32":
            self._sampled = copy.deepcopy(self.model).to(getattr(torch, self._config.dtype))
        made = HfEngine(self._sampled, self.tokenizer, self._config.batch_rows, self._config.cache_mb)
        self.gap = judge_gap(self._compare(made), "the arm")
        return made

    def _compare(self, engine: HfEngine) -> float:
        """``policy.sync.logprob_gap``, the largest of all ranks. The engine counts and keeps nothing of it."""
        before = replace(engine.counts)
        gap = max(gathered(logprob_gap(engine, self.model, len(self.tokenizer))))
        engine.counts = before
        engine.forget()
        return gap

    @torch.no_grad()
    def _copy(self) -> None:
        if self._sampled is not self.model:
            for mine, theirs in zip(self._sampled.parameters(), self.model.parameters(), strict=True):
                mine.copy_(theirs)

    def _follow_elsewhere(self) -> VllmEngine | OpenAiEngine:
        self._version += 1
        with TemporaryDirectory(prefix="treeward-") as folder:
            path = Path(folder) / "policy"
            self.save(path)
            made, gap = kept_engine(self._config, self.device, path, self._version, self.tokenizer)
        self.gap = judge_gap(gap, "the arm")
        if self._engine is None:
            self._before = EngineCounts(**asdict(made.counts))
        return made
