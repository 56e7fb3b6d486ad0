"""What ``scripts.verifications`` is asked. Free of torch: the main process has none."""

from __future__ import annotations

from dataclasses import dataclass, field

from prm.generative.config import ReasoningConfig
from prm.labels.config import EndpointConfig
from tasks.errors import UserError
from tasks.options import Option


class VerificationSource(Option):
    """Who writes the verifications."""

    REDO = "redo"  # the policy of a run, which does each step again
    JUDGE = "judge"  # a language model behind an endpoint, which reasons about each step


@dataclass
class VerificationsConfig:
    """Which labelled steps get verifications, and from whom."""

    data: str = "labels.jsonl"  # the file of labelled solutions, as scripts.label writes it
    source: VerificationSource = VerificationSource.REDO
    run: str = "outputs/demo"  # source=redo: a run folder, or its name
    round: int | None = None  # source=redo: whose policy does steps again; none: the last finished round
    redone: int = 1  # source=redo: steps in a verification
    reason: ReasoningConfig = field(default_factory=ReasoningConfig)  # verifications a step, and how they are sampled
    judge: EndpointConfig = field(default_factory=EndpointConfig)  # source=judge
    out: str = "verifications.jsonl"  # the file to write
    overwrite: bool = False  # replace the file if it is there
    group: int = 40  # solutions that are worked on together
    seed: int = 0  # of what is drawn
    workers: int = 2  # never changes a verification
    progress: bool = True  # show a bar (plain lines where there is no terminal)


def check_verifications(config: VerificationsConfig) -> None:
    """Refuse options that cannot work. UserError."""
    for name in ("redone", "group"):
        if getattr(config, name) < 1:
            raise UserError(f"{name} must be at least 1, got {getattr(config, name)}")
