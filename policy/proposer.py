"""The policy as a search sees it: prefixes of steps in, candidate steps out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from transformers import PreTrainedTokenizerFast

from mcts.step import Continuation, ProposeRequest
from policy.config import PromptConfig
from policy.engine import Engine, Sampling
from policy.step_format import TextSteps
from policy.writer import StepWriter, WriteRequest, Written


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
    """Steps proposed, and those left out: they dodged the delimiter, or their code failed (by outcome)."""

    steps: int = 0
    dodged: int = 0
    failed: Counter[str] = field(default_factory=Counter)


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
    _writer: StepWriter = field(init=False)
    _open: dict[int, ProposeRequest] = field(default_factory=dict)  # by the ticket of a streamed request

    def __post_init__(self) -> None:
        self._writer = StepWriter(self.engine, self.steps)

    def propose(self, requests: Sequence[ProposeRequest]) -> list[list[Continuation]]:
        """Continuations in the order of the requests; one that ends in a dodging or failing step loses that step."""
        answers = self._writer.write([self._ask(request) for request in requests])
        return [self._continuations(request, answer) for request, answer in zip(requests, answers, strict=True)]

    def submit(self, ticket: int, request: ProposeRequest) -> None:
        """Let a request into the engine; its continuations come from ``receive`` under ``ticket``."""
        self._writer.submit(ticket, self._ask(request))
        self._open[ticket] = request

    def receive(self) -> list[tuple[int, list[Continuation]]]:
        """Wait until at least one submitted request is complete; return all that are, as ``propose`` would."""
        return [
            (ticket, self._continuations(self._open.pop(ticket), answer)) for ticket, answer in self._writer.receive()
        ]

    def _ask(self, request: ProposeRequest) -> WriteRequest:
        limit = self.steps.config.max_step_tokens if request.max_steps == 1 else self.max_tokens
        return WriteRequest(
            self.encode(request.problem.prompt),
            request.prefix,
            request.count,
            Sampling(temperature=self.temperature, top_p=self.top_p, max_tokens=limit),
            request.seed,
            request.max_steps,
        )

    def _continuations(self, request: ProposeRequest, answer: list[Written]) -> list[Continuation]:
        for one in answer:
            self.counts.steps += one.tried
            self.counts.dodged += one.dodged
            self.counts.failed.update(one.failures)
        return [one.steps for one in answer if one.steps]
