"""The bench from its config to its reports: a run, labels, process models, judgements, searches, one table."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from evolve.evaluate_run import finished_round
from evolve.open_run import open_run
from evolve.run import evolve
from evolve.run_folder import RunFolder
from evolve.run_trees import find_run
from evolve.saved_config import load_config
from evolve.workbench.cells import Cells
from evolve.workbench.config import RESULT_NEUTRAL, BenchConfig, BenchLabels, check
from evolve.workbench.equal import equal_tokens
from evolve.workbench.grid import Cell, grid
from evolve.workbench.plan import TRUTH, Plan, label_stage
from evolve.workbench.report import write_reports
from evolve.workbench.scan import scan_figures
from evolve.workbench.summary import Found, summarise
from evolve.workers import WorkerPool
from tasks.durable import write_json_atomic
from tasks.errors import UserError
from tasks.readers.formats import read_labelled
from tasks.seeding import derive_seed


def prm_bench(config: BenchConfig, settings: dict[str, Any], root: Path) -> dict[str, Any]:
    """Begin the bench of ``root``, or take it up where it stopped; returns what ``summary.json`` holds.

    ``settings`` is the config as plain data, for the record. UserError for anything a user can mend.
    """
    check(config)
    with open_run(root, settings, config.overwrite, RESULT_NEUTRAL, part="") as folder:
        began = time.monotonic()
        run = _run(config, settings, root)
        with WorkerPool(config.workers) as pool:
            cells = Cells(folder, pool, config.progress)
            try:
                summary = _bench(config, folder, run, cells)
            except BaseException as error:
                cells.log.stopped(error)
                raise
            cells.log.write(f"finished after {time.monotonic() - began:.0f} s")
            timings = cells.timings.summary()
            summary |= {"cell_seconds": timings.total_seconds, "peak_memory_mb": timings.peak_memory_mb}
        write_reports(summary, root)
        return summary


def _run(config: BenchConfig, settings: dict[str, Any], root: Path) -> Path:
    """The finished run whose trees are labelled: the one that is named, or ``lab``, in the bench's folder."""
    if config.run is not None:
        return find_run(config.run)
    here: dict[str, Any] = {"workers": config.workers, "progress": config.progress, "overwrite": False}
    evolve(replace(config.lab, **here), {**settings["lab"], **here}, root / "run")
    return root / "run"


def _round(config: BenchConfig, run: Path, root: Path) -> int:
    """The round whose trees are labelled: found once, so that a run that goes on meanwhile changes nothing here."""
    pinned = root / "round.json"
    if not pinned.exists():
        write_json_atomic(pinned, {"round": finished_round(run, config.round)})
    return finished_round(run, int(json.loads(pinned.read_text(encoding="utf-8"))["round"]))


def _bench(config: BenchConfig, folder: RunFolder, run: Path, cells: Cells) -> dict[str, Any]:
    config = replace(config, round=_round(config, run, folder.root))
    plan = Plan(config, folder.root, run, load_config(run))
    labelled = cells.do("labels", plan.labelling())
    labelled |= cells.do("labels made of labels", plan.deriving())
    wanted = grid(config)
    judged = cells.do("labels judged", plan.judging_labels(), needed=False)
    models = cells.do("process models", plan.training(wanted), needed=False)
    trained = [cell for cell in wanted if "refused" not in models[f"prm-{cell.name}"]]
    guides = [cell for cell in trained if cell.searches]
    if not guides:
        raise UserError("no labels fit any loss that can guide a search, so there is nothing to compare; see log.txt")
    searched = cells.do("searches", plan.searching(guides))
    found = Found(
        run=str(run),
        round=plan.judged.number,
        split=str(plan.judged.work.evaluation.split),
        labels={each: _cost(each, labelled) for each in config.labels},
        held_out=labelled[TRUTH],
        judged_labels={each: judged[f"judge-{each}"] for each in config.labels if f"judge-{each}" in judged},
        models={cell: models[f"prm-{cell.name}"] for cell in wanted},
        search=_searches(config, guides, searched),
        scan=_scan(config, plan),
    )
    return summarise(found, config)


def _cost(labels: BenchLabels, labelled: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """What the labels to train on are, and cost: agreement costs what its Monte-Carlo labels do."""
    found = labelled[label_stage(labels, held_out=False)]
    paid = BenchLabels.MONTE_CARLO_HARD if labels is BenchLabels.AGREEMENT else labels
    return {"costs": {}, **labelled[label_stage(paid, held_out=False)], **found}


def _searches(config: BenchConfig, guides: Sequence[Cell], searched: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    guided = {"oracle": searched["search-oracle"]["records"]}
    guided |= {cell.name: searched[f"search-{cell.name}"]["records"] for cell in guides}
    seed = derive_seed(config.seed, "prm bench", "equal tokens")
    return equal_tokens(searched["search-unguided"]["records"], guided, seed)


def _scan(config: BenchConfig, plan: Plan) -> dict[str, Any] | None:
    """Binary search against plain Monte-Carlo, on the held-out solutions; None where one of them is not asked for."""
    both = (BenchLabels.MONTE_CARLO_HARD, BenchLabels.BINARY_SEARCH)
    if not set(both) <= set(config.labels):
        return None
    scanned, searched = (read_labelled(plan.labels_path(each, held_out=True), "own") for each in both)
    return scan_figures(scanned, searched, read_labelled(plan.data_path(TRUTH), "own"), config.continuations)
