"""The jobs that train: the cold start (round 0), and each round's policy and PPM."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from evolve.kept_engine import make_room
from evolve.models import device_of
from evolve.selection import read_sft_rows
from evolve.stages import StageResult
from lm.config import OptimiserConfig
from lm.folder import load_policy, load_tokenizer, save_model
from lm.rows import TextRow
from lm.tiny import new_tiny_model, tiny_config
from lm.tokenizer import build_tokenizer
from lm.train import StepRecord, train
from policy.config import EngineConfig, PolicyConfig
from policy.proposer import PromptEncoder
from policy.sft import demonstration_row, sft_loss
from prm import train as ppm
from prm.accuracy import PairAccuracy, pair_accuracy
from prm.model import load_ppm
from prm.pair_file import read_pairs
from tasks.config import TaskConfig
from tasks.errors import UserError
from tasks.registry import build_task
from tasks.seeding import derive_seed


def cold_start(
    report: Callable[..., None], task: TaskConfig, policy: PolicyConfig, engine: EngineConfig, seed: int, out: Path
) -> StageResult:
    """Train the base policy on the task's demonstrations and save it to ``out``."""
    make_room(device_of(engine))
    demonstrations = build_task(task).demonstrations(policy.cold_start.demonstrations)
    if policy.path is None:
        if not demonstrations:
            raise UserError("a policy made from nothing needs worked solutions: set policy.cold_start.demonstrations")
        template = policy.prompt.template
        texts = [template.replace("{prompt}", d.problem.prompt) + d.solution for d in demonstrations]
        tokenizer = build_tokenizer(policy.tiny.tokenizer, texts, policy.tiny.vocabulary)
        model: Any = new_tiny_model(
            tiny_config(policy.tiny.size, tokenizer, policy.tiny.context), derive_seed(seed, "initial weights")
        ).to(device_of(engine))  # type: ignore[arg-type]
    else:
        model, tokenizer = load_policy(policy.path, device_of(engine)), load_tokenizer(policy.path)
    encode = PromptEncoder(policy.prompt, tokenizer)
    rows = [demonstration_row(demonstration, encode, tokenizer) for demonstration in demonstrations]
    longest = max((row.length for row in rows), default=0)
    if longest > model.config.max_position_embeddings:
        context = model.config.max_position_embeddings
        raise UserError(
            f"a worked solution has {longest} tokens, the policy reads {context}; raise policy.tiny.context"
        )
    metrics = fine_tune(report, model, rows, policy.cold_start.optimiser, seed, "cold start") if rows else []
    save_model(model, tokenizer, out)
    result = {"demonstrations": len(rows), "parameters": sum(p.numel() for p in model.parameters())}
    return StageResult(result | {"trained_tokens": trained_tokens(rows, policy.cold_start.optimiser)}, metrics)


def train_policy(
    report: Callable[..., None],
    rows_path: Path,
    base: Path,
    policy: PolicyConfig,
    engine: EngineConfig,
    seed: int,
    what: str,
    out: Path,
) -> StageResult:
    """Fine-tune ``base`` on the chosen trajectories of a round and save it to ``out``."""
    tokenizer = load_tokenizer(base)
    rows = read_sft_rows(rows_path, PromptEncoder(policy.prompt, tokenizer))
    make_room(device_of(engine))
    model = load_policy(base, device_of(engine))
    metrics = fine_tune(report, model, rows, policy.optimiser, seed, what)
    save_model(model, tokenizer, out)
    return StageResult({"rows": len(rows), "trained_tokens": trained_tokens(rows, policy.optimiser)}, metrics)


def fine_tune(
    report: Callable[..., None], model: Any, rows: list[TextRow], config: OptimiserConfig, seed: int, what: str
) -> list[dict[str, Any]]:
    """Supervised fine-tuning in place; returns a metrics row per optimiser step."""

    def on_step(record: StepRecord, steps: int) -> None:
        report(record.step, steps, loss=record.loss)

    records = train(model, rows, sft_loss, config, derive_seed(seed, what), what, on_step)
    return [metrics_row(record) for record in records]


def metrics_row(record: StepRecord) -> dict[str, Any]:
    """A step's record for metrics.jsonl; rounded, for nobody reads the tenth digit of a loss."""
    return {
        "step": record.step,
        "loss": round(record.loss, 6),
        "gradient_norm": round(record.gradient_norm, 4),
        "learning_rate": float(f"{record.learning_rate:.4g}"),
    }


def trained_tokens(rows: list[TextRow], config: OptimiserConfig) -> int:
    """Tokens that went through the optimiser, prompts included, padding not."""
    return round(sum(row.length for row in rows) * config.epochs)


def train_ppm(
    report: Callable[..., None],
    pairs_path: Path,
    held_out_path: Path,
    base: Path,
    policy: PolicyConfig,
    engine: EngineConfig,
    optimiser: OptimiserConfig,
    seed: int,
    what: str,
    out: Path,
) -> StageResult:
    """Train a PPM on a round's pairs, starting from the policy that grew the trees; judge it on held-out pairs."""
    encode = PromptEncoder(policy.prompt, load_tokenizer(base))
    pairs, held_out = read_pairs(pairs_path), read_pairs(held_out_path)
    device = device_of(engine)
    make_room(device)
    records = ppm.train_ppm(
        pairs,
        base,
        out,
        optimiser,
        derive_seed(seed, what),
        encode,
        on_step=lambda record, steps: report(record.step, steps, loss=record.loss),
        device=device,
    )
    model = load_ppm(out, device)
    judged = pair_accuracy(model, held_out, encode) if held_out else None
    tokens = sum(len(row) for node in ppm.group_by_node(pairs, encode) for row in node.rows)
    result = {"trained_tokens": round(tokens * optimiser.epochs), **judgement(judged)}
    return StageResult(result, [metrics_row(record) for record in records])


def judgement(judged: PairAccuracy | None) -> dict[str, Any]:
    """Pair accuracy as JSON: the share, and [share, pairs] by kind and by depth."""
    if judged is None:
        return {"pair_accuracy": None, "pair_accuracy_by_kind": {}, "pair_accuracy_by_depth": {}}
    return {
        "pair_accuracy": round(judged.share, 6),
        "pair_accuracy_by_kind": {str(name): [round(share, 6), n] for name, (share, n) in judged.by_kind.items()},
        "pair_accuracy_by_depth": {str(name): [round(share, 6), n] for name, (share, n) in judged.by_depth.items()},
    }
