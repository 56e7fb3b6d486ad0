"""How a model that reasons before its verdict is asked, as options. Free of torch, for a program's help."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tasks.errors import UserError

GENERATIVE, PROMPTED = "generative", "prompted"  # kinds of folders: trained to verify, and any language model
LONGEST_PROMPTED = 512  # tokens of a verification where nothing was learned about their length


@dataclass
class ReasoningConfig:
    """Of kind=generative, kind=prompted and prm=judge: what is written for each step before it is scored."""

    verifications: int = 4  # written for each step; its score is the mean over them
    temperature: float = 1.0  # of verifications; 0: the likeliest one, and then one is enough
    max_tokens: int | None = None  # of a verification; none: the longest that was learned from, of prompted models 512

    def __post_init__(self) -> None:
        if self.verifications < 1:
            raise UserError(f"reason.verifications must be at least 1, got {self.verifications}")
        if self.max_tokens is not None and self.max_tokens < 1:
            raise UserError(f"reason.max_tokens must be at least 1 or null, got {self.max_tokens}")
        if not 0 <= self.temperature < math.inf:  # also refuses NaN
            raise UserError(f"reason.temperature must be a number of at least 0, got {self.temperature}")
