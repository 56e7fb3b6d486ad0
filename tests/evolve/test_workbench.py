"""The bench of process models: a tiny one from end to end, equal cost, the table, binary search counted."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from evolve.label_config import LabelConfig
from evolve.label_run import label_run
from evolve.workbench.agreement import agreed, first_fall, outcomes_alone
from evolve.workbench.bench import prm_bench
from evolve.workbench.config import BenchConfig, BenchLabels, check
from evolve.workbench.equal import equal_tokens
from evolve.workbench.grid import Cell, affordable, grid
from evolve.workbench.report import tables
from evolve.workbench.scan import scan_figures
from evolve.workbench.sentences import sentences
from evolve.workbench.summary import correlations, pooled
from lm.config import OptimiserConfig, Precision
from prm.losses.config import LossName
from tasks.errors import UserError
from tasks.readers.formats import read_labelled
from tasks.readers.labelled import LabelledSolution, labels_until
from tasks.suites.chain_oracle import ChainOracle

ROOT = Path(__file__).resolve().parents[2]
OPTIMISER = OptimiserConfig(learning_rate=2e-3, epochs=1, batch_rows=16, micro_rows=16, precision=Precision.FP32)
HARD, SEARCHED, AGREEMENT, OUTCOME = (
    BenchLabels.MONTE_CARLO_HARD,
    BenchLabels.BINARY_SEARCH,
    BenchLabels.AGREEMENT,
    BenchLabels.OUTCOME,
)


def tiny(run="none", **changes):
    sizes = {"problems": 8, "pilot": 2, "budget": 300, "continuations": 2, "held_out_problems": 8}
    sizes |= {"held_out_per_problem": 4, "threshold_share": 0.5, "value_problems": 3, "value_per_problem": 2}
    sizes |= {"value_continuations": 16, "samples": 2, "rollouts": [1, 2], "votes": [1, 2, 4], "resamples": 20}
    ways = {"labels": [HARD, SEARCHED, AGREEMENT, OUTCOME], "losses": [LossName.SOFT_BCE, LossName.IMPLICIT]}
    quiet = {"optimiser": OPTIMISER, "workers": 0, "progress": False}
    return BenchConfig(**({"run": str(run), "round": 1} | sizes | ways | quiet | changes))


def settings_of(config):
    return json.loads(json.dumps(asdict(config)))


def _truth(step):
    return not step.startswith("2")


@pytest.fixture(scope="module")
def done(reference, tmp_path_factory):
    """The tiny run's policy is hardly ever right in every step: here another truth is told, which is so often."""
    root = tmp_path_factory.mktemp("bench") / "bench"
    config = tiny(reference)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ChainOracle, "step_labels", lambda self, problem, steps: list(map(_truth, steps)))
        yield config, root, prm_bench(config, settings_of(config), root)


def test_every_cell_stands_in_one_table(done):
    config, root, summary = done
    assert json.loads((root / "summary.json").read_text()) == json.loads(json.dumps(summary))
    assert {(row["labels"], row["loss"]) for row in summary["rows"] if row["loss"]} == {
        (str(cell.labels), str(cell.loss)) for cell in grid(config)
    }
    models = [row for row in summary["rows"] if row["loss"] is not None and "refused" not in row]
    assert {row["loss"] for row in models} == {"soft_bce", "implicit"}
    for row in models:
        assert {"f1", "auc", "ece", "bias", "variance", "best_of_n"} <= set(row["figures"]), row
        assert ("search" in row["figures"]) is (row["loss"] == "soft_bce")
        assert all(row["figures"][name]["interval"] for name in ("bias", "variance"))
    alone = [row for row in summary["rows"] if row["loss"] is None]
    assert [row["labels"] for row in alone] == ["monte_carlo_hard", "binary_search", "agreement"]
    assert {"f1", "bias"} <= set(alone[0]["figures"])
    refused = [row for row in summary["rows"] if "refused" in row]
    assert sum("cannot be" in sentence for sentence in sentences(summary)) == sum(bool(row["loss"]) for row in refused)
    (title, head, rows), *_ = tables(summary)
    assert title == "Label method x loss x evaluation"
    assert len(rows) == len(summary["rows"])
    assert {len(row) for row in rows} == {len(head)}
    page = (root / "REPORT.md").read_text()
    assert all(sentence.split("|")[0] in page for sentence in sentences(summary))
    assert "<script" not in (root / "report.html").read_text()
    assert (root / "f1.svg").is_file()


def test_sampled_labels_keep_to_their_budget_and_free_ones_take_all(done):
    config, _, summary = done
    by_name = {one["labels"]: one for one in summary["labels"]}
    hard, searched = by_name["monte_carlo_hard"], by_name["binary_search"]
    assert 0 < hard["problems"] <= searched["problems"] <= config.problems
    assert hard["problems"] < config.problems, "else the budget was not felt"
    assert by_name["agreement"]["costs"] == hard["costs"]
    assert by_name["agreement"]["solutions"] + by_name["agreement"]["left_out"] == hard["solutions"]
    assert by_name["outcome"]["costs"] == {}
    assert by_name["outcome"]["problems"] == config.problems


