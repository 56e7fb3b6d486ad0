"""A comparison whose truth is known because it is invented."""

from __future__ import annotations

import numpy as np

from compare.ledger import Ledger, Role
from compare.summary import ArmRuns, SeedRun, Supervision

PHASES = {
    Supervision.NONE: {"train": (0, 0, 400_000)},
    Supervision.OUTCOME: {"sample": (300_000, 0, 0), "train": (0, 0, 300_000)},
    Supervision.PROCESS: {"search": (200_000, 0, 0), "score": (0, 150_000, 0), "train": (0, 0, 280_000)},
    Supervision.BOTH: {"sample": (200_000, 0, 0), "score": (0, 150_000, 0), "train": (0, 0, 280_000)},
    Supervision.ORACLE: {"sample": (300_000, 0, 0), "train": (0, 0, 300_000)},
}


def ledger_of(supervision):
    ledger = Ledger({Role.POLICY: 650_000, Role.PPM: 650_000})
    ledger.add("cold_start", trained=900_000, seconds=20.0)
    for phase, (generated, scored, trained) in PHASES[supervision].items():
        ledger.add(phase, generated=generated, trained=trained, seconds=12.5)
        ledger.add(phase, Role.PPM, scored=scored)
    ledger.add("verify", verifier_calls=9_216)
    return ledger


def hacked(seed, final, updates=24):
    """Learned reward that rises; the truth follows up to ``final``."""
    rng = np.random.default_rng((7, seed))
    learned = np.linspace(0.35, 0.9, updates) + rng.normal(0, 0.02, updates)
    true = np.linspace(0.3, final, updates) + rng.normal(0, 0.03, updates)
    names = ("hack/learned", "hack/true", "hack/gap", "hack/steps", "hack/tokens_per_step", "hack/repeated_phrases")
    tokens = np.linspace(6, 6 if final > 0.5 else 14, updates)
    columns = (learned, true, learned - true, 30 / tokens, tokens, np.linspace(0, 0.1, updates))
    return [dict(zip(names, map(float, values), strict=True)) for values in zip(*columns, strict=True)]


def arm(supervision, gain, seeds=5, problems=300, learned=None, points=9, offline=False):
    """``gain``: what the arm truly adds to a start of 0.3, in accuracy; ``learned``: where its hacked truth ends."""
    runs = {}
    for seed in range(seeds):
        shared = np.random.default_rng((1, seed))
        chance = np.clip(np.random.default_rng(2).beta(0.8, 1.6, problems) + shared.normal(0, 0.01), 0, 1)
        own = np.random.default_rng((3, seed, round(1000 * gain), len(supervision)))
        start = shared.random(problems) < chance
        final = start | (own.random(problems) < max(0.0, gain + own.normal(0, 0.01)) / 0.67)
        ledger = ledger_of(supervision)
        places = np.linspace(0, 1, points) if gain else np.zeros(1)
        rise = start.mean() + (final.mean() - start.mean()) * np.sqrt(places)
        rise[1:-1] += own.normal(0, 0.008, points - 2) if gain else 0
        runs[seed] = SeedRun(
            start.tolist(),
            final.tolist() if gain else start.tolist(),
            [(float(place * ledger.flops()), float(height)) for place, height in zip(places, rise, strict=True)],
            ledger.to_json(),
            hacked(seed, learned) if learned is not None else (),
            {"ranking": 0.6 + gain, "sign": 0.55 + gain, "first_error": 0.4, "first_error_chance": 0.2} if gain else {},
            [{"n": n, "learned": 0.5 + 0.05 * n, "true": 0.4 - 0.01 * n, "kl": 0.0} for n in (1, 2, 4, 8)]
            if learned
            else (),
            {"solutions": f"arms/x/{seed}/samples.md"} if seed == 0 else {},
            {"updates": 24.0, "equal_groups": 0.3} if gain else {},
        )
    return ArmRuns(supervision, runs, offline=offline)


def comparison(seeds=5):
    """Twelve arms, of which one fails; tree_q, step_delta and the oracle truly beat grpo_outcome, rstar beats rft."""
    return {
        "sft": arm(Supervision.NONE, 0.0, seeds, offline=True),
        "sft_more": arm(Supervision.NONE, 0.015, seeds, offline=True),
        "rft": arm(Supervision.OUTCOME, 0.05, seeds, offline=True),
        "rstar": arm(Supervision.PROCESS, 0.17, seeds, offline=True),
        "grpo_outcome": arm(Supervision.OUTCOME, 0.07, seeds),
        "grpo_ppm": arm(Supervision.PROCESS, 0.075, seeds, learned=0.2),
        "tree_q": arm(Supervision.PROCESS, 0.18, seeds),
        "min_form": arm(Supervision.PROCESS, 0.03, seeds, learned=0.8),
        "step_delta": arm(Supervision.PROCESS, 0.12, seeds),
        "outcome_plus_process": arm(Supervision.BOTH, 0.1, seeds),
        "oracle": arm(Supervision.ORACLE, 0.2, seeds),
        "ppo_gae": ArmRuns(
            Supervision.OUTCOME, dict.fromkeys(range(seeds), "the loss is NaN at update 3; lower the learning rate")
        ),
    }
