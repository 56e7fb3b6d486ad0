"""The job that trains a round's policy on the preference pairs of its trees, by DPO (``policy.dpo``)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from evolve.kept_engine import make_room
from evolve.models import device_of
from evolve.stages import StageResult
from evolve.training import metrics_row
from lm.folder import load_policy, load_tokenizer, save_model
from lm.packing import packed_size
from lm.rows import TextRow
from lm.train import StepRecord, train
from policy.config import DpoConfig, EngineConfig, PolicyConfig
from policy.dpo import DpoLoss, StepPair, with_margins
from policy.proposer import PromptEncoder
from prm.pair_file import read_pairs
from prm.pairs import PreferencePair
from tasks.errors import UserError
from tasks.seeding import derive_seed

_UNDECIDED = 0.5  # the most that a label is smoothed: more would turn it round


def train_policy_on_pairs(
    report: Callable[..., None],
    pairs_path: Path,
    base: Path,
    policy: PolicyConfig,
    engine: EngineConfig,
    dpo: DpoConfig,
    seed: int,
    what: str,
    out: Path,
) -> StageResult:
    """Train ``base`` to prefer the better step of each of a round's pairs, being the reference; save it to ``out``."""
    tokenizer, found = load_tokenizer(base), read_pairs(pairs_path)
    if not found:
        raise UserError(f"{what}: the trees gave no preference pair to train on; lower ppm.pairs.min_margin")
    make_room(device_of(engine))
    model = load_policy(base, device_of(engine))
    encode = PromptEncoder(policy.prompt, tokenizer)
    pairs = with_margins(model, [step_pair(pair, encode, dpo.smooth_by_visits) for pair in found])

    def on_step(record: StepRecord, steps: int) -> None:
        report(record.step, steps, loss=record.loss)

    records = train(model, pairs, DpoLoss(dpo.beta), policy.optimiser, derive_seed(seed, what), what, on_step)
    save_model(model, tokenizer, out)
    tokens = sum(packed_size([row.ids for row in (pair.chosen, pair.rejected)]) for pair in pairs)
    trained = round(tokens * policy.optimiser.epochs)
    result = {"rows": len(pairs), "trained_tokens": trained, "reference_tokens": tokens}
    return StageResult(result, [metrics_row(record) for record in records])


def step_pair(pair: PreferencePair, encode: PromptEncoder, smooth_by_visits: bool = False) -> StepPair:
    """A pair as rows of tokens; its label smoothed by how much of the visits the rejected step had."""
    before = (*encode(pair.prompt), *pair.prefix)
    visits = pair.chosen_visits + pair.rejected_visits
    smoothing = min(_UNDECIDED, pair.rejected_visits / visits) if smooth_by_visits and visits else 0.0
    return StepPair(
        TextRow(pair.problem_id, before, pair.chosen, pair.chosen_given),
        TextRow(pair.problem_id, before, pair.rejected, pair.rejected_given),
        smoothing=smoothing,
    )
