"""A run that goes through every stage in a few seconds, and what two folders of the same run must agree in."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import torch
import yaml

from evolve.config import (
    EvaluationConfig,
    EvolveConfig,
    PpmConfig,
    RoundConfig,
    SearchStageConfig,
    SelectionConfig,
    WandbConfig,
    WandbMode,
)
from evolve.run import evolve
from lm.config import OptimiserConfig, Precision
from mcts.config import Mode, SearchConfig
from policy.config import ColdStartConfig, EngineConfig, PolicyConfig, StepFormatConfig, TinyConfig
from prm.pairs import PairConfig
from tasks.suites.chain import ChainConfig

# What holds times, or says who ran it when. All else must be the same bytes.
WALL_CLOCK = frozenset({"log.txt", "timings.jsonl", "run.json", "summary.json", "REPORT.md", "report.html", ".lock"})


def tiny_config(**changes) -> EvolveConfig:
    """Two rounds on the shortest chains; ``changes`` replace whole parts of the config."""
    train = {"batch_rows": 16, "micro_rows": 16, "precision": Precision.FP32}
    parts = {
        "task": ChainConfig(modulus=5, min_length=1, max_length=2),
        "policy": PolicyConfig(
            tiny=TinyConfig(size=32, context=64),
            steps=StepFormatConfig(max_step_tokens=8),
            max_solution_tokens=20,
            cold_start=ColdStartConfig(160, OptimiserConfig(learning_rate=1e-2, epochs=5.0, **train)),
            optimiser=OptimiserConfig(learning_rate=2e-3, epochs=1.0, **train),
        ),
        "engine": EngineConfig(device="cpu"),
        "search": SearchStageConfig(rollouts=4, width=3, max_depth=4, problems=8, group=4, slots=4, held_out=8),
        "schedule": [RoundConfig(mode=Mode.TERMINAL_GUIDED, escalation=[6]), RoundConfig(mode=Mode.PPM_AUGMENTED)],
        "selection": SelectionConfig(top=1),
        "ppm": PpmConfig(
            pairs=PairConfig(min_margin=0.1, min_edit_distance=1),
            optimiser=OptimiserConfig(learning_rate=2e-3, epochs=1.0, **train),
        ),
        "evaluation": EvaluationConfig(
            problems=4, samples=2, group=2, search=SearchConfig(mode=Mode.INFERENCE, rollouts=2, width=2, max_depth=4)
        ),
        "wandb": WandbConfig(mode=WandbMode.DISABLED),
        "rounds": 2,
        "workers": 0,
        "progress": False,
    }
    return EvolveConfig(**(parts | changes))


def run_tiny(root: Path, config: EvolveConfig | None = None, **changes) -> dict:
    """Begin the run of ``root``, or take it up, in this process; returns its summary."""
    torch.set_num_threads(1)
    config = config or tiny_config(**changes)
    return evolve(config, settings_of(config), root)


def settings_of(config: EvolveConfig) -> dict:
    """The config as plain data, as the programs hand it over."""
    return json.loads(json.dumps(asdict(config)))


def overrides_of(config: EvolveConfig) -> list[str]:
    """The config as a command line. Texts that would need quoting keep their defaults."""
    return [
        f"{name}={_grammar(value)}"
        for name, value in _flat(settings_of(config), "")
        if not isinstance(value, str) or re.fullmatch(r"[\w./-]*", value)
    ]


def _flat(value: object, name: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{key}" if name else key)
    else:
        yield name, value


def _grammar(value: object) -> str:
    """A value in the grammar of overrides."""
    if isinstance(value, list):
        return f"[{','.join(map(_grammar, value))}]"
    if isinstance(value, dict):
        return f"{{{','.join(f'{key}:{_grammar(inner)}' for key, inner in value.items())}}}"
    return value if isinstance(value, str) else json.dumps(value)


def artefacts(root: Path) -> dict[str, str]:
    """sha256 (or target) of every file (or link) of a run that is no report and holds no wall-clock; hidden too."""
    found = {}
    for folder, subfolders, files in os.walk(root):
        for path in (Path(folder, name) for name in [*files, *subfolders]):
            name = path.relative_to(root).as_posix()
            if path.is_symlink():
                found[name] = f"-> {path.readlink()}"
            elif path.is_file() and name not in WALL_CLOCK and not name.startswith("plots/"):
                found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def timeless(root: Path) -> dict[str, object]:
    """What the files with wall-clock say besides it."""
    record = json.loads((root / "run.json").read_text())
    summary = json.loads((root / "summary.json").read_text())
    del summary["total_seconds"], summary["peak_memory_mb"]
    for row in summary["rounds"]:
        del row["seconds"]
    return {
        "run.json": [record["format"], record["state"], record["seed"], record["provenance"]],
        "summary.json": summary,
        "REPORT.md": _blank((root / "REPORT.md").read_text(), r"\d+ \|$|[\d,]+ seconds, at most [\d,]+ MB"),
        "report.html": _blank((root / "report.html").read_text(), r"<td>\d+</td></tr>|<figure id=.seconds.*?</figure>"),
        "plots": {path.name: path.read_text() for path in root.glob("plots/*.svg") if path.name != "seconds.svg"},
        "timings.jsonl": {json.loads(line)["stage"] for line in (root / "timings.jsonl").open()},
    }


def _blank(text: str, times: str) -> str:
    blanked, count = re.subn(times, "-", text, flags=re.MULTILINE)
    assert count >= 3, "a time in the cold start's row and in that of each round"
    return blanked


def assert_same_run(root: Path, reference: Path, neutral: bool = False) -> None:
    """Same artefacts, byte for byte, and the same record but for times.

    ``neutral``: what never changes a result (the number of workers, the name) may differ in config.yaml.
    """
    found, wanted = artefacts(root), artefacts(reference)
    if neutral:
        configs = [yaml.safe_load((folder / "config.yaml").read_text()) for folder in (root, reference)]
        assert configs[0] | {"workers": 0, "name": ""} == configs[1] | {"workers": 0, "name": ""}
        del found["config.yaml"], wanted["config.yaml"]
    assert sorted(found) == sorted(wanted)
    assert [name for name in wanted if found[name] != wanted[name]] == []
    assert timeless(root) == timeless(reference)
