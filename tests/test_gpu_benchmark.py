"""``benchmarks.gpu`` at its tiny size on the CPU: what a GPU will run must not be tried there for the first time."""

from __future__ import annotations

import importlib
import json
import math
import subprocess
import sys
from pathlib import Path
from time import monotonic

import pytest
import torch
from transformers import Qwen2ForCausalLM

from benchmarks import gpu, gpu_scoring
from benchmarks.gpu_agreement import gaps
from benchmarks.gpu_bench import SHAPES, TINY, Bench, config_of, new_tokenizer, random_model, take_turns
from benchmarks.gpu_engine import Case, walk
from benchmarks.gpu_training import compared, ppm_arms, turns_of
from benchmarks.report import Row, measured
from prm.train import node_loss

ROOT = Path(__file__).resolve().parents[1]
# Whether an arm is fast shows on a GPU only; what must hold everywhere is that the arms compute the same.
HOLDS = ("difference", "gap", "weight sync")


def bench(seconds: float = 60) -> Bench:
    return Bench(TINY, "cpu", monotonic() + seconds)


def rows_of(part: str) -> dict[str, Row]:
    return {row.metric: row for row in importlib.import_module(f"benchmarks.gpu_{part}").rows(bench())}


@pytest.mark.parametrize(("name", "parameters"), [("0.5b", 494_032_768), ("1.5b", 1_543_714_304)])
def test_the_shapes_are_those_of_the_originals(name, parameters):
    with torch.device("meta"):
        model = Qwen2ForCausalLM(config_of(SHAPES[name], 4096, new_tokenizer()))
    assert model.num_parameters() == parameters


@pytest.mark.parametrize("part", ["machine", "scoring", "engine", "training", "agreement"])
def test_a_part_measures_what_it_should(part):
    rows = rows_of(part)
    assert len(rows) >= 4
    assert all(math.isfinite(row.value) and row.low <= row.value <= row.high for row in rows.values())
    assert [row.metric for row in rows.values() if row.met is False and any(word in row.metric for word in HOLDS)] == []


def test_the_engine_reads_a_path_once_and_all_tokens_are_counted():
    read = {name: row.value for name, row in rows_of("engine").items() if "read per drawn" in name}
    # 4 prompts of 8 for 4 times 6 tokens; then 2 prompts of 8 and, in the second wave, the last token of the step that
    # each tree goes on from, for 2 * 3 * 4 * 2 tokens.
    assert list(read.values()) == [pytest.approx(32 / 24), pytest.approx(18 / 48)]


def test_a_walk_goes_on_with_the_first_generation():
    asked: list[list[tuple[int, ...]]] = []

    def go_on(paths, wave):
        asked.append(paths)
        return [[(wave, 7), (wave, 8)] for _ in paths]

    case = Case("", trees=2, width=2, step=2, waves=3, prompt=4)
    assert walk(case, 320, go_on) == case.tokens == 24
    assert [path[4:] for path in asked[2]] == [(0, 7, 1, 7)] * 2


def test_arms_that_compute_something_else_are_void(monkeypatch):
    right = gpu_scoring.score_rows
    monkeypatch.setattr(gpu_scoring, "score_rows", lambda *given: {row: one + 2 for row, one in right(*given).items()})
    with pytest.raises(ValueError, match="void"):
        rows_of("scoring")


def test_losses_that_differ_are_void():
    some = bench()
    model = random_model(gpu_scoring.Qwen2ForSequenceClassification, some, torch.float32)
    (_, nodes), *_ = importlib.import_module("benchmarks.gpu_training").node_cases(some)
    arms = ppm_arms(some, model, "nodes", nodes)
    arms[1].loss = lambda model, part: node_loss(model, part[:1])
    turns_of(some, arms, most=1)
    with pytest.raises(ValueError, match="void"):
        list(compared(arms, 1.0))


def test_the_unpacked_arm_is_not_packed(monkeypatch):
    """Else both would be fast, and the ratio 1."""
    some = bench()
    model = random_model(gpu_scoring.Qwen2ForSequenceClassification, some, torch.float32)
    (_, nodes), *_ = importlib.import_module("benchmarks.gpu_training").node_cases(some)
    packed: list[int] = []
    attention = importlib.import_module("lm.tree_attention")
    whole = attention.packed_hidden
    monkeypatch.setattr(attention, "packed_hidden", lambda *given: packed.append(1) or whole(*given))
    by_path, together = ppm_arms(some, model, "nodes", nodes)
    turns_of(some, [by_path])
    assert not packed
    turns_of(some, [together])
    assert packed


