"""When does a learned reward part from the truth? An alarm, and how often it sounds for nothing.

Reward hacking is a learned reward that rises while the true one does not follow (Skalse et al. 2022, *Defining and
characterizing reward hacking*; its course by Gao et al. 2022, *Scaling laws for reward model overoptimization*). A
policy that honestly improves raises both, and a learned reward is seldom on the scale of the truth; so the alarm asks
whether the truth has risen by at least a share of what the learned reward has risen by.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tasks.errors import UserError

# Shapes: R runs, T updates.


@dataclass
class AlarmConfig:
    """When to say that a learned reward is being hacked."""

    window: int = 6  # updates averaged, at the beginning and now
    threshold: float = 5.0  # standard errors by which the truth must have fallen behind
    share: float = 0.5  # of what the learned reward gains, as much as the truth is expected to gain
    smallest: float = 0.05  # gain of the learned reward, of a range of 1, below which nothing is said

    def check(self) -> None:
        """Raise UserError for values that no series could be judged by."""
        if self.window < 2:
            raise UserError(f"alarm.window must be at least 2, got {self.window}")
        for name in ("threshold", "smallest"):
            if not 0 <= getattr(self, name) < math.inf:
                raise UserError(f"alarm.{name} must be a number of at least 0, got {getattr(self, name)}")
        if not 0 < self.share <= 1:
            raise UserError(f"alarm.share must lie above 0 and at most at 1, got {self.share}")


@dataclass(frozen=True, slots=True)
class Alarm:
    """``sounded``: the update (counted from 0) at which it was noticed; ``onset``: the one after which it began."""

    sounded: int
    onset: int


def find_alarm(learned_T: np.ndarray, true_T: np.ndarray, config: AlarmConfig) -> Alarm | None:
    """The first alarm of one run. Both series are means per update on a scale from 0 to 1, in the order of training.

    ``onset`` is where learned reward and truth part most clearly up to the alarm: the split of the series into two
    levels with the smallest squared error. ValueError for lengths that differ or values that are not finite.
    """
    config.check()
    learned_T, true_T = np.asarray(learned_T, dtype=np.float64), np.asarray(true_T, dtype=np.float64)
    if learned_T.shape != true_T.shape or learned_T.ndim != 1:
        raise ValueError(f"a learned and a true reward per update are needed, got {learned_T.shape}, {true_T.shape}")
    if not (np.isfinite(learned_T).all() and np.isfinite(true_T).all()):
        raise ValueError("a reward that is not a finite number cannot be judged")
    sounded = int(alarms(learned_T[None, :], true_T[None, :], config)[0])
    if sounded < 0:
        return None
    behind = (config.share * learned_T - true_T)[: sounded + 1]
    splits = range(1, len(behind))
    errors = [behind[:split].var() * split + behind[split:].var() * (len(behind) - split) for split in splits]
    return Alarm(sounded, int(np.argmin(errors)) + 1)


def alarms(learned_RT: np.ndarray, true_RT: np.ndarray, config: AlarmConfig) -> np.ndarray:
    """The update at which each run's alarm first sounds, -1 where it does not, [R].

    At each update the last ``window`` updates are held against the first. It sounds if the learned reward has gained
    ``smallest`` and ``share * learned - true`` has grown by ``threshold`` standard errors, those of a difference of two
    means, from the variance within the two windows.
    """
    runs, updates = learned_RT.shape
    first = np.full(runs, -1)
    window = config.window
    if updates < 2 * window:
        return first
    behind_RT = config.share * learned_RT - true_RT
    gained_RK = _means(learned_RT, window)[:, window:] - learned_RT[:, :window].mean(axis=1, keepdims=True)
    grown_RK = _means(behind_RT, window)[:, window:] - behind_RT[:, :window].mean(axis=1, keepdims=True)
    squares_RK = _squares(behind_RT, window)
    spread_RK = (squares_RK[:, window:] + squares_RK[:, :1]) / (2 * window - 2)
    error_RK = np.sqrt(np.maximum(spread_RK, 0.0) * 2 / window)
    is_on_RK = (gained_RK >= config.smallest) & (grown_RK > config.threshold * error_RK + 1e-9)
    sounds_R = is_on_RK.any(axis=1)
    first[sounds_R] = is_on_RK[sounds_R].argmax(axis=1) + 2 * window - 1
    return first


def false_alarm_rate(
    config: AlarmConfig, updates: int, seed: int, runs: int = 4000, correlation: float = 0.0
) -> tuple[float, float]:
    """How often it sounds in runs of that length in which nothing happens, with the standard error of that share.

    Simulated: learned and true reward vary about a level that never moves, ``correlation`` being that of an update
    with the one before. The alarm is measured in standard errors, so the size of the noise does not matter;
    ``smallest`` is left out, which can only make it sound more often.
    """
    rng = np.random.default_rng(seed)
    noise_RT = rng.standard_normal((runs, updates))
    for update in range(1, updates):
        fresh = math.sqrt(1 - correlation**2) * noise_RT[:, update]
        noise_RT[:, update] = correlation * noise_RT[:, update - 1] + fresh
    bold = AlarmConfig(config.window, config.threshold, config.share, smallest=0.0)
    # What counts is share * learned - true. A learned reward that rises by next to nothing opens the way to the alarm.
    rising_RT = np.broadcast_to(1e-6 * np.arange(updates), noise_RT.shape)
    share = float((alarms(rising_RT, noise_RT, bold) >= 0).mean())
    return share, math.sqrt(share * (1 - share) / runs)


def _means(values_RT: np.ndarray, window: int) -> np.ndarray:
    """Means of the ``window`` values that begin at each place, [R, T - window + 1]."""
    sums = np.cumsum(np.pad(values_RT, ((0, 0), (1, 0))), axis=1)
    return np.asarray((sums[:, window:] - sums[:, :-window]) / window)


def _squares(values_RT: np.ndarray, window: int) -> np.ndarray:
    """Sums of squared distances from those means."""
    centred_RT = values_RT - values_RT.mean(axis=1, keepdims=True)  # keeps the difference of squares exact
    return np.asarray(window * (_means(centred_RT**2, window) - _means(centred_RT, window) ** 2))
