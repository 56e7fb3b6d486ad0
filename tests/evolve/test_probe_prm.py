"""Probing a process model of a finished tiny run: rewritten solutions, an attack, and training on what it found."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from evolve.label_config import LabelConfig, LabelMethod
from evolve.label_run import label_run
from evolve.probe_prm_attack import attacking
from evolve.probe_prm_attack_job import attack_group
from evolve.probe_prm_config import AttackConfig, AttackWork, ProbePrmConfig
from evolve.probe_prm_found import Found, adversarial, misled
from evolve.probe_prm_ids import with_ids_job
from evolve.probe_prm_report import console_tables, sentences, tables
from evolve.probe_prm_run import probe_prm
from evolve.saved_config import load_config
from evolve.train_prm_config import TrainPrmConfig
from evolve.train_prm_run import train_prm
from lm.config import OptimiserConfig, Precision
from mcts.config import Mode, SearchConfig
from mcts.step import Step
from mcts.votes import Aggregation
from prm.probing.perturbations import PERTURBATIONS
from prm.step_prm import FolderPrm
from tasks.errors import DataError, UserError
from tasks.fault import FaultConfig
from tasks.problem import Outcome, Problem, Split, Verdict
from tasks.readers.formats import read_labelled, write_labelled
from tasks.readers.labelled import LabelledSolution
from tasks.registry import build_task

ATTACK = AttackConfig(
    problems=6, fresh=8, solutions=4, continuations=2, per_problem=2,
    search=SearchConfig(mode=Mode.INFERENCE, rollouts=3, width=2, max_depth=4),
)  # fmt: skip


@pytest.fixture(scope="module")
def trained(reference, tmp_path_factory):
    """A folder with labels, a model trained on them, and rows to judge it by (the labels of the task's oracle)."""
    folder = tmp_path_factory.mktemp("probe")
    options = {"run": str(reference), "round": 1, "workers": 0, "progress": False, "continuations": 3}
    for name, method, held_out in (
        ("labels", LabelMethod.MONTE_CARLO_SOFT, False),
        ("judged", LabelMethod.ORACLE, True),
    ):
        label_run(LabelConfig(**options, method=method, held_out=held_out, out=str(folder / f"{name}.jsonl")))
    optimiser = OptimiserConfig(learning_rate=3e-3, epochs=2, batch_rows=16, micro_rows=16, precision=Precision.FP32)
    train_prm(
        TrainPrmConfig(
            data=str(folder / "labels.jsonl"), base=str(reference / "round_1/policy"), out=str(folder / "prm"),
            optimiser=optimiser, held_out=0.2, device="cpu", workers=0, progress=False,
        )
    )  # fmt: skip
    return folder


def config(folder, out, **changes):
    ready = {"prm": str(folder / "prm"), "data": str(folder / "judged.jsonl"), "out": str(out), "device": "cpu"}
    return ProbePrmConfig(**(ready | {"workers": 0, "progress": False, "resamples": 40, "attack": ATTACK} | changes))


def test_rewritten_solutions_are_scored_and_told_of(trained, tmp_path):
    found, out = probe_prm(config(trained, tmp_path / "out", threshold=0.1))
    assert json.loads((out / "probe.json").read_text()) == json.loads(json.dumps(found))
    rows = {row["name"]: row for row in found["perturbations"]}
    assert found["solutions"] == len(list(read_labelled(trained / "judged.jsonl", "own")))
    for name in ("spacing", "split", "repeated", "thanks", "length"):
        assert rows[name]["solutions"] + sum(rows[name]["left_out"].values()) == found["solutions"]
        low, high = rows[name]["shift"]["interval"]
        assert low <= rows[name]["shift"]["value"] <= high
    assert rows["wording"]["left_out"] == {"nothing to rewrite": found["solutions"]}
    assert any(sentence.startswith("wording says little") for sentence in sentences(found))
    assert len(tables(found)) == len(console_tables(found)) == 2
    assert (out / "rewriting.svg").read_text().startswith("<svg ")
    page = (out / "probe.html").read_text()
    assert "steps cut in two" in page
    assert "<script" not in page


def test_a_shift_is_the_difference_of_the_model_s_own_scores(trained, tmp_path):
    """One solution by hand, its sampled ids and all."""
    one = next(iter(read_labelled(trained / "judged.jsonl", "own")))
    other = replace(one, labels=tuple(-1.0 for _ in one.labels), prompt="1 +1 mod 5\n", token_ids=())
    path = tmp_path / "two.jsonl"
    write_labelled(path, [replace(one, labels=tuple(1.0 for _ in one.labels)), other])
    asked = config(trained, tmp_path / "out", data=str(path), threshold=0.0, perturbations=["repeated"])
    (row,) = probe_prm(asked)[0]["perturbations"]
    prm = FolderPrm(trained / "prm", lambda tokenizer: lambda text: tokenizer.encode(text, add_special_tokens=False))
    shifts = []
    for each in (one, other):
        twice = [at for at in range(len(each.steps)) for _ in range(1 + (at < len(each.steps) - 1))]
        ids = tuple(each.token_ids[at] for at in twice) if each.token_ids else ()
        again = replace(
            each, steps=tuple(each.steps[at] for at in twice), labels=(None,) * len(twice), token_ids=ids, meta={}
        )
        before, after = prm.values([each, again])
        places = [twice.index(at) for at in range(len(each.steps))]
        shifts += [after[place] - score for place, score in zip(places, before, strict=True)]
    assert row["step_shift"]["value"] == pytest.approx(np.mean(shifts), abs=1e-6)


def test_an_attack_writes_rows_and_the_model_learns_from_them(reference, trained, tmp_path):
    asked = config(trained, tmp_path / "out", data="", run=str(reference), round=1, retrain=True)
    found, out = probe_prm(asked)
    attack = found["attack"]
    rows = list(read_labelled(out / "adversarial.jsonl", "own"))
    wrong = [one for one in rows if one.meta["reward"] < 1]
    assert len(wrong) == attack["rows"]["wrong"] > 0
    assert len(rows) - len(wrong) <= len(wrong)
    for one in rows:
        assert one.meta["method"] == "monte_carlo_soft"  # as the labels that the model was trained on
        assert one.meta["source"] == "adversarial"
        assert len(one.meta["scores"]) == len(one.steps) == len(one.token_ids)
    labels = list(read_labelled(trained / "labels.jsonl", "own"))
    assert list(read_labelled(out / "retraining.jsonl", "own")) == labels + rows
    record = json.loads((out / "retrained/prm.json").read_text())
    assert record["options"] | {"data": ""} == json.loads((trained / "prm/prm.json").read_text())["options"] | {
        "data": ""
    }
    for part in ("before", "after", "difference"):
        for how in ("best_of_n", "mcts"):
            assert 0 < attack[part][how]["chosen_wrong"]["problems"] <= 8
    change = attack["difference"]["best_of_n"]["chosen_wrong"]
    if change["problems"] == attack["before"]["best_of_n"]["chosen_wrong"]["problems"]:
        sides = [attack[part]["best_of_n"]["chosen_wrong"]["value"] for part in ("before", "after")]
        assert change["value"] == pytest.approx(sides[1] - sides[0], abs=2e-6)
    assert any(sentence.startswith("Attacked by the policy of") for sentence in sentences(found))
    again, _ = probe_prm(replace(asked, out=str(tmp_path / "again"), retrain=False))
    assert again["attack"]["before"] == attack["before"]
    assert (tmp_path / "again/adversarial.jsonl").read_bytes() == (out / "adversarial.jsonl").read_bytes()


def test_rows_carry_the_faults_of_the_run_and_judging_does_not(reference, trained):
    of_run = load_config(reference)
    task = replace(of_run.task, fault=FaultConfig(false_positive=1.0, false_negative=1.0))
    of_run = replace(of_run, task=task, engine=replace(of_run.engine, device="cpu"))
    problems = build_task(task).problems(Split.TRAIN, 3)
    work = AttackWork(of_run, ATTACK, reference / "round_1/policy", trained / "prm", 0)
    true, faulty = (
        [one for own in attack_group(lambda *_: None, each, problems).result["found"] for one in own]
        for each in (work, replace(work, faulty=True))
    )
    assert [one.steps for one in true] == [one.steps for one in faulty]
    turned = {Outcome.CORRECT: Outcome.WRONG, Outcome.WRONG: Outcome.CORRECT}
    assert any(one.verdict.outcome in turned for one in true)
    for one, other in zip(true, faulty, strict=True):
        assert other.verdict.outcome is turned.get(one.verdict.outcome, one.verdict.outcome)


def test_labels_that_changed_and_problems_kept_for_judging_are_refused_before_the_attack(reference, trained, tmp_path):
    folder = tmp_path / "prm"
    shutil.copytree(trained / "prm", folder)
    record = json.loads((folder / "prm.json").read_text())
    asked = config(trained, tmp_path / "out", prm=str(folder), data="", run=str(reference), round=1, retrain=True)

    def attack_with(changed, **changes):
        (folder / "prm.json").write_text(json.dumps(record | changed))
        attacking(replace(asked, **changes), tmp_path / "out")

    with pytest.raises(UserError, match=r"is no longer what .* was trained on"):
        attack_with({"sha256": "0"})
    problem = build_task(load_config(reference).task).problems(Split.TRAIN, 1)[0]
    judged = tmp_path / "judged.jsonl"
    write_labelled(judged, [LabelledSolution(problem.prompt, ("x",), (1.0,))])
    with pytest.raises(DataError, match="a problem may be in one part only"):
        attack_with({"options": record["options"] | {"judged_on": str(judged)}})
    with pytest.raises(UserError, match="which is not there"):
        attack_with({"options": record["options"] | {"judged_on": "nowhere.jsonl"}})
    with pytest.raises(DataError, match=r"the training problems that are attacked stand in .*judged\.jsonl"):
        attack_with({}, data=str(judged), retrain=False)
    assert not (tmp_path / "out").exists()


def test_a_generative_model_needs_room_to_answer(trained, tmp_path):
    """The longest question, the shortest verification and the verdict must fit."""
    folder = tmp_path / "prm"
    shutil.copytree(trained / "prm", folder)
    record = json.loads((folder / "prm.json").read_text())
    (folder / "prm.json").write_text(json.dumps(record | {"generative": {"verdicts": ["+", "-"], "longest": 8}}))
    one = LabelledSolution("1 +1 mod 5\n", ("1+1=2\n", "#### 2"), (1.0, 1.0))
    new = PERTURBATIONS["swapped"](replace(one, steps=("1+2=3\n", "#### 2")))
    plain = _fewest(trained / "prm", tmp_path / "plain", one, new)
    assert (
        _fewest(folder, tmp_path / "generative", one, new) == plain + 4
    )  # two end tokens, one of verification, the verdict


def _fewest(folder, file, one, new):
    """The smallest context in which the rewriting is read."""
    shutil.copytree(folder, file)
    about = json.loads((file / "config.json").read_text())
    for context in range(1, 200):
        (file / "config.json").write_text(json.dumps(about | {"max_position_embeddings": context}))
        if with_ids_job(lambda *_: None, file, "{prompt}", [(one, new)]) != [None]:
            return context
    raise AssertionError("it is never read")


def found(how, score, right, ids):
    verdict = Verdict(Outcome.CORRECT if right else Outcome.WRONG, float(right))
    return Found(how, (Step("x", (ids,), is_final=True),), (score,), verdict)


def test_who_is_misled_by_hand():
    problems = [
        [found("mcts", 0.5, True, 1), found("mcts", 0.9, False, 2), found("best_of_n", 1.0, True, 3)],
        [found("mcts", 0.5, True, 1), found("mcts", 0.5, False, 2)],
        [found("mcts", 0.5, True, 1), found("mcts", 0.1, False, 2)],
        [found("mcts", 0.1, False, 2)],
        [],
    ]
    nan = float("nan")
    np.testing.assert_array_equal(
        misled(problems, "mcts", Aggregation.MIN), [[1, 1], [0.5, 0.5], [0, 0], [1, nan], [nan, nan]]
    )
    problem = Problem("p", "p", "1")
    own = [
        found("mcts", score, right, ids) for ids, (score, right) in enumerate([(0.2, 1), (0.6, 1), (0.3, 0), (0.9, 0)])
    ]
    wrong, right = adversarial(problem, own, Aggregation.MIN, 0.5, 4)
    assert ([one.scores[0] for one in wrong], [one.scores[0] for one in right]) == ([0.9, 0.3], [0.2, 0.6])
    assert [len(part) for part in adversarial(problem, own, Aggregation.MIN, 0.5, 1)] == [1, 1]
    assert adversarial(problem, own[2:], Aggregation.MIN, 0.7, 4)[0] == own[3:]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"prm": "nowhere"}, "prm=nowhere is no model folder"),
        ({"data": ""}, "there is nothing to do"),
        ({"data": "nowhere.jsonl"}, "is no file of labelled solutions"),
        ({"perturbations": ["nothing"]}, "the perturbation 'nothing' is not known"),
        ({"retrain": True}, "retrain=true needs the solutions that an attack finds"),
        ({"run": "x", "attack": AttackConfig(fresh=0)}, "attack.fresh must be at least 1, got 0"),
        ({"run": "x", "attack": AttackConfig(search=SearchConfig())}, "attack.search.mode must be inference"),
        (
            {"run": "x", "attack": AttackConfig(label=LabelMethod.ORACLE)},
            "attack.label must be one of",
        ),
        ({"run": "x", "kind": "skywork"}, "cannot guide a search"),
        ({"threshold_share": 1.0}, "threshold_share must lie between 0 and 1"),
    ],
)
def test_what_cannot_be_probed_is_said_in_a_sentence(trained, tmp_path, changes, said):
    with pytest.raises(UserError, match=said):
        probe_prm(config(trained, tmp_path / "out", **changes))
    assert not (tmp_path / "out").exists()
