"""The policy as a search sees it: prefixes of steps in, candidate steps out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from transformers import PreTrainedTokenizerFast

from mcts.step import Continuation, ProposeRequest, Step
from policy.config import PromptConfig, StepFormatConfig
from policy.engine import Engine, GenerateRequest, Generation, Sampling, StreamingEngine
from policy.step_format import TextSteps


class PromptEncoder:
    """Problem text to prompt token ids, the same for policy and process model. Each prompt is encoded once."""

    def __init__(self, config: PromptConfig, tokenizer: PreTrainedTokenizerFast) -> None:
        self._template = config.template
        self._tokenizer = tokenizer
        self._known: dict[str, tuple[int, ...]] = {}

    def __call__(self, prompt: str) -> tuple[int, ...]:
        if prompt not in self._known:
            # replace, not format: a problem's text may hold braces.
            text = self._template.replace("{prompt}", prompt)
            self._known[prompt] = tuple(self._tokenizer.encode(text, add_special_tokens=False))
        return self._known[prompt]


@dataclass(slots=True)
class ProposalCounts:
    """Steps proposed, and those left out because they dodged the delimiter."""

    steps: int = 0
    dodged: int = 0


@dataclass
class PolicyProposer:
    """Implements ``mcts.step.Proposer`` over any engine, and ``StreamingProposer`` over a ``StreamingEngine``.

    ``max_tokens`` bounds a continuation to the end.
    """

    engine: Engine
    encode: PromptEncoder
    steps: TextSteps
    temperature: float = 1.0
    top_p: float = 1.0
    max_tokens: int = 256
    counts: ProposalCounts = field(default_factory=ProposalCounts)
    _open: dict[int, int | None] = field(default_factory=dict)  # ticket of a streamed request -> its max_steps

    def propose(self, requests: Sequence[ProposeRequest]) -> list[list[Continuation]]:
        """Continuations in the order of the requests; one that ends in a dodging step loses that step."""
        answers = self.engine.generate([self._ask(request) for request in requests])
        return [
            self._continuations(answer, request.max_steps) for request, answer in zip(requests, answers, strict=True)
        ]

    def submit(self, ticket: int, request: ProposeRequest) -> None:
        """Let a request into the engine; its continuations come from ``receive`` under ``ticket``."""
        self._streaming.submit(ticket, self._ask(request))
        self._open[ticket] = request.max_steps

    def receive(self) -> list[tuple[int, list[Continuation]]]:
        """Wait until at least one submitted request is complete; return all that are, as ``propose`` would."""
        return [
            (ticket, self._continuations(answer, self._open.pop(ticket)))
            for ticket, answer in self._streaming.receive()
        ]

    @property
    def _streaming(self) -> StreamingEngine:
        if not isinstance(self.engine, StreamingEngine):
            raise ValueError(f"{type(self.engine).__name__} answers whole batches only; use the lock-step driver")
        return self.engine

    def _ask(self, request: ProposeRequest) -> GenerateRequest:
        ids = self.encode(request.problem.prompt) + joined(request.prefix)
        config: StepFormatConfig = self.steps.config
        one_step = request.max_steps == 1
        sampling = Sampling(
            temperature=self.temperature,
            top_p=self.top_p,
            max_tokens=config.max_step_tokens if one_step else self.max_tokens,
            stop=(config.delimiter,) if one_step else (),
        )
        return GenerateRequest(ids, request.count, sampling, request.seed)

    def _continuations(self, answer: list[Generation], max_steps: int | None) -> list[Continuation]:
        return [steps for generation in answer if (steps := self._continuation(generation, max_steps))]

    def _continuation(self, generation: Generation, max_steps: int | None) -> Continuation:
        steps = self.steps.split(generation)[:max_steps]
        self.counts.steps += len(steps)
        if steps and self.steps.dodges(steps[-1]):
            self.counts.dodged += 1
            return steps[:-1]
        return steps


def joined(steps: Sequence[Step]) -> tuple[int, ...]:
    """The token ids of the steps, one after the other, as they were sampled."""
    return tuple(token for step in steps for token in step.token_ids)