def test_log_probs_that_are_not_numbers_are_no_gap():
    assert [row.value for row in gaps("it", [1.0, 3.0], [1.0, 1.0], 0.5)][::2] == [1.0, 2.0]
    with pytest.raises(ValueError, match="not finite"):
        list(gaps("it", [math.nan], [1.0], 0.5))


def test_one_turn_is_taken_even_without_time():
    assert len(take_turns(bench(-1), [list, dict])) == 1
    assert len(take_turns(bench(), [list, dict])) == 2


def test_an_arm_that_fails_does_not_stop_the_others(tmp_path, capfd):
    out = tmp_path / "gpu.json"
    arms = [gpu.Arm("nothing", TINY, 60), gpu.Arm("scoring", TINY, 0.05), gpu.Arm("machine", TINY, 60)]
    assert gpu.measure(arms, out, {"command": "it"}) == 1
    report = json.loads(out.read_text())
    assert [one["state"] for one in report["arms"]] == [gpu.FAILED, gpu.OUT_OF_TIME, gpu.DONE]
    assert "No module named 'benchmarks.gpu_nothing'" in report["arms"][0]["note"]
    assert {row["metric"].split(":")[0] for row in report["rows"]} == {"machine tiny"}
    assert report["command"] == "it"
    assert {"name", "commit", "date", "machine", "versions"} <= report.keys()
    assert "Traceback" in capfd.readouterr().err


def test_rows_measured_before_the_end_are_kept(monkeypatch):
    line = json.dumps({"metric": "speed", "value": 1.0, "low": 1.0, "high": 1.0, "budget": None, "met": None})

    def stopped(arm, file, log):
        file.write_text(f'{line}\n{{"metric": "spe')
        log.write_text("a warning\n")

    monkeypatch.setattr(gpu, "_run", stopped)
    rows, ending = gpu.run_arm(gpu.Arm("machine", TINY, 1))
    assert rows == [measured("speed", [1.0])]
    assert (ending.state, ending.note) == (gpu.OUT_OF_TIME, "")


def test_an_error_is_named_though_more_was_said_after_it(monkeypatch):
    def failed(arm, file, log):
        log.write_text("Traceback\n  line\ntorch.OutOfMemoryError: CUDA out of memory.\nshutting down\n")
        return 1

    monkeypatch.setattr(gpu, "_run", failed)
    _, ending = gpu.run_arm(gpu.Arm("machine", TINY, 1))
    assert (ending.state, ending.note) == (gpu.FAILED, "torch.OutOfMemoryError: CUDA out of memory.")


def test_without_vllm_its_part_is_skipped(monkeypatch):
    monkeypatch.setattr(gpu, "installed_vllm", lambda: None)
    rows, ending = gpu.run_arm(gpu.Arm("vllm", TINY, 1))
    assert (rows, ending.state, ending.note) == ([], gpu.SKIPPED, "vLLM is not installed")


def test_the_whole_fits_into_eight_minutes_and_every_part_is_tried_tiny():
    assert sum(arm.seconds for arm in gpu.ARMS) <= 8 * 60 - 10
    assert {arm.part for arm in gpu.tiny(gpu.ARMS)} == {arm.part for arm in gpu.ARMS}
    parts = {path.stem.removeprefix("gpu_") for path in (ROOT / "benchmarks").glob("gpu_*.py")}
    assert parts - {"arm", "bench"} == {arm.part for arm in gpu.ARMS}


@pytest.mark.skipif(torch.cuda.is_available(), reason="for machines without a GPU")
def test_without_a_gpu_one_sentence_says_so(capsys):
    assert gpu.main([]) == 2
    assert "torch sees no GPU" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        gpu.main(["--tiny"])
    assert "--tiny needs --out" in capsys.readouterr().err


def test_what_runs_on_a_gpu_machine_needs_no_configuration_library():
    """Lent machines have torch and transformers, but neither Hydra nor this project's environment."""
    code = (
        "import sys, importlib, pkgutil\n"
        "missing = ('hydra', 'omegaconf', 'wandb', 'networkx', 'httpx', 'ray', 'vllm')\n"
        "sys.modules |= dict.fromkeys(missing)\n"
        "rooms = ('tasks', 'mcts', 'lm', 'prm', 'policy')\n"
        "names = [f'{room}.{one.name}' for room in rooms for one in pkgutil.iter_modules([room])]\n"
        "names += [f'benchmarks.{one.name}' for one in pkgutil.iter_modules(['benchmarks']) if 'gpu' in one.name]\n"
        "for name in names: importlib.import_module(name)\n"
        "print(len(names))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 50
