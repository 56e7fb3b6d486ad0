"""Two adjudicators of files and of a run's trees: scores beside the trees, figures against counting, refusals."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import fields, replace
from io import StringIO
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from evolve.adjudicate import adjudicate
from evolve.adjudicate_config import AdjudicateConfig, check_adjudicate, differences
from evolve.adjudicate_figures import figures
from evolve.adjudicate_report import sentences, tables, write_adjudication
from evolve.adjudicate_solutions import other_answers
from evolve.inspector import Inspected
from evolve.judging_pages import for_console
from evolve.prm_judging import DataForm
from evolve.run_trees import rounds_with_trees
from evolve.show_trees import Asked, show
from evolve.train_prm_config import TrainPrmConfig
from evolve.train_prm_run import train_prm
from evolve.tree_scores import NAME, TreeScores, read_tree_scores, tree_key
from lm.config import OptimiserConfig, Precision, TokenizerKind
from lm.folder import save_model
from lm.tiny import new_tiny_model, tiny_config
from lm.tokenizer import build_tokenizer
from mcts.storage import read_trees
from prm.judging.adjudicators import Adjudicated
from prm.model import new_scorer_from_policy
from prm.step_prm import FolderPrm
from tasks.errors import DataError, UserError
from tasks.readers.formats import write_labelled
from tasks.readers.labelled import LabelledSolution
from tests.evolve.tiny_run import artefacts, run_tiny
from tests.prm.labelled import toy

CONFIG = AdjudicateConfig(workers=0, progress=False, resamples=20, device="cpu")
PAGE = (Path(__file__).resolve().parents[2] / "docs/prm.md").read_text()


@pytest.fixture(scope="module")
def pair(reference, tmp_path_factory):
    """An answer-aware and a blind scorer on the tiny run's policy, untrained: what matters here is who reads what."""
    folder = tmp_path_factory.mktemp("pair")
    for name, seed, template in (("aware", 1, "{answer} {prompt}"), ("blind", 2, "")):
        save_model(*new_scorer_from_policy(reference / "round_2/policy", seed), folder / name)
        record = {"outputs": 1, "answer_template": template, "base": "policy", "seed": 0}
        (folder / name / "prm.json").write_text(json.dumps(record))
    return folder


def asked(pair, **changes):
    return replace(CONFIG, aware=str(pair / "aware"), blind=str(pair / "blind"), **changes)


@pytest.fixture(scope="module")
def adjudicated(pair, reference, tmp_path_factory):
    """A copy of the tiny run whose last round was adjudicated, what was found, and the trees of that round."""
    root = tmp_path_factory.mktemp("run") / "mine"
    shutil.copytree(reference, root, symlinks=True)
    found, written = adjudicate(asked(pair, run=str(root), out=str(root.parent / "out")))
    assert written == [root / "round_2" / NAME, root.parent / "out/adjudicate.html"]
    return root, found, [tree for path in rounds_with_trees(root)[2] for tree in read_trees(path)]


def test_every_node_of_a_round_has_the_scores_of_both(pair, adjudicated):
    root, _, trees = adjudicated
    known = TreeScores(root)
    tree = max(trees, key=len)
    found = known.of(tree, 2)
    assert set(found) == {"aware", "blind", "difference"}
    for each in trees:
        nodes = set(range(1, len(each)))
        assert all(set(own) == nodes for own in known.of(each, 2).values())
        assert len(known.of(each, 2)) == 3
    leaf = max(range(len(tree)), key=lambda node: tree.depth[node])
    steps = tree.prefix(leaf)
    one = LabelledSolution(
        tree.problem.prompt,
        tuple(step.text for step in steps),
        (None,) * len(steps),
        tree.problem.answer,
        token_ids=tuple(step.token_ids for step in steps),
    )
    for name in ("aware", "blind"):
        prm = FolderPrm(pair / name, lambda tokenizer: lambda text: tokenizer.encode(text, add_special_tokens=False))
        wanted = prm.values([one])[0]
        assert [found[name][node] for node in tree.path(leaf)] == pytest.approx(wanted, abs=2e-6)
    for node, value in found["difference"].items():
        assert value == pytest.approx(found["aware"][node] - found["blind"][node], abs=2e-6)


