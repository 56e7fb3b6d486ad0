"""The program that trains a process model, from a file of labels to a folder and a table."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from evolve.train_prm_config import TrainPrmConfig
from evolve.train_prm_run import held_out_table, train_prm
from lm.config import OptimiserConfig, Precision, TokenizerKind
from lm.folder import save_model
from lm.tiny import new_tiny_model, tiny_config
from lm.tokenizer import build_tokenizer
from prm.losses.config import LossName
from tasks.durable import sha256_file
from tasks.errors import UserError
from tasks.readers.formats import write_labelled
from tests.prm.labelled import toy

ROOT = Path(__file__).resolve().parents[2]
OPTIMISER = OptimiserConfig(learning_rate=4e-3, epochs=4, batch_rows=32, micro_rows=32, precision=Precision.FP32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("train_prm")
    tokenizer = build_tokenizer(TokenizerKind.CHARACTERS, ["x"], 0)
    save_model(new_tiny_model(tiny_config(32, tokenizer, 64), 5), tokenizer, path / "policy")
    write_labelled(path / "labels.jsonl", toy(24))
    return path


def config(folder: Path, out: str, **changes) -> TrainPrmConfig:
    ready = {"data": str(folder / "labels.jsonl"), "base": str(folder / "policy"), "out": str(folder / out)}
    return TrainPrmConfig(
        **(
            ready
            | {"held_out": 0.25, "optimiser": OPTIMISER, "device": "cpu", "workers": 0, "progress": False}
            | changes
        )
    )


def test_a_file_of_labels_becomes_a_folder_and_a_table(folder):
    found = train_prm(config(folder, "soft", loss=LossName.SOFT_BCE))
    assert found["sha256"] == sha256_file(folder / "labels.jsonl")
    assert found["held_out"]["steps"]["order"] > 0.8
    assert json.loads((folder / "soft" / "prm.json").read_text())["held_out"] == found["held_out"]
    console = Console(width=100, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(held_out_table(found))
    text = console.export_text()
    assert "30 held-out solutions, 90 learned from" in text
    assert f"{found['held_out']['steps']['accuracy']:.1%}" in text
    with pytest.raises(UserError, match="soft is there already; name another folder"):
        train_prm(config(folder, "soft"))
    assert train_prm(config(folder, "soft", overwrite=True, loss=LossName.MSE))["loss"]["name"] == "mse"


def test_bad_options_are_one_sentence(folder):
    for change, match in (
        ({"held_out": 1.0}, "held_out must lie in"),
        ({"workers": 3}, "workers must be 0"),
        ({"beta": -1.0}, "beta must be a number above 0"),
        ({"form": "nothing"}, "the format 'nothing' is not known"),
        ({"data": "nowhere.jsonl"}, "nowhere.jsonl"),
        ({"base": "nowhere"}, "nowhere: no model folder here"),
    ):
        with pytest.raises(UserError, match=match):
            train_prm(config(folder, "bad", **change))
    assert not (folder / "bad").exists()


def test_the_program_trains_in_a_process_of_its_own(folder):
    asked = [
        f"data={folder}/labels.jsonl", f"base={folder}/policy", f"out={folder}/implicit", "loss=implicit", "beta=0.5",
        "held_out=0.25", "device=cpu", "optimiser.epochs=2", "optimiser.precision=fp32",
    ]  # fmt: skip
    command = [sys.executable, "-m", "scripts.train_prm", *asked]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "whole solutions" in done.stdout
    assert f"written: {folder}/implicit" in done.stdout
    assert done.stderr.startswith("train the PRM (implicit): ")
    assert {"prm.json", "reference", "model.safetensors"} <= {each.name for each in (folder / "implicit").iterdir()}
    again = subprocess.run([*command, "loss=nonsense"], capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert again.returncode == 2
    assert again.stderr.count("\n") == 1
