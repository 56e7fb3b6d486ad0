"""A verifier that errs on purpose, so that the effect of a noisy reward can be measured.

Only where rewards for search and training come from; whatever judges a policy asks the true verifier
(``Task.verifier``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tasks.errors import UserError
from tasks.problem import Outcome, Problem, Verdict, Verifier
from tasks.seeding import derive_seed


@dataclass
class FaultConfig:
    """How often the verifier of search and training errs. Evaluation is never touched."""

    false_positive: float = 0.0  # share of the wrong solutions, from 0 to 1, that it takes for correct
    false_negative: float = 0.0  # share of the correct solutions, from 0 to 1, that it takes for wrong
    seed: int = 0  # which solutions those are

    def __post_init__(self) -> None:
        for name in ("false_positive", "false_negative"):
            rate = getattr(self, name)
            if not 0 <= rate <= 1:  # also refuses NaN
                raise UserError(f"task.fault.{name} must lie between 0 and 1, got {rate}")


class FaultyVerifier:
    """Turns correct into wrong and wrong into correct, at the rates of ``config``, independently of all else.

    The same solution of the same problem gets the same verdict, however often and wherever it is judged. What could
    not be read (``unverifiable``) and what failed (``error``) stay as they are.
    """

    def __init__(self, verifier: Verifier, config: FaultConfig) -> None:
        self._verifier = verifier
        self._config = config

    def verify(self, problem: Problem, solution: str) -> Verdict:
        true = self._verifier.verify(problem, solution)
        rate = {Outcome.CORRECT: self._config.false_negative, Outcome.WRONG: self._config.false_positive}
        # 53 bits: a float holds them exactly, so that a rate of 1 is always and 0 never.
        drawn = derive_seed(self._config.seed, "fault", problem.id, solution) >> 10
        if drawn >= rate.get(true.outcome, 0.0) * 2**53:
            return true
        if true.outcome is Outcome.CORRECT:
            return replace(true, outcome=Outcome.WRONG, reward=0.0, note="a false negative, on purpose")
        return replace(true, outcome=Outcome.CORRECT, reward=1.0, note="a false positive, on purpose")


def with_faults(verifier: Verifier, config: FaultConfig) -> Verifier:
    """The verifier that rewards come from: ``verifier`` itself where no rate is set."""
    return FaultyVerifier(verifier, config) if config.false_positive or config.false_negative else verifier