def test_the_formats_page_names_every_field(adjudicated):
    page = (Path(__file__).resolve().parents[2] / "docs/formats.md").read_text()
    section = page.split("## Adjudicators' scores")[1].split("\n## ")[0]
    row = json.loads((adjudicated[0] / "round_2" / NAME).read_text().splitlines()[0])
    assert [name for name in (*row, *row["models"]) if f"`{name}`" not in section] == []


def test_the_inspector_and_the_terminal_show_them(adjudicated):
    root, _, trees = adjudicated
    inspected = Inspected([root])
    shown = [
        inspected.data(file, tree)["scores"]
        for file in inspected.files
        if file.round == 2
        for tree in read_trees(file.path)
    ]
    assert [len(own["difference"]) for own in shown] == [len(tree) - 1 for tree in trees]
    assert TreeScores(root).of(trees[0], 2)["aware"][1] == shown[0]["aware"]["1"]
    first = next(file for file in inspected.files if file.round == 1)
    assert inspected.data(first, next(iter(read_trees(first.path))))["scores"] == {}
    out = StringIO()
    show(Asked(run=str(root), text=True, problem=trees[0].problem.id, round=2), Console(file=out, width=200))
    assert f"aware={shown[0]['aware']['1']:+.2f} blind={shown[0]['blind']['1']:+.2f}" in out.getvalue()


def test_the_run_goes_on_as_if_nothing_had_been_written(adjudicated, reference):
    root, _, _ = adjudicated
    run_tiny(root)  # finished: it finds every file as it was
    assert set(artefacts(root)) - set(artefacts(reference)) == {f"round_2/{NAME}"}


def test_a_run_is_judged_on_one_kind_of_its_trees(pair, adjudicated, tmp_path):
    root, found, _ = adjudicated
    files = rounds_with_trees(root)[2]
    held_out = {tree.problem.id for path in files if path.parent.name == "held_out_trees" for tree in read_trees(path)}
    assert {row["problem_id"] for row in found["suspect_steps"]} <= held_out
    assert found["problems"] == len(held_out)
    assert found["truth"] == "the task's oracle"
    before = (root / "round_2" / NAME).read_bytes()
    again, _ = adjudicate(asked(pair, run=str(root), held_out=False, out=str(tmp_path)))
    assert not held_out & {row["problem_id"] for row in again["suspect_steps"]}
    assert (root / "round_2" / NAME).read_bytes() == before, "the scores do not depend on what is judged"


def test_scores_of_another_tree_are_not_shown(adjudicated, tmp_path):
    root, _, trees = adjudicated
    tree = trees[0]
    key = tree_key(tree)
    tree.problem = replace(tree.problem, answer=f"{tree.problem.answer}1")
    assert tree_key(tree) != key
    assert TreeScores(root).of(tree, 2) == {}
    rows = (root / "round_2" / NAME).read_text().splitlines()
    row = json.loads(rows[0])
    for change, said in (
        ({"aware": row["aware"][:-1]}, "an entry for each node"),
        ({"blind": [None, "x"]}, "must hold numbers in"),
        ({"blind": [None, 1.5]}, r"in \[-1, 1\] or null, not 1.5"),
        ({"tree": 3}, "must be a text"),
    ):
        (tmp_path / NAME).write_text(f"{rows[0]}\n{json.dumps(row | change)}\n")
        with pytest.raises(DataError, match=rf"{NAME}:2: .*{said}"):
            read_tree_scores(tmp_path / NAME)


# Files of labelled solutions


