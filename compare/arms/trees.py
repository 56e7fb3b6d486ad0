"""The job that grows an arm's trees from its cold start, and trains a PPM on them where the arm wants one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from compare.arms.course import ProblemStream
from compare.arms.work import TreesWork
from compare.config import CompareConfig
from compare.ledger import Ledger, Role
from evolve.models import device_of
from evolve.search_stage import search_group
from evolve.selection import select_data
from evolve.stages import StageResult
from evolve.training import train_ppm
from evolve.work import SearchWork
from lm.folder import load_policy, load_scorer, load_tokenizer
from lm.packing import packed_size
from mcts.storage import read_trees
from policy.proposer import PromptEncoder
from prm.pair_file import read_pairs
from prm.pairs import PreferencePair, select_pairs
from prm.train import group_by_node
from tasks.problem import Split
from tasks.registry import build_task
from tasks.seeding import derive_seed


def grow_trees(report: Callable[..., None], work: TreesWork) -> StageResult:
    """Write trees, ``sft.jsonl`` and ``pairs.jsonl`` (and ``ppm``) to ``out``; the result holds what it cost."""
    config = work.config
    seed = derive_seed(config.seed, "arm", work.seed)
    stream = ProblemStream(build_task(config.task).problems(Split.TRAIN, config.problems), seed)
    model = load_policy(work.start, device_of(config.engine))
    ledger = Ledger({Role.POLICY: sum(parameter.numel() for parameter in model.parameters())})
    encode = PromptEncoder(config.policy.prompt, load_tokenizer(work.start))
    metrics: list[dict[str, Any]] = []
    files: list[Path] = []
    search = SearchWork(
        config.task, config.policy, config.engine, config.search, work.start, None, derive_seed(seed, "trees")
    )
    pending = 0  # tokens that a PPM will be trained on
    while not files or _share(work, ledger, pending) < work.share:
        files.append(work.out / "trees" / f"trees-{len(files):05d}.jsonl.gz")
        grown = search_group(_quiet, search, stream.take(config.search.group), files[-1])
        counts = {name: grown.result["counts"][f"{name}_tokens"] for name in ("generated", "prefilled", "cached")}
        ledger.add("trees", verifier_calls=sum(grown.result["verdicts"].values()), **counts)
        ledger.add("trees", seconds=grown.seconds["search"])
        if work.with_ppm:
            pending += _ppm_tokens(
                [p for tree in read_trees(files[-1]) for p in select_pairs(tree, config.ppm.pairs).pairs],
                encode,
                config,
            )
        report(min(_share(work, ledger, pending) / work.share, 1.0), 1.0)
    ppm = config.ppm
    chosen = select_data(_quiet, files, [], config.selection, ppm, config.task, work.out)
    result = {"trees": len(files) * config.search.group, "selected": chosen.result}
    if work.with_ppm:
        metrics = _train_ppm(work, ledger, encode, derive_seed(seed, "ppm"))
    seconds = {name: phase.seconds for name, phase in ledger.phases.items()}
    for phase in ledger.phases.values():
        phase.seconds = 0.0
    return StageResult(result | {"ledger": ledger.to_json()}, metrics, seconds)


def _train_ppm(work: TreesWork, ledger: Ledger, encode: PromptEncoder, seed: int) -> list[dict[str, Any]]:
    config, pairs = work.config, work.out / "pairs.jsonl"
    trained = train_ppm(
        _quiet, pairs, work.out / "held_out_pairs.jsonl", work.start, config.policy, config.engine,
        config.ppm.optimiser, seed, "PPM", work.out / "ppm",
    )  # fmt: skip
    model = load_scorer(work.out / "ppm", device_of(config.engine))
    ledger.parameters[Role.PPM] = sum(parameter.numel() for parameter in model.parameters())
    ledger.add("ppm_training", Role.PPM, trained=_ppm_tokens(read_pairs(pairs), encode, config))
    return trained.metrics


def _ppm_tokens(pairs: Sequence[PreferencePair], encode: PromptEncoder, config: CompareConfig) -> int:
    """Tokens that training a PPM on the pairs computes."""
    tokens = sum(packed_size(node.rows) for node in group_by_node(pairs, encode))
    return round(tokens * config.ppm.optimiser.epochs)


def _share(work: TreesWork, ledger: Ledger, pending: int) -> float:
    """What share of the budget the trees have cost, and a PPM of the policy's size would."""
    planned = Ledger(ledger.parameters)
    planned.merge(ledger)
    planned.add("planned", trained=pending)
    return planned.spent(work.config.budget)


def _quiet(*_: object, **__: object) -> None:
    """Hear nothing: the job reports on the whole."""
