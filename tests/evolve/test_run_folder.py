from __future__ import annotations

import json
import subprocess
import sys
from enum import StrEnum
from pathlib import Path

import pytest
import yaml

from evolve.open_run import open_run
from tasks.errors import DataError, UserError
from tests.evolve.kills import die_at

ROOT = Path(__file__).resolve().parents[2]
NEUTRAL = frozenset({"workers", "wandb"})
CONFIG = {"name": "mine", "seed": 3, "workers": 2, "wandb": {"mode": "disabled"}, "search": {"rollouts": 8, "c": 2.0}}


class Rule(StrEnum):
    UCT = "uct"


def _open(root, config=CONFIG, overwrite=False):
    return open_run(root, config, overwrite, NEUTRAL)


def _changed(**changes):
    return CONFIG | changes


def _make_stage(run, name="search", text="trees", round_number=1):
    path = run.round_dir(round_number) / f"{name}.jsonl"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    run.commit_stage(round_number, name, [path], {"coverage": 0.5})
    return path


def test_a_new_run_records_config_and_origin(tmp_path):
    with _open(tmp_path / "runs" / "mine", _changed(rule=Rule.UCT, path=Path("data"))) as run:
        run.add_provenance({"policy": "round_1/policy", "trees": "round_0/policy"})
        run.add_provenance({"policy": "round_1/policy", "trees": "round_0/policy"})
        config = yaml.safe_load((run.root / "config.yaml").read_text())
        record = json.loads((run.root / "run.json").read_text())
    assert config == _changed(rule="uct", path="data")
    assert record["seed"] == 3
    assert record["versions"]["numpy"]
    assert record["provenance"] == [{"policy": "round_1/policy", "trees": "round_0/policy"}]


def test_neutral_changes_resume(tmp_path):
    with _open(tmp_path) as run:
        _make_stage(run)
    with _open(tmp_path, _changed(workers=0, wandb={"mode": "online", "project": "x"})) as run:
        assert run.stage_result(1, "search") == {"coverage": 0.5}
        assert run.stage_result(1, "ppm") is None
        assert len(json.loads((tmp_path / "run.json").read_text())["resumed"]) == 1


def test_another_config_is_refused_naming_the_keys(tmp_path):
    _open(tmp_path).close()
    other = _changed(search={"rollouts": 16, "c": 2.0}, rounds=3, seed=True)
    with pytest.raises(UserError) as caught:
        _open(tmp_path, other)
    assert str(caught.value) == (
        f"{tmp_path} holds a run of another config: seed is 3 there and true now, search.rollouts is 8 there and "
        "16 now, rounds is (not set) there and 3 now; use overwrite=true to start it anew, or another name"
    )
    with pytest.raises(UserError, match=r"d is .* and 2 more; use"):
        _open(tmp_path, CONFIG | dict.fromkeys("abcdefg", 1))
    _open(tmp_path).close()  # the refusals let go of the lock


def test_overwrite_starts_anew(tmp_path):
    with _open(tmp_path) as run:
        _make_stage(run)
        run.finish_round(1)
    with _open(tmp_path, _changed(seed=4), overwrite=True) as run:
        assert run.stage_result(1, "search") is None
        assert run.rounds_done() == []
        assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "config.yaml", "run.json"]


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("foreign", ["thesis.tex", "run.json", "round_1", ".bashrc"])
def test_a_foreign_folder_is_never_touched(tmp_path, overwrite, foreign):
    if foreign == "round_1":
        (tmp_path / foreign).mkdir()
    else:
        (tmp_path / foreign).write_text('{"format": "something else"}')
    with pytest.raises(UserError, match=f"not a run folder .it holds {foreign}"):
        _open(tmp_path, overwrite=overwrite)
    assert [path.name for path in tmp_path.iterdir()] == [foreign]


def test_a_file_in_place_of_the_folder(tmp_path):
    (tmp_path / "mine").write_text("x")
    with pytest.raises(UserError, match="mine is a file, and a run needs a folder"):
        _open(tmp_path / "mine")


def test_what_hydra_writes_first_does_not_make_a_folder_foreign(tmp_path):
    (tmp_path / ".hydra").mkdir()
    (tmp_path / ".run.json.77-0.tmp").write_text("{")
    _open(tmp_path).close()


def test_a_second_process_is_refused_until_the_first_ends(tmp_path):
    code = f"""
from pathlib import Path
from evolve.open_run import open_run
run = open_run(Path({str(tmp_path)!r}), {CONFIG!r}, False, frozenset())
print("open", flush=True)
input()
"""
    other = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout.readline() == "open\n"
    with pytest.raises(UserError, match=f"in use by another process .number {other.pid}.; wait"):
        _open(tmp_path)
    other.kill()
    other.communicate()
    _open(tmp_path).close()