def labelled(problems=6):
    """Solutions of two steps, of which the second may be wrong; the problem says its answer."""
    for number, (label, reward) in product(range(problems), ((1.0, 1.0), (-1.0, 0.0), (-1.0, 1.0))):
        steps = (f"{number}+1={number + 1}\n", f"#### {label:g}{reward:g}\n")
        meta = {"problem_id": f"p{number}", "method": "oracle", "reward": reward, "nodes": [1, 2], "source": "t"}
        yield LabelledSolution(f"{number} +1 mod 5\n", steps, (1.0, label), str(number + 1), meta)


def test_a_file_is_scored_row_by_row(pair, tmp_path):
    write_labelled(tmp_path / "rows.jsonl", labelled())
    found, written = adjudicate(asked(pair, data=str(tmp_path / "rows.jsonl"), out=str(tmp_path / "out")))
    rows = [json.loads(line) for line in written[0].read_text().splitlines()]
    assert [(row["row"], row["problem_id"]) for row in rows[:4]] == [(0, "p0"), (1, "p0"), (2, "p0"), (3, "p1")]
    assert rows[0]["nodes"] == [1, 2]
    by_name = {row["name"]: row for row in found["questions"]}
    errors = by_name["first errors"]
    assert (errors["sound"], errors["unsound"]) == (12, 12)  # of each problem: the first step once, three second ones
    for place, name in enumerate(("aware", "blind", "difference")):
        sound = [row[name][0] for row in rows[::3]] + [row[name][1] for row in rows[::3]]
        unsound = [row[name][1] for at, row in enumerate(rows) if at % 3]
        hits = [(a > b) + (a == b) / 2 for a in sound for b in unsound]
        assert errors["signals"][name]["area"] == pytest.approx(np.mean(hits), abs=1e-6), place
    lucky = by_name["steps that only look right"]
    assert (lucky["sound"], lucky["unsound"]) == (12, 6)
    references = by_name["wrong references, by the favoured end"]
    assert (references["sound"], references["unsound"], references["signals"]["blind"]["area"]) == (6, 6, 0.5)
    assert references["signals"]["solved"]["area"] == 1
    assert json.loads((tmp_path / "out/adjudicate.json").read_text()) == json.loads(json.dumps(found))
    for name in ("areas", "differences", "around_errors"):
        assert (tmp_path / f"out/{name}.svg").read_text().startswith("<svg ")
    assert "<script" not in (tmp_path / "out/adjudicate.html").read_text()
    again, _ = adjudicate(asked(pair, data=str(tmp_path / "rows.jsonl"), out=str(tmp_path / "again")))
    assert again == found


def test_labels_that_are_values_tell_of_no_error(pair, tmp_path):
    rows = [replace(one, labels=(0.5, -0.5), answer="3") for one in labelled(2)]
    write_labelled(tmp_path / "rows.jsonl", rows)
    found, _ = adjudicate(asked(pair, data=str(tmp_path / "rows.jsonl"), out=str(tmp_path / "out")))
    assert [row["sound"] + row["unsound"] for row in found["questions"][:2]] == [0, 0]
    assert any("how much a step is worth" in remark for remark in found["remarks"])
    assert any("all reference answers are equal" in remark for remark in found["remarks"])
    assert found["questions"][2]["unsound"] == 0
    assert any("wrong references, by all steps: not told" in said for said in sentences(found))


def test_an_adjudicator_that_knows_finds_what_a_blind_one_cannot():
    """The aware one is right about every step and reference, the blind one believes everything: areas of 1 and 1/2."""
    solutions = list(labelled(8))
    judged = [Adjudicated(one, one.labels, (1.0, 1.0)) for one in solutions]
    planted = [(1.0, -1.0) for _ in solutions]
    found = figures(judged, planted, seed=0, resamples=20)
    for row in found["questions"][:4]:
        own = row["signals"]["difference"]
        assert (own["area"], row["signals"]["blind"]["area"]) == (1, 0.5), row["name"]
        assert own["gain_interval"] == [0.5, 0.5]
    assert sum(found["bins"]["first error"]) == 16
    assert found["suspect_steps"][0]["label"] == -1
    about = {"aware": "a", "blind": "b", "what": "w", "truth": "oracle", "problems": 8, "solutions": 24, "remarks": []}
    assert sum("it finds more" in said for said in sentences(about | found)) == 4


