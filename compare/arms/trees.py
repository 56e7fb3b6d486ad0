"""The jobs that grow an arm's trees from its cold start and train a PPM on them where the arm wants one."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from compare.arms.planted import planted
from compare.arms.shared_search import search_spread
from compare.arms.stream import Stream
from compare.arms.tree_page import write_tree_page
from compare.arms.work import TreesWork
from compare.config import CompareConfig
from compare.ledger import Ledger, Role
from evolve.models import device_of
from evolve.selection import select_data
from evolve.stages import StageResult
from evolve.training import train_ppm
from evolve.work import SearchWork
from lm.distributed import agreed
from lm.folder import load_policy, load_scorer, load_tokenizer
from lm.packing import packed_size
from mcts.storage import read_trees
from policy.proposer import PromptEncoder
from prm.pair_file import read_pairs, write_pairs
from prm.pairs import PreferencePair, select_pairs
from prm.train import group_by_node
from tasks.problem import Split
from tasks.registry import build_task
from tasks.seeding import derive_seed


def grow_trees(report: Callable[..., None], work: TreesWork) -> StageResult:
    """Write trees, ``sft.jsonl`` and ``pairs.jsonl`` (and ``ppm``) to ``out``; the result holds what it cost."""
    config = work.config
    seed = derive_seed(config.seed, "arm", work.seed, *["second"] * work.second)
    stream = Stream(build_task(config.task).problems(Split.TRAIN, config.problems), seed)
    model = load_policy(work.start, device_of(config.engine))
    ledger = Ledger({Role.POLICY: sum(parameter.numel() for parameter in model.parameters())})
    encode = PromptEncoder(config.policy.prompt, load_tokenizer(work.start))
    files: list[Path] = []
    solved = 0
    search = SearchWork(
        config.task, config.policy, config.engine, config.search, work.start, None, derive_seed(seed, "trees")
    )
    pending = 0  # tokens that a PPM will be trained on
    while not files or _share(work, ledger, pending) < work.share:
        files.append(work.out / "trees" / f"trees-{len(files):05d}.jsonl.gz")
        grown = search_spread(search, stream.take(config.search.group), files[-1])
        solved += len(grown.result["solved"])
        counts = {name: grown.result["counts"][f"{name}_tokens"] for name in ("generated", "prefilled", "cached")}
        calls = grown.result["counts"].get("sandbox_calls", 0)
        ledger.add("trees", verifier_calls=sum(grown.result["verdicts"].values()), sandbox_calls=calls, **counts)
        ledger.add("trees", seconds=grown.seconds["search"])
        if work.with_ppm:
            pending += _ppm_tokens(
                [p for tree in read_trees(files[-1]) for p in select_pairs(tree, config.ppm.pairs).pairs],
                encode,
                config,
            )
        report(min(_share(work, ledger, pending) / work.share, 1.0), 1.0)
    chosen = select_data(_quiet, files, [], config.selection, config.ppm, config.task, work.out)
    if work.planted:
        write_pairs(work.out / "pairs.jsonl", planted(read_pairs(work.out / "pairs.jsonl"), work.planted))
    write_tree_page(work.out / "trees.md", read_trees(files[0]))
    trees = len(files) * config.search.group
    metrics = [_search_row(trees, solved, chosen.result, ledger)]
    if work.with_ppm:
        metrics += _train_ppm(work, work.out, ledger, encode, derive_seed(seed, "ppm"))
    return _result({"trees": trees, "selected": chosen.result}, metrics, ledger)


def train_pool_ppm(report: Callable[..., None], work: TreesWork, pool: Path) -> StageResult:
    """Train a PPM on the pairs in the folder ``pool`` to ``ppm`` in ``work.out``; the result holds what it cost."""
    seed = derive_seed(work.config.seed, "arm", work.seed)
    encode = PromptEncoder(work.config.policy.prompt, load_tokenizer(work.start))
    ledger = Ledger({})
    metrics = _train_ppm(work, pool, ledger, encode, derive_seed(seed, "ppm"))
    return _result({}, metrics, ledger)


def _result(found: Mapping[str, Any], metrics: list[dict[str, Any]], ledger: Ledger) -> StageResult:
    """Seconds are kept apart from the record."""
    seconds = {name: phase.seconds for name, phase in ledger.phases.items()}
    for phase in ledger.phases.values():
        phase.seconds = 0.0
    return StageResult({**found, "ledger": ledger.to_json()}, metrics, seconds)


def _search_row(trees: int, solved: int, chosen: Mapping[str, Any], ledger: Ledger) -> dict[str, Any]:
    return {
        "search/trees": trees,
        "search/solved": round(solved / trees, 6),
        "search/pairs": chosen["pairs"],
        "search/trajectories": chosen["trajectories"],
        "search/generated_tokens": ledger.tokens().generated,
    }


def _train_ppm(work: TreesWork, source: Path, ledger: Ledger, encode: PromptEncoder, seed: int) -> list[dict[str, Any]]:
    config, pairs, started = work.config, source / "pairs.jsonl", time.perf_counter()
    trained = train_ppm(
        _quiet, pairs, source / "held_out_pairs.jsonl", work.start, config.policy, config.engine,
        config.ppm.optimiser, seed, "PPM", work.out / "ppm",
    )  # fmt: skip
    model = load_scorer(work.out / "ppm", device_of(config.engine))
    ledger.parameters[Role.PPM] = sum(parameter.numel() for parameter in model.parameters())
    tokens = _ppm_tokens(read_pairs(pairs), encode, config)
    ledger.add("ppm_training", Role.PPM, trained=tokens, seconds=agreed(time.perf_counter() - started))
    return [
        {"ppm/" + name.replace("gradient", "grad"): value for name, value in row.items()} for row in trained.metrics
    ]


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