def test_a_bench_is_taken_up_at_the_cell_that_is_missing(done):
    config, root, summary = done
    files = {path: path.stat().st_mtime_ns for path in root.rglob("*.safetensors")}
    (root / "prms/monte_carlo_hard-soft_bce-0/config.json").unlink()
    again = prm_bench(config, settings_of(config), root)
    done_anew = {path.parent.name for path, when in files.items() if path.stat().st_mtime_ns != when}
    assert done_anew == {"monte_carlo_hard-soft_bce-0"}
    for name in ("rows", "search", "correlations", "scan", "labels"):
        assert again[name] == summary[name]
    assert json.loads((root / "round.json").read_text()) == {"round": summary["round"]}, "found once, and kept"
    changed = replace(config, budget=5)
    with pytest.raises(UserError, match="holds a run of another config: budget is"):
        prm_bench(changed, settings_of(changed), root)


def test_the_oracle_s_truth_is_never_learned(done):
    _, root, _ = done
    for path in root.glob("labels/*.jsonl"):
        assert all("measuring_only" not in one.meta for one in read_labelled(path, "own"))
    judged = {one.prompt for one in read_labelled(root / "held_out/truth.jsonl", "own")}
    for path in root.glob("labels/*.jsonl"):
        assert not judged & {one.prompt for one in read_labelled(path, "own")}


def test_values_are_drawn_apart_from_the_labels_that_are_held_against_them(reference, tmp_path):
    found = []
    for draw in (0, 0, 1):
        wanted = LabelConfig(str(reference), 1, problems=3, per_problem=2, draw=draw, workers=0, progress=False)
        found.append(label_run(replace(wanted, out=str(tmp_path / "labels.jsonl"), overwrite=True)))
        found[-1].solutions = [one.steps for one in read_labelled(tmp_path / "labels.jsonl", "own")]
    assert found[0].solutions == found[1].solutions == found[2].solutions
    assert found[0].costs == found[1].costs != found[2].costs


def test_cost_is_made_equal_by_the_number_of_problems():
    assert affordable(1000, 50, 10, 500) == 200
    assert affordable(1000, 51, 10, 500) == 196, "never above the budget, at the pilot's price"
    assert affordable(1000, 50, 10, 150) == 150
    assert affordable(10, 500, 10, 150) == 1
    assert affordable(10, 0, 10, 150) == 150


def test_only_what_fits_is_trained():
    config = BenchConfig(seeds=2)
    cells = grid(config)
    steps = {(cell.labels, cell.loss) for cell in cells if cell.labels is not OUTCOME}
    assert len({labels for labels, _ in steps}) >= 6
    assert len({loss for _, loss in steps}) >= 5
    assert len(steps) == len({labels for labels, _ in steps}) * len({loss for _, loss in steps})
    assert {cell.loss for cell in cells if cell.labels is OUTCOME} == {
        LossName.OUTCOME_BCE, LossName.OUTCOME_RANKING, LossName.IMPLICIT
    }  # fmt: skip
    assert len({cell.name for cell in cells}) == len(cells) == 2 * (len(steps) + 3)
    assert Cell(BenchLabels.TREE_Q, LossName.Q_RANKING, 0).is_cut
    assert not Cell(HARD, LossName.Q_RANKING, 0).is_cut


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"labels": [AGREEMENT]}, "add monte_carlo_hard to labels"),
        ({"labels": []}, "labels must name at least one"),
        ({"rollouts": [2, 2]}, r"rollouts must name at least one, and each once, got \[2, 2\]"),
        ({"value_per_problem": 9}, "value_per_problem must be at most held_out_per_problem=4"),
        ({"losses": [LossName.CROSS_ENTROPY_3]}, "losses: cross_entropy_3 wants"),
        ({"resamples": 1}, "resamples must be at least 20, got 1"),
        ({"threshold_share": 1.0}, "threshold_share must lie between 0 and 1"),
    ],
)
def test_bad_options_are_one_sentence(changes, said):
    with pytest.raises(UserError, match=said):
        check(tiny(**changes))


def solution(name, labels, reward, spent=0):
    steps = tuple(f"{name}{at}" for at in range(len(labels)))
    return LabelledSolution("p", steps, tuple(labels), meta={"reward": reward, "cost": {"continuations": spent}})