@pytest.mark.parametrize(
    ("interval", "gain_interval", "said"),
    [
        ([0.6, 0.7], [0.1, 0.2], "it finds more"),
        ([0.6, 0.7], [-0.1, 0.2], "no gain is shown"),
        ([0.6, 0.7], [-0.2, -0.1], "it finds less"),
        ([0.4, 0.7], [0.1, 0.2], "no more than chance is shown"),  # the blind one may know less than nothing
        ([0.3, 0.4], [0.1, 0.2], "it points the other way"),
        (None, None, "too few problems for an interval"),
    ],
)
def test_more_is_claimed_only_where_the_intervals_say_so(interval, gain_interval, said):
    own = {"area": 0.5, "interval": interval, "gain": 0.1, "gain_interval": gain_interval}
    row = {"name": "first errors", "sound": 9, "unsound": 9, "signals": {"difference": own, "blind": own}}
    about = {"aware": "a", "blind": "b", "what": "w", "truth": "", "problems": 8, "solutions": 24, "remarks": []}
    assert sentences(about | {"questions": [row]})[-1].endswith(f"; {said}")


def test_what_a_model_wrote_is_no_markup(tmp_path):
    hostile = "[bold]<script>|\x1b[2J\u202e"
    one = LabelledSolution("p", (hostile,), (1.0,), hostile, {"problem_id": hostile, "reward": 1.0})
    found = figures([Adjudicated(one, (0.5,), (0.9,))], [None], seed=0, resamples=20)
    about = {"aware": hostile, "blind": "b", "what": hostile, "truth": "", "problems": 1, "solutions": 1, "remarks": []}
    write_adjudication(about | found, tmp_path)
    for name in ("html", "md"):
        text = (tmp_path / f"adjudicate.{name}").read_text()
        assert "<script" not in text
        assert not {"\x1b", "\u202e"} & set(text)
    out = StringIO()
    for table in for_console(tables(about | found)):
        Console(file=out, width=300).print(table)
    assert "[bold]<script>|" in out.getvalue()
    assert "\x1b" not in out.getvalue()


def test_planted_answers_are_those_of_other_problems():
    rows = list(labelled(4))
    found = other_answers(rows, 0)
    assert set(found) == {f"{number} +1 mod 5" for number in range(4)}
    for number in range(4):
        assert found[f"{number} +1 mod 5"] in {str(each + 1) for each in range(4)} - {str(number + 1)}
    assert other_answers(rows, 0) == found
    same = [replace(rows[0], answer="1"), replace(rows[3], answer="1.0")]
    assert other_answers(same, 0) is None


# What is refused


