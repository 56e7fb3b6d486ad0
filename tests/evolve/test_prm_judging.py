"""Judging process models and label files from outside: figures by hand, files, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evolve.prm_judging import DataForm, EvalPrmConfig, judge_prm
from evolve.prm_report import console_tables, sentences
from evolve.prm_scoring import template_of
from lm.config import TokenizerKind
from lm.folder import save_model
from lm.tiny import new_tiny_model, tiny_config
from lm.tokenizer import build_tokenizer
from mcts.votes import Aggregation
from prm.model import load_ppm, new_scorer_from_policy
from tasks.errors import DataError, UserError
from tasks.readers.formats import write_labelled
from tasks.readers.labelled import LabelledSolution, labels_until

REAL = Path(__file__).resolve().parents[2].parent / "shared/data/math_solutions_sampled.jsonl"
CONFIG = EvalPrmConfig(workers=0, progress=False, resamples=40, device="cpu")


@pytest.fixture(scope="module")
def ppm(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prm")
    tokenizer = build_tokenizer(TokenizerKind.CHARACTERS, ["0123456789+=abcdefgh \n.?"], 0)
    save_model(new_tiny_model(tiny_config(32, tokenizer, 128), 5), tokenizer, folder / "policy")
    save_model(*new_scorer_from_policy(folder / "policy", 1), folder / "ppm")
    return folder / "ppm"


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return str(path)


def processbench(count=40):
    for number in range(count):
        label = number % 4 - 1
        subset = "gsm8k" if number // 4 % 2 else "math"
        yield {"id": f"{subset}-{number}", "problem": f"{number}+1?", "steps": ["a\n", "b\n", "c"], "label": label}


def figures(found):
    return {row["name"]: row for row in found["figures"]}


def test_a_model_on_processbench_rows(ppm, tmp_path):
    data = write(tmp_path / "rows.jsonl", processbench())
    config = replace(CONFIG, prm=str(ppm), data=data, format=DataForm.PROCESSBENCH, out=str(tmp_path / "out"))
    found, folder = judge_prm(config)
    assert json.loads((folder / "eval.json").read_text()) == json.loads(json.dumps(found))
    assert found["threshold"]["solutions"] + found["judged"] == 40
    assert found["threshold"]["solutions"] > 0
    rows = figures(found)
    assert {"first-error F1", "first-error F1 (gsm8k)", "mean F1 of the subsets", "first-error AUC", "ECE"} <= set(rows)
    mean = (rows["first-error F1 (gsm8k)"]["value"] + rows["first-error F1 (math)"]["value"]) / 2
    assert rows["mean F1 of the subsets"]["value"] == pytest.approx(mean, abs=1e-6)
    assert (folder / "reliability.svg").read_text().startswith("<svg ")
    assert "first-error F1 (gsm8k)" in (folder / "eval.md").read_text()
    assert "<script" not in (folder / "eval.html").read_text()
    assert len(console_tables(found)) == 2
    assert any(sentence.startswith("threshold") for sentence in sentences(found))
    again = replace(config, workers=1, out=str(tmp_path / "again"))
    assert judge_prm(again)[0] == found, "the number of workers changes nothing"


def test_scores_are_the_model_s_own(ppm, tmp_path):
    """The threshold 0.5 and the F1 it gives, from HF's own forward pass."""
    import torch

    from lm.folder import load_tokenizer

    rows = list(processbench(12))
    data = write(tmp_path / "rows.jsonl", rows)
    model, tokenizer = load_ppm(ppm), load_tokenizer(ppm)
    scores = []
    for row in rows:
        ids, own = tokenizer.encode(row["problem"]), []
        for step in row["steps"]:
            ids = ids + tokenizer.encode(step if step.endswith("\n") else step + "\n")
            with torch.no_grad():
                hidden = model.model(input_ids=torch.tensor([ids])).last_hidden_state[0, -1]
                own.append(float(torch.tanh(model.score(hidden)[0])))
        scores.append(own)
    threshold = float(np.median(scores))
    hits = {True: [], False: []}
    for row, own in zip(rows, scores, strict=True):
        below = [score < threshold for score in own]
        hits[row["label"] >= 0].append((below.index(True) if any(below) else -1) == row["label"])
    wrong, right = np.mean(hits[True]), np.mean(hits[False])
    config = replace(CONFIG, prm=str(ppm), data=data, format=DataForm.PROCESSBENCH, threshold=threshold)
    found = figures(judge_prm(replace(config, out=str(tmp_path / "out")))[0])
    assert found["accuracy on erroneous"]["value"] == pytest.approx(wrong, abs=1e-6)
    assert found["accuracy on correct"]["value"] == pytest.approx(right, abs=1e-6)
    expected = 2 * wrong * right / (wrong + right) if wrong + right else 0
    assert found["first-error F1"]["value"] == pytest.approx(expected, abs=1e-6)