def test_a_missing_file_means_the_stage_is_to_be_done(tmp_path):
    with _open(tmp_path) as run:
        path = _make_stage(run)
        path.unlink()
        assert run.stage_result(1, "search") is None
        _make_stage(run)
        assert run.stage_result(1, "search") == {"coverage": 0.5}


@pytest.mark.parametrize("damage", ["tre", "trees and more", "TREES", ""])
def test_a_damaged_file_is_named(tmp_path, damage):
    with _open(tmp_path) as run:
        path = _make_stage(run)
    path.write_text(damage)
    with _open(tmp_path) as run, pytest.raises(DataError, match=r"round_1/search\.jsonl is damaged .*; delete it"):
        run.stage_result(1, "search")


@pytest.mark.parametrize("text", ["", '{"files": {', "[]", "{}"])
def test_a_damaged_manifest_is_named(tmp_path, text):
    with _open(tmp_path) as run:
        _make_stage(run)
        (tmp_path / "round_1" / ".stages" / "search.json").write_text(text)
        with pytest.raises(DataError, match=r"\.stages/search\.json is damaged"):
            run.stage_result(1, "search")


def test_a_stage_s_folder_counts_with_all_its_files(tmp_path):
    with _open(tmp_path) as run:
        weights = run.round_dir(1) / "policy" / "deep" / "model.safetensors"
        weights.parent.mkdir(parents=True)
        weights.write_bytes(b"weights")
        run.commit_stage(1, "policy", [run.round_dir(1) / "policy"], {})
    weights.write_bytes(b"weightz")
    with _open(tmp_path) as run, pytest.raises(DataError, match=r"model\.safetensors is damaged"):
        run.stage_result(1, "policy")


def test_a_damaged_config_is_named(tmp_path):
    _open(tmp_path).close()
    for damage in ("", "a: [", "\x00"):
        (tmp_path / "config.yaml").write_text(damage)
        with pytest.raises(DataError, match=r"config\.yaml is missing or damaged"):
            _open(tmp_path)
    _open(tmp_path, overwrite=True).close()


def test_done_lists_every_file_and_latest_follows(tmp_path):
    with _open(tmp_path) as run:
        for number in (1, 2, 10):
            _make_stage(run, round_number=number)
            run.finish_round(number)
            assert (tmp_path / "latest").readlink() == Path(f"round_{number}")
        run.finish_round(2)  # finished again after a file was remade: latest stays
        assert (tmp_path / "latest").readlink() == Path("round_10")
        assert run.rounds_done() == [1, 2, 10]
        done = json.loads((tmp_path / "round_1" / "DONE").read_text())
        assert list(done["files"]) == ["search.jsonl"]
        assert done["files"]["search.jsonl"]["bytes"] == 5
        before = (tmp_path / "round_1" / "DONE").read_bytes()
        run.finish_round(1)
        assert (tmp_path / "round_1" / "DONE").read_bytes() == before


def test_latest_is_mended_and_temporaries_are_swept_on_resume(tmp_path):
    with _open(tmp_path) as run:
        _make_stage(run)
        run.finish_round(1)
    (tmp_path / "latest").unlink()
    (tmp_path / "round_1" / ".pairs.jsonl.5-1.tmp").write_text("torn")
    _open(tmp_path).close()
    assert (tmp_path / "latest").readlink() == Path("round_1")
    assert not (tmp_path / "round_1" / ".pairs.jsonl.5-1.tmp").exists()


def test_stage_names_stay_inside_their_folder(tmp_path):
    with _open(tmp_path) as run, pytest.raises(ValueError, match="a stage's name"):
        run.stage_result(1, "../../evil")


@pytest.mark.parametrize("overwrite", [False, True])
def test_killed_anywhere_while_beginning_the_next_start_succeeds(tmp_path, overwrite):
    """A child is killed before its n-th write, rename or removal, for every n; the folder is whole after the next."""
    for point in range(100):
        root = tmp_path / str(point)
        if overwrite:
            with _open(root, _changed(seed=1)) as run:
                _make_stage(run)
        was_killed = die_at(point, lambda root=root: _open(root, overwrite=overwrite))
        with _open(root, overwrite=overwrite) as run:
            assert run.stage_result(1, "search") is None
            assert yaml.safe_load((root / "config.yaml").read_text()) == CONFIG
            assert json.loads((root / "run.json").read_text())["state"] == "begun"
        assert sorted(path.name for path in root.iterdir()) == [".lock", "config.yaml", "run.json"]
        if not was_killed:
            break
    assert point > 8