def test_what_is_no_pair_is_refused(pair, tmp_path):
    write_labelled(tmp_path / "rows.jsonl", labelled(2))
    data = str(tmp_path / "rows.jsonl")
    with pytest.raises(UserError, match=r"aware=.*blind does not see the reference answer"):
        check_adjudicate(replace(asked(pair, data=data), aware=str(pair / "blind")))
    with pytest.raises(UserError, match=r"blind=.*aware sees the reference answer; train it with sees_answer=false"):
        check_adjudicate(replace(asked(pair, data=data), blind=str(pair / "aware")))
    tokenizer = build_tokenizer(TokenizerKind.BPE, ["that that this this "] * 20, 270)
    save_model(new_tiny_model(tiny_config(32, tokenizer, 64), 5), tokenizer, tmp_path / "other")
    with pytest.raises(UserError, match="have different tokenizers, so they do not read the same steps"):
        check_adjudicate(replace(asked(pair, data=data), blind=str(tmp_path / "other")))
    assert "no folder of scripts.train_prm" in differences(replace(CONFIG, aware=str(pair / "aware"), blind="x"))[0]
    record = json.loads((pair / "blind/prm.json").read_text())
    shutil.copytree(pair / "blind", tmp_path / "changed")
    options = {"optimiser": {"epochs": 9}, "sees_answer": True}
    (tmp_path / "changed/prm.json").write_text(json.dumps(record | {"seed": 7, "options": options}))
    (said,) = differences(replace(asked(pair), blind=str(tmp_path / "changed")))
    assert re.search(r"trained differently \(seed, .*optimiser", said)
    assert "sees_answer" not in said
    assert differences(asked(pair)) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "either data=FILE"),
        ({"data": "x", "run": "y"}, "either data=FILE"),
        ({"data": "nowhere"}, "data=nowhere: there is no such file"),
        ({"format": DataForm.SAMPLED, "run": "x"}, "format=sampled has no labels"),
        ({"run": "x", "problems": 0}, "problems must be null or at least 1"),
        ({"run": "x", "resamples": 1}, "resamples must be at least 20"),
        ({"run": "x", "aware": "nowhere"}, "aware=nowhere: no model folder here"),
        ({"run": "nowhere"}, "nowhere is not a run folder"),
    ],
)
def test_options_that_cannot_be(pair, changes, said):
    with pytest.raises(UserError, match=said):
        adjudicate(replace(asked(pair), **changes))


def test_a_problem_without_an_answer_is_refused_before_anything_is_scored(pair, tmp_path, monkeypatch):
    write_labelled(tmp_path / "rows.jsonl", [*labelled(1), replace(next(labelled(1)), answer="")])
    monkeypatch.setattr("evolve.adjudicate.score_file_rows", None)
    with pytest.raises(UserError, match=r"problem p0 has no reference answer, which .*aware needs"):
        adjudicate(asked(pair, data=str(tmp_path / "rows.jsonl"), out=str(tmp_path / "out")))
    assert not (tmp_path / "out").exists()


def test_trained_by_the_program_and_told_what_it_learned_from(tmp_path):
    tokenizer = build_tokenizer(TokenizerKind.CHARACTERS, ["x"], 0)
    save_model(new_tiny_model(tiny_config(32, tokenizer, 64), 5), tokenizer, tmp_path / "policy")
    write_labelled(tmp_path / "rows.jsonl", [replace(one, answer="1") for one in toy(8, 3)])
    optimiser = OptimiserConfig(learning_rate=4e-3, epochs=1, batch_rows=32, micro_rows=32, precision=Precision.FP32)
    for name, sees in (("aware", True), ("blind", False)):
        config = TrainPrmConfig(
            data=str(tmp_path / "rows.jsonl"), base=str(tmp_path / "policy"), out=str(tmp_path / name), held_out=0.25,
            optimiser=optimiser, device="cpu", workers=0, progress=False, sees_answer=sees,
        )  # fmt: skip
        found = train_prm(config)
        assert found["answer_template"] == ("Answer: {answer}\n{prompt}" if sees else "")
    with pytest.raises(UserError, match="answer_template must hold"):
        train_prm(replace(config, sees_answer=True, answer_template="{prompt}", overwrite=True))
    wanted = asked(tmp_path, data=str(tmp_path / "rows.jsonl"), out=str(tmp_path / "out"))
    assert differences(wanted) == []
    said = adjudicate(wanted)[0]["remarks"]
    assert [remark[:23] for remark in said[:2]] == ["8 of the 8 problems sta"] * 2


def test_the_page_names_every_option():
    names = {field.name for field in fields(AdjudicateConfig)} | {"sees_answer", "answer_template"}
    assert [name for name in sorted(names) if f"`{name}`" not in PAGE] == []