def solutions(errors, count=3):
    return [
        LabelledSolution(f"problem {number}", tuple("abcde"[:count]), labels_until(count, error))
        for number, error in enumerate(errors)
    ]


def test_a_label_file_that_is_the_truth_gets_everything_right(tmp_path):
    truth, path = solutions([-1, 0, 1, 2] * 10), tmp_path / "truth.jsonl"
    write_labelled(path, truth)
    found, _ = judge_prm(replace(CONFIG, prm=str(path), data=str(path), out=str(tmp_path / "out")))
    rows = figures(found)
    names = ("first-error F1", "first-error AUC", "accuracy on erroneous", "accuracy on correct")
    assert [rows[name]["value"] for name in names] == [1, 1, 1, 1]
    assert (rows["ECE"]["value"], rows["Brier score"]["value"]) == (0, 0)
    assert rows["rank correlation"]["value"] == pytest.approx(1)
    assert found["left_out"] == 0


def test_labels_are_held_against_their_price(tmp_path):
    costs = [{"generated": 5, "verifier_calls": 2}, {"generated": 7}, {}]
    truth = [replace(one, meta={"cost": cost}) for one, cost in zip(solutions([-1, 0, 1]), costs, strict=True)]
    write_labelled(tmp_path / "own.jsonl", truth)
    path = str(tmp_path / "own.jsonl")
    found, _ = judge_prm(replace(CONFIG, prm=path, data=path, threshold=0.0, out=str(tmp_path / "out")))
    assert found["cost"] == {"generated": 12, "verifier_calls": 2}
    assert "the labels cost: generated 12, verifier_calls 2" in sentences(found)


def test_values_are_judged_as_values(tmp_path):
    """Measured values v with K = 5 against a file that says v + 0.1 everywhere."""
    rng = np.random.default_rng(0)
    values = rng.integers(0, 5, (30, 3)) / 5
    write_labelled(tmp_path / "truth.jsonl", _valued(values))
    write_labelled(tmp_path / "prm.jsonl", _valued(values + 0.1)[:-1])
    config = replace(CONFIG, prm=str(tmp_path / "prm.jsonl"), data=str(tmp_path / "truth.jsonl"))
    found, folder = judge_prm(replace(config, out=str(tmp_path / "out")))
    rows, values = figures(found), values[:-1]
    assert found["left_out"] == 1
    assert found["threshold"] is None
    assert "first-error F1" not in rows
    assert rows["bias"]["value"] == pytest.approx(0.1)
    assert rows["noise of the values"]["value"] == pytest.approx((values * (1 - values)).mean() / 4, abs=1e-6)
    assert rows["variance beyond noise"]["value"] == 0
    assert rows["rank correlation"]["value"] == pytest.approx(1)
    assert rows["rank within solutions"]["value"] == pytest.approx(1)
    assert "left out" in (folder / "eval.md").read_text()


def _valued(values):
    return [
        LabelledSolution(f"p{number}", tuple("abc"), tuple((2 * row - 1).tolist()), meta={"continuations": 5})
        for number, row in enumerate(values)
    ]


