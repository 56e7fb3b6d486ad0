"""Loss, gradient, advantages and metrics against TRL's GRPOTrainer on the same batch, which TRL samples itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from lm.folder import load_policy, save_model
from lm.rows import TextRow
from policy.credit.base import Member
from policy.credit.config import CreditConfig, ScaleRewards
from policy.credit.registry import assign
from policy.grpo import CreditedGroup, CreditedRow, GrpoLoss
from policy.grpo_config import GrpoConfig, ImportanceLevel, LossType
from policy.grpo_metrics import reward_metrics

trl = pytest.importorskip("trl", reason="TRL is not installed (pip install -e '.[trl]')")

GROUPS, MEMBERS, LIMIT = 3, 4, 12
PROMPTS = ["one ab;; ", "two ab;; and\n", "ab;; ab;;\n\n#### "]


def reward(completion_ids: list[list[int]], **others) -> list[float]:
    """Between 0 and 1 and different within a group; the first group's are all alike."""
    values = [(sum(ids) % 7) / 6 for ids in completion_ids]
    return [0.5] * MEMBERS + values[MEMBERS:]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, model, bpe):
    """The policy on disk, which is where TRL gets its reference policy from."""
    path = tmp_path_factory.mktemp("trl") / "policy"
    save_model(model, bpe, path)
    return path


def trainer_of(folder: Path, tokenizer, **options):
    """A trainer of the policy that has not begun."""
    from datasets import Dataset

    arguments = trl.GRPOConfig(
        str(folder.parent / "run"), per_device_train_batch_size=GROUPS * MEMBERS, num_generations=MEMBERS,
        max_completion_length=LIMIT, temperature=1.0, bf16=False, use_cpu=True, report_to=[], seed=3,
        disable_dropout=True, **options,
    )  # fmt: skip
    return trl.GRPOTrainer(
        load_policy(folder), reward, arguments, Dataset.from_dict({"prompt": PROMPTS}), processing_class=tokenizer
    )


def sampled(trainer):
    """A batch as TRL makes it: padded ids, masks, advantages."""
    trainer.model.train()
    return trainer._generate_and_score_completions([{"prompt": text} for text in PROMPTS for _ in range(MEMBERS)])


def drifted(logprobs: torch.Tensor, seed: int) -> torch.Tensor:
    """Off by chance at every token, and a whole trajectory at once: so that ratios of either kind are clipped."""
    generator = torch.Generator().manual_seed(seed)
    per_token, per_row = (
        torch.randn(logprobs.shape, generator=generator),
        torch.randn(len(logprobs), 1, generator=generator),
    )
    return logprobs + 0.3 * per_token + 0.4 * per_row


def groups_of(batch, advantages) -> list[CreditedGroup]:
    """The same batch as our rows."""
    rows = []
    for index, mask in enumerate(batch["completion_mask"].bool()):
        prompt = batch["prompt_ids"][index][batch["prompt_mask"][index].bool()]
        fields = {
            name: batch[key][index][mask].tolist()
            for name, key in (("old", "old_per_token_logps"), ("reference", "ref_per_token_logps"))
            if key in batch
        }
        target = tuple(batch["completion_ids"][index][mask].tolist())
        row = TextRow(str(index // MEMBERS), tuple(prompt.tolist()), target)
        rows.append(CreditedRow(row, [float(advantages[index])] * len(target), **fields))
    parts = [rows[start : start + MEMBERS] for start in range(0, len(rows), MEMBERS)]
    return [CreditedGroup(part[0].row.problem_id, tuple(part)) for part in parts]


def gradient(model) -> torch.Tensor:
    return torch.cat([one.grad.flatten() for one in model.parameters()])


@pytest.mark.parametrize(("beta", "unbiased"), [(0.0, True), (0.2, True), (0.2, False)])
@pytest.mark.parametrize("level", ImportanceLevel)
@pytest.mark.parametrize("loss_type", LossType)
def test_loss_gradient_and_metrics_equal_trls(folder, bpe, loss_type, level, beta, unbiased):
    config = GrpoConfig(loss_type, level, epsilon=0.15, epsilon_high=0.25, beta=beta, use_bias_correction_kl=unbiased)
    trainer = trainer_of(
        folder, bpe, loss_type=loss_type.value, importance_sampling_level=level.value, beta=beta, epsilon=0.15,
        epsilon_high=0.25, use_bias_correction_kl=unbiased,
    )  # fmt: skip
    trainer.current_gradient_accumulation_steps = 1
    batch = sampled(trainer)
    policy = trainer.model
    with torch.no_grad():
        ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], 1)
        seen = torch.cat([batch["prompt_mask"], batch["completion_mask"]], 1)
        logprobs = trainer._get_per_token_logps_and_entropies(policy, ids, seen, batch["completion_ids"].size(1))[0]
    batch["old_per_token_logps"] = drifted(logprobs, 1)
    if beta:
        batch["ref_per_token_logps"] = drifted(logprobs, 2)
    for values in trainer._metrics.values():
        values.clear()

    theirs = trainer._compute_loss(policy, batch)
    policy.zero_grad()
    theirs.backward()
    wanted = gradient(policy)
    loss = GrpoLoss(config, LIMIT)
    ours = loss(policy, groups_of(batch, batch["advantages"]))
    policy.zero_grad()
    (ours.total / ours.count).backward()

    assert (ours.total / ours.count).item() == pytest.approx(theirs.item(), abs=1e-6)
    assert float((gradient(policy) - wanted).norm()) <= 1e-5 * float(wanted.norm())
    metrics = {name: values[-1] for name, values in trainer._metrics["train"].items()}
    found = loss.metrics()
    assert {"entropy", "clip_ratio/low_mean", "clip_ratio/high_max"} <= set(found) <= set(metrics)
    assert found == pytest.approx({name: metrics[name] for name in found}, abs=1e-5)
    assert found["clip_ratio/region_mean"] > 0


@pytest.mark.parametrize("scale", ScaleRewards)
def test_outcome_credit_and_reward_metrics_equal_trls(folder, bpe, scale):
    trainer = trainer_of(folder, bpe, scale_rewards=scale.value)
    batch = sampled(trainer)
    lengths = batch["completion_mask"].sum(1).tolist()
    rewards = reward([ids[mask.bool()].tolist() for ids, mask in zip(batch["completion_ids"], batch["completion_mask"],
                                                                     strict=True)])  # fmt: skip
    members = [Member(value, (length,)) for value, length in zip(rewards, lengths, strict=True)]
    groups = [members[start : start + MEMBERS] for start in range(0, len(members), MEMBERS)]
    found = [advantages[0] for group in assign(groups, CreditConfig(scale_rewards=scale)) for advantages in group]
    assert np.std(found) > 0.1
    np.testing.assert_allclose(found, batch["advantages"].numpy(), atol=1e-5)
    metrics = {name: values[-1] for name, values in trainer._metrics["train"].items()}
    ours = reward_metrics([[member.reward for member in group] for group in groups])
    if scale is ScaleRewards.BATCH:  # TRL then counts the batch as one group
        del ours["frac_reward_zero_std"]
    assert ours == pytest.approx({name: metrics[name] for name in ours}, abs=1e-5)
