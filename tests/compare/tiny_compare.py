"""A comparison that goes through everything in seconds, and what two folders of the same one must agree in."""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import asdict
from pathlib import Path

import torch
import yaml

from compare.budget import Budget
from compare.config import ArmConfig, CompareConfig, JudgingConfig
from compare.run import compare
from evolve.config import GroupSearchConfig, PpmConfig, SelectionConfig, WandbConfig, WandbMode
from lm.config import OptimiserConfig, Precision
from mcts.config import Expansion
from policy.rl_config import RlConfig
from prm.pairs import PairConfig
from scripts.launch import CONF
from tests.evolve.tiny_run import artefacts, tiny_config

ARMS = sorted(path.stem for path in (CONF / "arm").glob("*.yaml"))
TRAIN = {"batch_rows": 16, "micro_rows": 16, "precision": Precision.FP32}


def arm_config(name: str) -> ArmConfig:
    """The arm as conf/arm says it."""
    from omegaconf import OmegaConf

    said = yaml.safe_load((CONF / "arm" / f"{name}.yaml").read_text())
    return OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(ArmConfig), said))


def tiny_comparison(*names: str, **changes) -> CompareConfig:
    """The named arms on the shortest chains; ``changes`` replace whole parts of the config."""
    run = tiny_config()
    search = {"rollouts": 4, "width": 3, "max_depth": 4, "group": 6, "slots": 6}
    parts = {
        "task": run.task,
        "policy": run.policy,
        "engine": run.engine,
        "arms": {name: arm_config(name) for name in names},
        "budget": Budget(tokens=12_000),
        "seeds": 1,
        "problems": 40,
        "rl": RlConfig(problems=6, group=4, optimiser=OptimiserConfig(learning_rate=2e-3, epochs=1.0, **TRAIN)),
        "tuning": OptimiserConfig(learning_rate=2e-3, **TRAIN),
        "search": GroupSearchConfig(**search),
        "tree": GroupSearchConfig(**search | {"rollouts": 2, "expansion": Expansion.CONTINUATION}),
        "selection": SelectionConfig(top=1),
        "ppm": PpmConfig(
            pairs=PairConfig(min_margin=0.1, min_edit_distance=1),
            optimiser=OptimiserConfig(learning_rate=2e-3, epochs=1.0, **TRAIN),
        ),
        "judging": JudgingConfig(problems=12, points=3),
        "wandb": WandbConfig(mode=WandbMode.DISABLED),
        "workers": 0,
        "progress": False,
    }
    return CompareConfig(**(parts | changes))


def run_comparison(root: Path, config: CompareConfig) -> dict:
    """Begin or take up the comparison of ``root`` in this process; returns its results."""
    torch.set_num_threads(1)
    return compare(config, json.loads(json.dumps(asdict(config))), root)


def kill_when_done(root: Path, config: CompareConfig, stages: int) -> None:
    """Begin or take up the comparison in another process, and kill that as soon as so many stages are done."""
    child = os.fork()
    if child == 0:
        run_comparison(root, config)
        os._exit(0)
    deadline = time.monotonic() + 300
    while len(list(root.glob("seed_*/.stages/*.json"))) < stages:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def assert_same_comparison(root: Path, reference: Path, neutral: bool = False) -> None:
    """Same artefacts byte for byte, and the same summary but for seconds."""
    found, wanted = artefacts(root), artefacts(reference)
    if neutral:
        del found["config.yaml"], wanted["config.yaml"]
    assert sorted(found) == sorted(wanted)
    assert [name for name in wanted if found[name] != wanted[name]] == []
    assert _timeless(root) == _timeless(reference)


def _timeless(root: Path) -> object:
    def strip(value):
        if isinstance(value, dict):
            return {
                name: strip(inner) for name, inner in value.items() if name not in ("seconds", "name") or name == "x"
            }
        return [strip(inner) for inner in value] if isinstance(value, list) else value

    return strip(json.loads((root / "summary.json").read_text()))
