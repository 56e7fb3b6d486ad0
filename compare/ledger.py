"""What an arm has spent: tokens by model, calls, FLOPs and seconds, phase by phase.

FLOPs are estimated as 2N per token forward and 6N per token of training (Kaplan et al. 2020, *Scaling laws for neural
language models*, section 2.1), N being the parameters of the model that computed it; attention's own products, small
against 2N for short texts, are left out. All models count alike: a policy's token is no dearer than a PPM's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from compare.budget import Budget, Unit
from tasks.errors import DataError, UserError
from tasks.options import Option


class Role(Option):
    """Whose tokens they are."""

    POLICY = "policy"  # what is being trained; its reference copy too
    PPM = "ppm"  # process model: trained on pairs, or implicit with its reference
    CRITIC = "critic"  # value model of PPO
    REWARD_MODEL = "reward_model"  # outcome reward model, or what a reward's grader reads log-probabilities of
    TEACHER = "teacher"  # another policy, whose solutions are learned from


UNCHARGED = frozenset({"cold_start", "evaluation", "audit"})
"""Phases that are recorded but belong to no arm's budget: the start that all share, and what only watches."""


@dataclass(slots=True)
class Tokens:
    """Tokens of one model in one phase. Each that was computed counts once, however many trajectories share it."""

    generated: int = 0  # sampled
    prefilled: int = 0  # read as prompt
    cached: int = 0  # prompt tokens that needed no reading: free
    scored: int = 0  # read for a score, a value or a log-prob, without a gradient
    trained: int = 0  # forward and backward

    @property
    def computed(self) -> int:
        """Tokens that went through the model."""
        return self.generated + self.prefilled + self.scored + self.trained

    def flops(self, parameters: int) -> int:
        """2N forward, 6N training."""
        return 2 * parameters * (self.generated + self.prefilled + self.scored) + 6 * parameters * self.trained


@dataclass(slots=True)
class Phase:
    """What one phase of an arm has spent."""

    tokens: dict[Role, Tokens] = field(default_factory=dict)
    verifier_calls: int = 0
    sandbox_calls: int = 0
    seconds: float = 0.0


_COUNTS = tuple(each.name for each in fields(Tokens))
_CALLS = ("verifier_calls", "sandbox_calls", "seconds")


class Ledger:
    """The account of one arm and seed. ``parameters``: N of each role that will compute anything."""

    def __init__(self, parameters: Mapping[Role, int]) -> None:
        self.parameters = {Role(role): count for role, count in parameters.items()}
        for role, count in self.parameters.items():
            if count < 1:
                raise ValueError(f"the {role} has {count} parameters")
        self.phases: dict[str, Phase] = {}

    def declare(self, role: Role, count: int) -> None:
        """Say how many parameters a role has before it computes anything.

        UserError if it was said to have others: tokens that were counted under one size may not be charged by another.
        """
        if count < 1:
            raise ValueError(f"the {role} has {count} parameters")
        known = self.parameters.setdefault(role, count)
        if known != count:
            raise UserError(
                f"the {role} has {known} parameters in this account and {count} now, and one account charges each role "
                f"by one size; let all stages of the arm use a {role} of the same size, or compare them as two arms"
            )

    def add(self, phase: str, role: Role = Role.POLICY, **counts: float) -> None:
        """Add to a phase: tokens of ``role`` by the fields of ``Tokens``, calls by those of ``Phase``, ``seconds``.

        Raises ValueError, with nothing added, for an unknown or negative count and for tokens of a role whose
        ``parameters`` are not known.
        """
        self._check(phase, role, counts)
        spent = self.phases.setdefault(phase, Phase())
        for name, count in counts.items():
            account: Any = spent.tokens.setdefault(role, Tokens()) if name in _COUNTS else spent
            setattr(account, name, getattr(account, name) + (count if name == "seconds" else int(count)))

    def _check(self, phase: str, role: Role, counts: Mapping[str, float]) -> None:
        for name, count in counts.items():
            if name not in _COUNTS + _CALLS:
                raise ValueError(f"a ledger has no {name}; it has {', '.join(_COUNTS + _CALLS)}")
            if not 0 <= count < math.inf or (name != "seconds" and count != int(count)):
                raise ValueError(f"{phase}: {name} must be a count, got {count}")
            if name in _COUNTS and role not in self.parameters:
                raise ValueError(f"{phase}: {name} tokens of the {role}, whose parameters the ledger was not told")

    def merge(self, other: Ledger) -> None:
        """Add another account to this one. UserError if the two say a role has different parameters."""
        for role, count in other.parameters.items():
            self.declare(role, count)
        for name, phase in other.phases.items():
            self.add(name, **{call: getattr(phase, call) for call in _CALLS})
            for role, tokens in phase.tokens.items():
                self.add(name, role, **asdict(tokens))

    def tokens(self, role: Role | None = None) -> Tokens:
        """Charged tokens of a role, or of all roles together."""
        total = Tokens()
        for phase in self._charged():
            for who, tokens in phase.tokens.items():
                if role in (None, who):
                    for name in _COUNTS:
                        setattr(total, name, getattr(total, name) + getattr(tokens, name))
        return total

    def flops(self, phase: str | None = None) -> int:
        """Charged FLOPs of all models; with ``phase``, those of that phase, charged or not."""
        phases = self._charged() if phase is None else [self.phases.get(phase, Phase())]
        return sum(tokens.flops(self.parameters[role]) for each in phases for role, tokens in each.tokens.items())

    @property
    def seconds(self) -> float:
        """Charged seconds."""
        return sum(phase.seconds for phase in self._charged())

    def spent(self, budget: Budget) -> float:
        """The share of a budget that is used up; 1 or more: the arm stops."""
        used = {Unit.TOKENS: self.tokens().computed, Unit.FLOPS: self.flops(), Unit.SECONDS: self.seconds}
        return used[budget.unit] / budget.amount

    def _charged(self) -> list[Phase]:
        return [phase for name, phase in self.phases.items() if name not in UNCHARGED]

    def to_json(self) -> dict[str, Any]:
        """``parameters`` and ``phases`` are the account; ``charged`` is worked out from them, for readers."""
        phases = {}
        for name, phase in self.phases.items():
            tokens = {str(role): asdict(each) for role, each in phase.tokens.items()}
            calls = {call: getattr(phase, call) for call in _CALLS}
            phases[name] = {"tokens": tokens, **calls, "flops": self.flops(name), "charged": name not in UNCHARGED}
        totals = asdict(self.tokens()) | {"computed": self.tokens().computed, "flops": self.flops()}
        calls = {call: sum(getattr(phase, call) for phase in self._charged()) for call in _CALLS}
        parameters = {str(role): count for role, count in self.parameters.items()}
        return {"parameters": parameters, "phases": phases, "charged": totals | calls}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Ledger:
        """The ledger that ``to_json`` wrote. DataError if it is not one."""
        try:
            ledger = cls({Role(role): int(count) for role, count in data["parameters"].items()})
            for name, phase in data["phases"].items():
                ledger.add(name, **{call: phase[call] for call in _CALLS})
                for role, tokens in phase["tokens"].items():
                    ledger.add(name, Role(role), **tokens)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(
                f"this is no ledger ({error}); delete the arm's folder and start the comparison again"
            ) from error
        return ledger