def test_binary_search_is_held_against_three_kinds_of_scan():
    """Worked out by hand: N = 4; two wrong solutions of 4 steps that share their first step, and a right one of 3."""
    wrong = [("s", "a", "b", "c"), ("s", "d", "e", "f")]
    right = ("r", "t", "u")
    cost = iter([(12, 8), (8, 4), (8, 0)])

    def one(steps, labels, reward, spent):
        return LabelledSolution("p", steps, labels, meta={"reward": reward, "cost": {"continuations": spent}})

    found = [(wrong[0], 1, 0.0), (wrong[1], 2, 0.0), (right, -1, 1.0)]
    scanned, searched, truth = [], [], []
    for (steps, error, reward), (scan, search) in zip(found, cost, strict=True):
        scanned.append(one(steps, labels_until(len(steps), error), reward, scan))
        other = 1 if error == 2 else error  # the second one's place differs
        searched.append(one(steps, labels_until(len(steps), other), reward, search))
        truth.append(one(steps, labels_until(len(steps), error), reward, 0))
    told = scan_figures(scanned, searched, truth, 4)
    assert (told["asked"], told["asked_by_search"], told["ratio"]) == (28, 12, 2.3333)
    # s, sa, sab, sd, sde: the last step of each is its verdict
    assert told["asked_wrong"] == 4 * 5
    # up to the first error: s, sa; s, sd, sde
    assert told["asked_in_order"] == 4 * 4
    assert (told["agree"]["value"], told["agree"]["of"]) == (0.5, 2)
    assert (told["scan_is_true"]["value"], told["search_is_true"]["value"]) == (1.0, 0.5)
    with pytest.raises(ValueError, match="no solution has all three"):
        scan_figures(scanned, [], truth, 4)


def test_agreement_keeps_what_two_estimates_say_alike():
    """Weighted values rise where a right end lies below, so a fall, or standing still, is the tree's first error."""
    assert first_fall((-0.5, 0.0, 1.0)) == -1
    assert first_fall((-1.0, -1.0)) == 0
    assert first_fall((-0.5, -0.8, 0.2)) == 1
    estimated = [solution("a", (1, 1, -1), 0.0), solution("b", (1, -1, -1), 0.0), solution("c", (1, 1), 1.0)]
    estimated.append(solution("unknown", (1, 1), 1.0))
    weighted = [solution("a", (-0.5, -0.7, -1), 0.0), solution("b", (-0.5, -0.7, -1), 0.0)]
    weighted.append(solution("c", (0.0, 1.0), 1.0))
    kept = agreed(estimated, weighted)
    assert [(one.steps[0], one.labels) for one in kept] == [("b0", (1, -1, None)), ("c0", (1, 1))]
    assert {one.meta["method"] for one in kept} == {"agreement"}
    assert [one.labels for one in outcomes_alone(estimated[:2])] == [(None, None, -1.0)] * 2


def test_seeds_become_one_figure_and_figures_are_ranked_by_what_is_better():
    first, second = {"value": 0.5, "interval": [0.4, 0.6]}, {"value": 0.7, "interval": [0.65, 0.75]}
    assert pooled([first, second]) == {"value": 0.6, "interval": [0.4, 0.75]}
    assert pooled([first, {"value": None, "interval": None}])["value"] == 0.5
    assert pooled([{"value": 1.0, "interval": None}])["interval"] is None
    rows = [
        {
            "figures": {
                "f1": {"value": x},
                "ece": {"value": 1 - x},
                "bias": {"value": (-1) ** n * x},
                "search": {"value": x},
            }
        }
        for n, x in enumerate((0.1, 0.2, 0.3, 0.4, 0.5, 0.6))
    ]
    rows.append({"figures": {"f1": {"value": 0.0}}})  # it guided no search
    found = {one["figure"]: one for one in correlations(rows, 0)}
    assert (found["f1"]["value"], found["f1"]["of"]) == (1.0, 6)
    assert found["ece"]["value"] == 1.0, "less is better"
    assert found["bias"]["value"] == -1.0, "nearer to 0 is better"
    assert found["f1"]["interval"] == [1.0, 1.0]
    assert (found["rank"]["value"], found["rank"]["of"]) == (None, 0)


def records(rights, tokens, method):
    """Of two problems: right or not, and tokens, by budget."""
    budgets = [str(2**at) for at in range(len(tokens))]
    return [{"found": {method: {b: [right[at], tokens[at], 0] for at, b in enumerate(budgets)}}} for right in rights]


def test_searches_are_compared_at_tokens_that_all_reach():
    vote, short, long = (
        records([(0, 1), (1, 1)], (10, 30), "majority"),
        records([(1, 1), (0, 0)], (10, 20), "mcts"),
        records([(1, 1), (0, 1)], (10, 40), "mcts"),
    )
    for one in vote:
        one["found"] |= {"greedy": {"1": [0, 10, 0]}, "pass_at_n": {"1": [1, 10, 0], "2": [1, 30, 0]}}
    found = equal_tokens(vote, {"oracle": long, "a": short}, 0)
    assert found["tokens"] == 20
    assert found["lines"]["majority"]["accuracy"] == pytest.approx(0.75), "half way between 0.5 and 1"
    assert found["searches"]["a"]["accuracy"] == 0.5
    assert found["searches"]["oracle"]["accuracy"] == pytest.approx((1 + 1 / 3) / 2), "a third of the way to 1"
    assert found["searches"]["a"]["difference"] == pytest.approx(-0.25)
    assert found["lines"]["greedy"]["accuracy"] == 0


def test_the_page_names_every_option_and_label():
    page = (ROOT / "docs/prm.md").read_text()
    names = [str(each) for each in BenchLabels] + list(BenchConfig.__dataclass_fields__)
    assert [name for name in names if f"`{name}`" not in page] == []
