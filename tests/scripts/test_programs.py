"""The programs from outside, as processes."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import scripts.show_tree
from mcts.storage import write_trees
from tests.mcts.puzzles import search_table

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = sorted(path.stem for path in (ROOT / "scripts").glob("*.py") if "__main__" in path.read_text())


def run(*arguments, cwd=ROOT):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "160"}
    return subprocess.run(
        [sys.executable, *map(str, arguments)], capture_output=True, text=True, cwd=cwd, env=environment, timeout=300
    )


def test_programs_are_found():
    assert {"doctor", "evolve", "make_config_docs", "show_tree"} <= set(PROGRAMS)


def test_programs_are_imported_without_torch():
    """All in one process, which says after each what it would have had to leave alone."""
    code = f"""
import importlib, sys
for program in {PROGRAMS}:
    importlib.import_module(f"scripts.{{program}}")
    print(program, *(name for name in ("torch", "transformers", "wandb") if name in sys.modules))
"""
    answer = run("-c", code)
    assert (answer.stdout.splitlines(), answer.stderr) == (PROGRAMS, "")


@cache
def help_of(program):
    answer = run("-m", f"scripts.{program}", "--help")
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_is_given(program):
    assert len(help_of(program)) > 40


def test_help_tells_what_the_program_itself_has():
    helps = {name: help_of(name) for name in ("evolve", "train", "evaluate")}
    assert helps["train"].startswith("Run one arm alone")
    assert "  experiment: code, lab, lab_gsm8k, rounds, smoke\n" in helps["evolve"]
    assert "  arm: " not in helps["evolve"]
    assert "  arm: " in helps["train"]
    assert "Groups" not in helps["evaluate"]


def test_help_may_be_cut_off():
    """As by ``| head``: the reader goes away before all is written."""
    command = [sys.executable, "-m", "scripts.evolve", "--help"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(300) == 0


@pytest.mark.parametrize("program", ["doctor", "make_config_docs", "show_tree"])
def test_a_wrong_option_ends_in_one_sentence(program):
    answer = run("-m", f"scripts.{program}", "--bogus")
    assert answer.returncode == 2
    assert answer.stderr.startswith("error: ")
    assert answer.stderr.count("\n") == 1


@pytest.fixture
def run_folder(tmp_path):
    (tmp_path / "outputs/mine").mkdir(parents=True)
    (tmp_path / "outputs/mine/run.json").write_text("{}")
    write_trees(tmp_path / "outputs/mine/round_1/trees/tree1-00000.jsonl.gz", [search_table(rollouts=4).tree])
    return tmp_path


def test_show_tree_lists_and_shows(run_folder):
    listed = run("-m", "scripts.show_tree", "mine", "--text", cwd=run_folder)
    assert "table/0/0" in listed.stdout
    assert "--problem ID" in listed.stdout
    shown = run("-m", "scripts.show_tree", "outputs/mine", "--problem", "table/0/0", cwd=run_folder)
    assert "round 1, tree1-00000" in shown.stdout
    assert "✓" in shown.stdout
    assert (listed.returncode, shown.returncode, shown.stderr) == (0, 0, "")


def test_show_tree_makes_a_page(run_folder):
    answer = run("-m", "scripts.show_tree", "mine", cwd=run_folder)
    assert answer.stdout.startswith("written: outputs/mine/inspector.html (1 trees, 0.1 MB); open it in a browser")
    named = run("-m", "scripts.show_tree", "mine", "--html", "page.html", "--problem", "table/0/0", cwd=run_folder)
    assert (answer.returncode, named.returncode, answer.stderr + named.stderr) == (0, 0, "")
    page = (run_folder / "page.html").read_bytes().replace(b'"problem":"table/0/0"', b'"problem":null')
    assert page == (run_folder / "outputs/mine/inspector.html").read_bytes()


def test_show_tree_writes_what_other_programs_read(run_folder):
    arguments = ["--problem", "table/0/0", "--json", "t.json", "--graphml", "t.graphml", "--dot", "t.dot"]
    answer = run("-m", "scripts.show_tree", "mine", *arguments, cwd=run_folder)
    assert answer.stdout.splitlines()[-3:] == ["written: t.json", "written: t.graphml", "written: t.dot"]
    assert (run_folder / "t.dot").read_text().startswith("digraph {")
    assert (run_folder / "t.graphml").read_text().startswith("<?xml")
    printed = run("-m", "scripts.show_tree", "mine", "--problem", "table/0/0", "--json", "-", cwd=run_folder)
    assert printed.stdout == (run_folder / "t.json").read_text()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nothing"], "nothing is not a run folder"),
        (["mine", "--round", "2"], "round 2 has no trees; use --round 1"),
        (["mine", "--problem", "x"], "has no tree of problem x; the nearest ids are table/0/0"),
        (["mine", "--problem", "x", "--html", "t.html"], "has no tree of problem x; the nearest ids are table/0/0"),
        (["mine", "--html", "outputs/mine/run.json/t.html"], "run.json is a file, not a folder"),
        (["mine", "--serve", "--port", "70000"], "--port must lie between 0 and 65535"),
        (["mine", "--html", "nowhere/t.html"], "argument --html: there is no folder nowhere; make it first"),
        (["mine", "--html", "outputs"], "argument --html: outputs is a folder; name a file"),
        (["mine", "--problem", "table/0/0", "--dot", "no/t.dot"], "argument --dot: there is no folder no"),
        (["mine", "--problem", "table/0/0", "--html", "t.html", "--json", "no/t"], "argument --json: there is no"),
        (["mine", "--problem", "x", "--text", "--compare", "mine"], "has no tree of problem x; the nearest ids are"),
        (["mine", "--compare", "other"], "other is not a run folder"),
        (["mine", "--problem", "table/0/0", "--depth", "-1"], "argument --depth: must be a whole number of at least 0"),
        (["mine", "--problem", "table/0/0", "--min-visits", "x"], "--min-visits: must be a whole number of at least 0"),
        (["mine", "--dot", "t.dot"], "--json, --graphml and --dot write the trees of one problem"),
        (["mine", "--problem", "table/0/0", "--path", "99"], "--path 99: tree tree1-00000 has nodes 0 to"),
    ],
)
def test_show_tree_says_what_is_wrong(run_folder, arguments, sentence, monkeypatch, capsys):
    monkeypatch.chdir(run_folder)
    monkeypatch.setattr("sys.argv", ["show_tree", *arguments])
    with pytest.raises(SystemExit) as ended:
        scripts.show_tree.main()
    answer = capsys.readouterr()
    assert (ended.value.code, answer.out) == (2, "")
    assert answer.err.startswith("error: ")
    assert sentence in answer.err
    assert answer.err.count("\n") == 1


def test_doctor_finds_this_machine_fit():
    answer = run("-m", "scripts.doctor")
    assert answer.returncode == 0, answer.stdout
    assert "The lab can run here" in answer.stdout


def test_doctor_speaks_on_a_python_without_anything():
    answer = run("-S", "-m", "scripts.doctor")  # -S: no site-packages
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr.startswith("error: the libraries are not installed for this Python; run make setup")
