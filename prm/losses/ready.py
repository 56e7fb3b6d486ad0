"""The losses by name."""

from __future__ import annotations

from collections.abc import Callable

from prm.losses.base import PrmLoss
from prm.losses.config import LossName, LossSettings
from prm.losses.cross_entropy import CrossEntropy
from prm.losses.generative import Generative
from prm.losses.implicit import Implicit
from prm.losses.mse import Mse
from prm.losses.outcome import OutcomeBce, OutcomeRanking
from prm.losses.pairwise import Pairwise
from prm.losses.q_ranking import QRanking
from prm.losses.soft_bce import SoftBce

LOSSES: dict[LossName, Callable[[LossSettings], PrmLoss]] = {
    LossName.SOFT_BCE: lambda settings: SoftBce(),
    LossName.MSE: lambda settings: Mse(),
    LossName.CROSS_ENTROPY: lambda settings: CrossEntropy(2, settings.threshold),
    LossName.CROSS_ENTROPY_3: lambda settings: CrossEntropy(3),
    LossName.Q_RANKING: lambda settings: QRanking(settings.zeta, settings.threshold),
    LossName.PAIRWISE: lambda settings: Pairwise(settings.min_margin, settings.per_side),
    LossName.OUTCOME_BCE: lambda settings: OutcomeBce(settings.threshold),
    LossName.OUTCOME_RANKING: lambda settings: OutcomeRanking(settings.threshold),
    LossName.IMPLICIT: lambda settings: Implicit(settings.beta, settings.threshold),
    LossName.GENERATIVE: lambda settings: Generative(),
}


def make_loss(settings: LossSettings) -> PrmLoss:
    """The loss that the settings name."""
    return LOSSES[settings.name](settings)
