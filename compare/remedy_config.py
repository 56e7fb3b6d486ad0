"""What keeps a PPM's scores from being gamed, as options of an arm. None is on by itself; all may be combined."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tasks.errors import UserError


@dataclass
class RemedyConfig:
    """Remedies of an arm with scores=ppm. Each is paid for; none knows more than the verifier's outcomes."""

    refresh: int = 0  # every so many updates the PPM learns from new trees of the policy as it is; 0: never
    adversarial: int = 0  # every so many updates it learns to rank its favourite wrong solutions below correct ones
    problems: int = 24  # of a refresh
    second: float | None = None  # mean of two PPMs less this times half their distance (1: the lower); none: one PPM
    clip: float | None = None  # a step that scores more than this counts as this much; none: scores stay as they are

    @property
    def learns(self) -> bool:
        """Does the PPM change beside the policy?"""
        return bool(self.refresh or self.adversarial)

    @property
    def is_on(self) -> bool:
        """Is there any remedy?"""
        return self.learns or self.second is not None or self.clip is not None

    def __post_init__(self) -> None:
        for name, least in (("refresh", 0), ("adversarial", 0), ("problems", 1)):
            if getattr(self, name) < least:
                raise UserError(f"remedy.{name} must be at least {least}, got {getattr(self, name)}")
        if self.second is not None and not 0 <= self.second < math.inf:
            raise UserError(f"remedy.second must be a number of at least 0, got {self.second}")
        if self.clip is not None and not -1 < self.clip <= 1:
            raise UserError(f"remedy.clip must lie above -1 and at most at 1, as scores do, got {self.clip}")