def test_pairs_of_siblings_count(tmp_path):
    rows = [
        LabelledSolution(f"p{number}", (text,), (label,))
        for number in range(6)
        for text, label in (("right", 1.0), ("wrong", -1.0))
    ]
    write_labelled(tmp_path / "truth.jsonl", rows)
    turned = [replace(one, labels=(-one.labels[0],)) if one.prompt == "p0" else one for one in rows]
    write_labelled(tmp_path / "prm.jsonl", turned)
    config = replace(CONFIG, prm=str(tmp_path / "prm.jsonl"), data=str(tmp_path / "truth.jsonl"), threshold=0.0)
    row = figures(judge_prm(replace(config, out=str(tmp_path / "out")))[0])["pair accuracy"]
    assert (row["value"], row["of"]) == (pytest.approx(5 / 6, abs=1e-6), 6)


def test_a_threshold_may_come_from_another_file(tmp_path):
    chosen, judged = solutions([0, -1] * 4), [replace(one, prompt=f"other {one.prompt}") for one in solutions([-1, 2])]
    write_labelled(tmp_path / "all.jsonl", [*chosen, *judged])
    for name, own in (("chosen", chosen), ("judged", judged)):
        write_labelled(tmp_path / f"{name}.jsonl", own)
    config = replace(CONFIG, prm=str(tmp_path / "all.jsonl"), data=str(tmp_path / "judged.jsonl"))
    config = replace(config, threshold_data=str(tmp_path / "chosen.jsonl"), out=str(tmp_path / "out"))
    found, _ = judge_prm(config)
    assert (found["judged"], found["threshold"]["solutions"]) == (2, 8)
    assert found["threshold"]["value"] == 0.0  # half way between -1 and 1
    with pytest.raises(DataError, match=r"problems of .*judged.jsonl stand in .*all.jsonl too"):
        judge_prm(replace(config, threshold_data=str(tmp_path / "all.jsonl")))
    with pytest.raises(DataError, match=r"problems of .*judged.jsonl stand in .*all.jsonl too"):
        judge_prm(replace(config, trained_on=str(tmp_path / "all.jsonl")))


SAMPLED = [
    {
        "question": f"{number}+1?",
        "response": ["a\n\nb", "c\n\nd", "e"],
        "pred": ["2", "2.0", "3"],
        "score": [number > 0, number > 0, number == 0],
        "pred_score": [[1.0], [0.5], [2.0 - number]],
    }
    for number in range(4)
]


def test_sampled_solutions_by_recorded_scores(tmp_path):
    data = write(tmp_path / "rows.jsonl", SAMPLED)
    config = replace(CONFIG, prm="recorded", data=data, format=DataForm.SAMPLED, out=str(tmp_path / "out"))
    found, folder = judge_prm(config)
    at = {(row["method"], row["n"]): row["mean"] for row in found["choice"]}
    assert at["best", 3] == pytest.approx((1 + 0.5 + 1 + 1) / 4)  # 2 > 1; 1 = 1 of which one is right; 1 > 0; 1 > -1
    assert at["oracle", 3] == 1
    assert at["vote", 3] == 0.75  # 2 and 2.0 are one answer, wrong in the first problem
    assert at["oracle", 1] == pytest.approx((1 / 3 + 3 * 2 / 3) / 4, abs=1e-6)
    assert (folder / "best_of_n.svg").exists()


def test_sampled_solutions_by_a_model(ppm, tmp_path):
    data = write(tmp_path / "rows.jsonl", SAMPLED)
    config = replace(CONFIG, prm=str(ppm), data=data, format=DataForm.SAMPLED, choose_by=Aggregation.LAST)
    found, _ = judge_prm(replace(config, out=str(tmp_path / "out")))
    assert found["solutions_each"] == 3
    assert {row["n"] for row in found["choice"]} == {1, 2, 3}
    assert all(0 <= row["mean"] <= 1 for row in found["choice"])
    write_labelled(tmp_path / "labels.jsonl", solutions([0]))
    with pytest.raises(UserError, match="a file of labels knows steps"):
        judge_prm(replace(config, prm=str(tmp_path / "labels.jsonl")))


