"""Reading recipes, running their stages, and what is kept of them; the programs are scripted here, but for one."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import yaml

from recipes import run as running
from recipes.asked import chosen, read_asked
from recipes.recipe import COLUMNS, Size, read_recipe
from recipes.report import NOT_RUN, listing, shown, status
from recipes.results import Figure, figure_at, read_results
from recipes.run import Run, read_stages, run_recipes
from tasks.errors import DataError, UserError

RESULTS = Path("results.json")
SAID = {
    "title": "A system",
    "paper": "2501.00000",
    "page": "docs/systems/one.md",
    "minutes": 1,
    "map": dict.fromkeys(COLUMNS, "-"),
    "stages": [
        {"name": "grow", "program": "evolve", "overrides": [["rounds=1"], "seed=3"], "tiny": ["seed=4"]},
        {"name": "labels", "program": "label", "overrides": ["run=$grow"]},
        {"name": "judge", "program": "eval_prm", "overrides": ["data=$labels", "prm=$grow/round_1/ppm"]},
    ],
    "start": "grow/summary.json:rounds.0.greedy",
    "number": "judge/eval.json:choice.method=vote,n=8.mean",
    "chart": "grow/plots/accuracy.svg",
    "figures": {"FLOPs": "grow/summary.json:flops"},
}


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return _recipe(tmp_path, "one")


def _recipe(folder, name, **changes):
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump({**SAID, **changes}))
    return read_recipe(path)


@pytest.fixture
def called(monkeypatch, tmp_path):
    """The commands that were run; each writes what its program would. ``called.fails``: stages that do not."""

    class Calls(list):
        fails: tuple = ()

        def __call__(self, words, log):
            self.append(words)
            if log.stem in self.fails:
                return f"{log.stem} fails"
            folder = log.parent / log.stem
            folder.mkdir(exist_ok=True)
            rows = [{"greedy": 0.25, "greedy_interval": [0.2, 0.3]}]
            (folder / "summary.json").write_text(json.dumps({"rounds": rows, "flops": 3e9}))
            choice = [{"method": "vote", "n": n, "mean": n / 10, "interval": [0.7, 0.9]} for n in (4, 8)]
            (folder / "eval.json").write_text(json.dumps({"choice": choice}))
            (folder.with_name("labels.jsonl")).touch()
            return ""

    calls = Calls()
    monkeypatch.setattr(running, "_call", calls)
    return calls


def _run(recipes, size=Size.LAB, **changes):
    said = []
    run = Run(size, RESULTS, say=said.append, **changes)
    run_recipes(recipes, run)
    return run, said


def test_a_stage_is_the_command_that_a_user_could_type(recipe):
    grow, labels, judge = recipe.stages
    assert recipe.words(grow, Size.LAB) == [
        "-m", "scripts.evolve", "rounds=1", "seed=3", "wandb.mode=disabled", "name=recipes/one/grow",
    ]  # fmt: skip
    assert recipe.words(labels, Size.LAB)[2:] == [
        "run=outputs/recipes/one/grow", "overwrite=true", "out=outputs/recipes/one/labels.jsonl",
    ]  # fmt: skip
    assert recipe.words(judge, Size.TINY)[2:] == [
        "data=outputs/recipes_tiny/one/labels.jsonl", "prm=outputs/recipes_tiny/one/grow/round_1/ppm",
        "out=outputs/recipes_tiny/one/judge",
    ]  # fmt: skip
    tiny = recipe.words(grow, Size.TINY)
    assert tiny[-2:] == ["seed=4", "name=recipes_tiny/one/grow"]
    assert tiny.index("workers=0") > tiny.index("seed=3")


def test_a_run_keeps_its_figures_and_does_nothing_twice(recipe, called):
    run, said = _run([recipe])
    assert not run.failed
    assert [words[1] for words in called] == ["scripts.evolve", "scripts.label", "scripts.eval_prm"]
    assert said[-1] == "one: 25.0 % at the start, 80.0 % at the end"
    result = read_results(RESULTS)["one"]
    assert (result.start, result.number) == (Figure(0.25, (0.2, 0.3)), Figure(0.8, (0.7, 0.9)))
    assert shown(result.figures["FLOPs"]) == "3.00e+09"
    assert set(result.seconds) == {"grow", "labels", "judge"}
    assert status(recipe, result) == "measured"
    report = Path("outputs/recipes/one/REPORT.md").read_text()
    assert "| end | 80.0 % (70.0 % to 90.0 %) |" in report
    assert "beats the start by 55.0 points" in report
    _run([recipe])
    assert len(called) == 3


def test_another_command_is_run_again_and_all_that_builds_on_it(recipe, called, tmp_path):
    _run([recipe])
    stages = [SAID["stages"][0], {**SAID["stages"][1], "overrides": ["run=$grow", "problems=5"]}, SAID["stages"][2]]
    other = _recipe(tmp_path, "one", stages=stages)
    assert status(other, read_results(RESULTS)["one"]) == "changed since it was measured"
    _run([other])
    assert [words[1] for words in called[3:]] == ["scripts.label", "scripts.eval_prm"]


def test_overwrite_begins_all_anew(recipe, called):
    _run([recipe])
    _run([recipe], overwrite=True)
    assert "overwrite=true" in called[3]
    assert len(called) == 6
    assert called[5] == called[2]  # eval_prm writes anew by itself


def _chain(tmp_path, seed):
    """A stage, and one after it that goes on where it stopped."""
    first = {"name": "judge", "program": "eval_prm", "overrides": [f"seed={seed}"]}
    places = {"start": "grow/summary.json:rounds.0.greedy", "number": "judge/eval.json:choice.1.mean", "figures": {}}
    return _recipe(tmp_path, "one", stages=[first, {"name": "grow", "program": "evolve"}], **places)


def test_a_stage_that_builds_on_another_one_is_begun_anew(tmp_path, monkeypatch, called):
    monkeypatch.chdir(tmp_path)
    _run([_chain(tmp_path, 1)])
    assert "overwrite=true" not in called[1]
    called.fails = ("judge",)
    _run([_chain(tmp_path, 2)])  # the first stage fails, and the second is still known to be stale
    assert read_stages(_chain(tmp_path, 2), Size.LAB)["grow"]["stale"]
    called.fails = ("grow",)
    _run([_chain(tmp_path, 2)])
    assert [words[-1] == "overwrite=true" for words in called] == [False, False, False, False, True]
    called.fails = ()
    record = tmp_path / "outputs/recipes/one/grow/run.json"
    _run([_chain(tmp_path, 2)])  # it failed before it had cleared its folder
    assert called[5] == called[4]
    assert "stale" not in read_stages(_chain(tmp_path, 2), Size.LAB)["grow"]
    called.fails = ("grow",)
    _run([_chain(tmp_path, 3)])
    called.fails = ()
    record.touch()  # as if it had begun anew before it failed: it goes on
    _run([_chain(tmp_path, 3)])
    assert "overwrite=true" not in called[8]
    _run([_chain(tmp_path, 3)])
    assert len(called) == 9


def test_a_kill_leaves_later_stages_stale(tmp_path, monkeypatch, called):
    monkeypatch.chdir(tmp_path)
    _run([_chain(tmp_path, 1)])
    known = Path("outputs/recipes/one/stages.json")
    there = []
    monkeypatch.setattr(running, "_call", lambda words, log: there.append(json.loads(known.read_text())) or "killed")
    _run([_chain(tmp_path, 2)], overwrite=True)
    assert there[0]["judge"]["failed"] == "it was interrupted"
    assert there[0]["grow"] == {"stale": True}
    monkeypatch.setattr(running, "_call", called)
    known.write_text(json.dumps(there[0]))
    run, _ = _run([_chain(tmp_path, 2)])
    assert not run.failed
    assert called[3][-1] == "overwrite=true"


def test_a_failure_holds_up_no_other_recipe_and_is_tried_again(recipe, called, tmp_path):
    second = _recipe(tmp_path, "two")
    called.fails = ("labels",)
    run, said = _run([recipe, second])
    assert set(run.failed) == {"one", "two"}
    assert any(line.startswith("one failed: stage labels: labels fails") for line in said)
    assert read_results(RESULTS) == {}
    assert read_stages(recipe, Size.LAB)["labels"]["failed"] == "labels fails"
    called.fails = ()
    run, _ = _run([recipe])
    assert not run.failed
    assert [words[1] for words in called[4:]] == ["scripts.label", "scripts.eval_prm"]


def test_the_tiny_size_keeps_no_numbers(recipe, called):
    _run([recipe], Size.TINY)
    assert not RESULTS.exists()
    assert "numbers mean nothing" in Path("outputs/recipes_tiny/one/REPORT.md").read_text()


def test_a_program_s_own_sentence_says_why_a_stage_failed(tmp_path, monkeypatch, capfd):
    """One real program: it is started, its complaint is read, and the log has it."""
    monkeypatch.chdir(tmp_path)
    stages = [{"name": "judge", "program": "eval_prm", "overrides": ["data=nothing.jsonl"]}]
    places = {"start": "judge/eval.json:a", "number": "judge/eval.json:a", "chart": "judge/eval.html", "figures": {}}
    run, _ = _run([_recipe(tmp_path, "one", stages=stages, **places)])
    assert run.failed["one"].startswith("stage judge: data=nothing.jsonl: there is no such file")
    assert "error: data=nothing.jsonl" in (tmp_path / "outputs/recipes/one/judge.log").read_text()
    assert "error: data=nothing.jsonl" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"stages": []}, "stages of different names"),
        ({"stages": [SAID["stages"][0]] * 2}, "stages of different names"),
        ({"stages": [{"name": "grow", "program": "evolv"}]}, "calls one of evolve"),
        ({"stages": [{"name": "Grow!", "program": "evolve"}]}, "small letters"),
        ({"stages": [{"name": "grow", "program": "evolve", "size": 3}]}, "known parts"),
        ({"stages": [{"program": "evolve"}]}, "this is no recipe"),
        ({"map": {"search": "-"}}, "a map of search, labels"),
        ({"number": "other/summary.json:a"}, "places in its stages"),
        ({"colour": "red"}, "colour"),
        ({"title": None, "stages": 3}, "this is no recipe"),
    ],
)
def test_what_is_no_recipe_is_refused_with_its_file(tmp_path, changes, said):
    with pytest.raises(DataError, match=said) as caught:
        _recipe(tmp_path, "one", **changes)
    assert str(tmp_path / "one.yaml") in str(caught.value)


def test_a_stage_may_only_build_on_earlier_ones(tmp_path):
    stages = [{"name": "grow", "program": "evolve", "overrides": ["teacher.policy=$judge"]}, SAID["stages"][2]]
    recipe = _recipe(tmp_path, "one", stages=stages)
    with pytest.raises(UserError, match=r"stage grow: \$judge is no stage before it"):
        recipe.words(recipe.stages[0], Size.LAB)


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("a/summary.json:rounds.7.greedy", "no number at"),
        ("a/summary.json:rounds.greedy", "no number at"),
        ("a/summary.json:rounds.greedy=9.greedy", "no number at"),
        ("a/summary.json:rounds", "no number at"),
        ("a/*.txt:rounds", "there is no such file"),
    ],
)
def test_a_figure_that_is_not_there_is_told(tmp_path, place, said):
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "summary.json").write_text('{"rounds": [{"greedy": 0.5}]}')
    assert figure_at(tmp_path, "a/*.json:rounds.-1.greedy") == Figure(0.5)
    with pytest.raises(DataError, match=said):
        figure_at(tmp_path, place)


@pytest.mark.parametrize("words", ["run", "runs=a", "size=huge", "dry_run=yes"])
def test_a_word_that_is_no_option_is_refused(words):
    with pytest.raises(UserError):
        read_asked([words])


def test_recipes_are_asked_for_by_name(recipe):
    asked = read_asked(["run=one,one", "size=tiny", "overwrite=true"])
    assert (asked.size, asked.overwrite, asked.dry_run) == (Size.TINY, True, False)
    assert chosen({"one": recipe}, asked.run) == [recipe] == chosen({"one": recipe}, "all")
    assert chosen({"one": recipe}, "") == []
    with pytest.raises(UserError, match="no such recipe; choose from one, or all"):
        chosen({"one": recipe}, "two")
    assert [*listing({"one": recipe}, {}).columns[2].cells] == [NOT_RUN]


def test_a_row_by_a_name_of_several_words_brings_its_interval(tmp_path):
    rows = [{"name": "ECE", "value": 0.1}, {"name": "first-error F1", "value": 0.5, "interval": [0.4, 0.6]}]
    (tmp_path / "eval.json").write_text(json.dumps({"figures": rows}))
    assert figure_at(tmp_path, "eval.json:figures.name=first-error F1.value") == Figure(0.5, (0.4, 0.6))
    assert figure_at(tmp_path, "eval.json:figures.name=ECE.value") == Figure(0.1)


def test_of_several_files_the_one_written_last_is_read(tmp_path):
    for age, (name, value) in enumerate([("b", 0.1), ("a", 0.2), ("c", 0.3)]):
        (tmp_path / name).mkdir()
        (tmp_path / name / "summary.json").write_text(json.dumps({"mean": value}))
        os.utime(tmp_path / name / "summary.json", (100 - age, 100 - age))
    assert figure_at(tmp_path, "*/summary.json:mean") == Figure(0.1)
