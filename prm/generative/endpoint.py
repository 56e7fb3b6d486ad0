"""The same question put to a model behind a chat endpoint: a judge by the share of its answers, and a teacher.

An endpoint tells no probabilities, so the value of a step is 2 right / (right + wrong) - 1 over the verdicts of m
answers; an answer without a verdict counts for neither. What it wrote before a verdict is a verification that another
model can learn (``prm.generative.verifications``).
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from prm.generative.asking import JudgingCounts
from prm.generative.config import LONGEST_PROMPTED, ReasoningConfig
from prm.generative.prompted import asked_text, read_verdict
from prm.labels.config import EndpointConfig
from prm.labels.judge import chat_endpoint, refuse_failures, step_parts
from tasks.graders.chat import ChatFailed
from tasks.graders.model_judge import Asks
from tasks.readers.labelled import LabelledSolution
from tasks.seeding import derive_seed

_SEEDS = 2**31  # servers take seeds of 32 bits


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model wrote about a step, and its verdict; ``failure``: why there is no text, or no verdict."""

    text: str = ""
    verdict: bool | None = None
    failure: str = ""


class EndpointReasoner:
    """Asks about steps, several questions at once. Implements ``prm.judging.scored.SolutionPrm``."""

    def __init__(self, endpoint: Asks, config: EndpointConfig, reason: ReasoningConfig, seed: int = 0) -> None:
        self.counts = JudgingCounts()
        self._endpoint, self._in_flight, self._seed, self._reason = endpoint, config.in_flight, seed, reason
        longest = reason.max_tokens or LONGEST_PROMPTED
        self._request = {"model": config.model, "temperature": reason.temperature, "max_tokens": longest}

    def values(self, solutions: Sequence[LabelledSolution]) -> list[list[float] | None]:
        """None for a solution with a step that has no verdict. UserError where that is more than a tenth of them."""
        return [self._values(own) for own in self.judged(solutions)]

    def judged(self, solutions: Sequence[LabelledSolution]) -> list[list[list[Answer]]]:
        """The answers; UserError where more than a tenth of the solutions have a step without a verdict."""
        answers = self.answers(solutions)
        refuse_failures([_why(own) for own in answers if self._values(own) is None], len(solutions))
        return answers

    def answers(self, solutions: Sequence[LabelledSolution]) -> list[list[list[Answer]]]:
        """Of each solution, of each step, ``reason.verifications`` answers."""
        steps = [(one.prompt, one.steps[: at + 1]) for one in solutions for at in range(len(one.steps))]
        numbers = range(self._reason.verifications)
        distinct = list(dict.fromkeys(steps))
        with ThreadPoolExecutor(self._in_flight) as threads:
            asked = [(*step, number) for step in distinct for number in numbers]
            written = iter(list(threads.map(lambda each: self._ask(*each), asked)))
        told = {step: [next(written) for _ in numbers] for step in distinct}
        self.counts.steps += len(distinct)
        self.counts.verifications += len(asked)
        found = iter(steps)
        return [[told[next(found)] for _ in one.steps] for one in solutions]

    def _ask(self, prompt: str, steps: Sequence[str], number: int) -> Answer:
        text, nonce = asked_text(step_parts(prompt, steps), derive_seed(self._seed, "word", number))
        seed = derive_seed(self._seed, "answer", number, text) % _SEEDS
        try:
            answer = self._endpoint.ask(
                {**self._request, "seed": seed, "messages": [{"role": "user", "content": text}]}
            )
        except ChatFailed as error:
            return Answer(failure=str(error))
        reasoning, verdict = read_verdict(answer, nonce)
        missing = "the judge does not end with the line that it was asked for" if verdict is None else ""
        return Answer(reasoning, verdict, missing)

    @staticmethod
    def _values(answers: Sequence[Sequence[Answer]]) -> list[float] | None:
        verdicts = [[one.verdict for one in own if one.verdict is not None] for own in answers]
        return [2 * sum(own) / len(own) - 1 for own in verdicts] if all(verdicts) else None


def endpoint_reasoner(config: EndpointConfig, reason: ReasoningConfig, seed: int = 0) -> EndpointReasoner:
    """The model that the options name. UserError for options that cannot be."""
    return EndpointReasoner(chat_endpoint(config), config, reason, seed)


def _why(answers: Sequence[Sequence[Answer]]) -> str:
    own = next(own for own in answers if all(one.verdict is None for one in own))
    return own[0].failure