@pytest.mark.skipif(not REAL.exists(), reason="the sampled solutions are not here")
def test_the_sampled_math_solutions(tmp_path):
    config = replace(CONFIG, prm="recorded", data=str(REAL), format=DataForm.SAMPLED, out=str(tmp_path))
    found, _ = judge_prm(config)
    at = {(row["method"], row["n"]): row["mean"] for row in found["choice"]}
    assert (found["problems"], found["solutions_each"]) == (100, 8)
    rows = [json.loads(line) for line in REAL.read_text().splitlines()]
    assert at["best", 1] == pytest.approx(np.mean([row["score"] for row in rows]), abs=1e-6)
    assert at["oracle", 8] == np.mean([any(row["score"]) for row in rows])
    best = [row["score"][int(np.argmax(row["pred_score"]))] for row in rows]  # no ties between right and wrong there
    assert at["best", 8] == pytest.approx(np.mean(best), abs=0.011)
    for method in ("best", "vote", "weighted"):
        assert at[method, 8] <= at["oracle", 8]


def test_data_alone_is_looked_at(tmp_path):
    write_labelled(tmp_path / "own.jsonl", [*solutions([0, -1]), *solutions([0])])
    found, folder = judge_prm(replace(CONFIG, data=str(tmp_path / "own.jsonl"), out=str(tmp_path / "out")))
    assert found["remarks"] == ["1 of 3 solutions stand there again with the same labels"]
    assert [row["depth"] for row in found["care"]["depths"]] == [1, 2, 3]
    assert "figures" not in found
    assert "Labels by depth" in (folder / "eval.md").read_text()


def test_the_prompt_is_that_of_the_run(tmp_path):
    folder = tmp_path / "run/round_1/ppm"
    folder.mkdir(parents=True)
    assert template_of(folder) == "{prompt}"
    (tmp_path / "run/run.json").write_text("{}")
    (tmp_path / "run/config.yaml").write_text("policy:\n  prompt:\n    template: 'Q: {prompt}'\n")
    assert template_of(folder) == "Q: {prompt}"
    (tmp_path / "run/config.yaml").write_text("policy: 3\n")
    with pytest.raises(DataError, match="does not say how the policy was prompted"):
        template_of(folder)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"data": ""}, "data is empty"),
        ({"data": "nowhere"}, "data=nowhere: there is no such file"),
        ({"prm": "nowhere"}, "prm=nowhere: there is no such folder"),
        ({"prm": "recorded"}, "prm=recorded means the scores in format=sampled"),
        ({"threshold_share": 1.0}, "threshold_share must lie between 0 and 1, got 1.0"),
        ({"bins": 0}, "bins must be at least 1"),
        ({"resamples": 1}, "resamples must be at least 20"),
        ({"continuations": 1}, "continuations must be at least 2"),
        ({"step_separator": ""}, "step_separator is empty"),
        ({"trained_on_format": DataForm.SAMPLED}, "has no labels to be trained on"),
    ],
)
def test_options_that_cannot_be(tmp_path, changes, sentence):
    write_labelled(tmp_path / "own.jsonl", solutions([0, -1]))
    base = replace(CONFIG, data=str(tmp_path / "own.jsonl"), prm=str(tmp_path / "own.jsonl"))
    with pytest.raises(UserError, match=sentence):
        judge_prm(replace(base, **changes))


def test_data_that_tells_nothing_is_refused(ppm, tmp_path):
    write_labelled(tmp_path / "right.jsonl", solutions([-1, -1]))
    config = replace(CONFIG, data=str(tmp_path / "right.jsonl"), prm=str(ppm), out=str(tmp_path / "out"))
    with pytest.raises(DataError, match="all 6 labelled steps are right"):
        judge_prm(config)
    write_labelled(tmp_path / "wrong.jsonl", solutions([1, 1]))
    with pytest.raises(UserError, match="do not hold both erroneous and correct ones; set threshold_share"):
        judge_prm(replace(config, prm=str(tmp_path / "wrong.jsonl"), data=str(tmp_path / "wrong.jsonl")))
    write_labelled(tmp_path / "long.jsonl", [*solutions([-1, 1]), replace(solutions([0])[0], prompt="1+" * 80)])
    with pytest.raises(UserError, match="reads 128 tokens"):
        judge_prm(replace(config, data=str(tmp_path / "long.jsonl")))
    assert not (tmp_path / "out").exists()
