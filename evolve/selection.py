"""From trees to training data: the trajectories for the policy, the pairs for the PPM, and what is suspect."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evolve.config import PpmConfig, SelectBy, SelectionConfig
from evolve.figures import RANKED, Calibration, Distributions, critical_rows
from evolve.oracle_labels import step_labels
from evolve.stages import StageResult
from evolve.supply import SUCCESS, write_success
from evolve.tree_labels import label_trees
from lm.rows import TextRow
from mcts.criticality import CriticalStep, most_critical
from mcts.step import joined, observed
from mcts.storage import read_trees
from mcts.trajectory import Trajectory
from mcts.tree import SearchTree
from policy.proposer import PromptEncoder
from prm.losses.config import LossName
from prm.pair_file import write_pairs
from prm.pairs import PairConfig, PreferencePair, select_pairs
from tasks.config import TaskConfig
from tasks.durable import write_text_atomic
from tasks.errors import DataError, UserError
from tasks.problem import Outcome, Problem, StepOracle
from tasks.reader import read_rows
from tasks.readers.formats import write_labelled
from tasks.registry import build_task
from tasks.seeding import derive_seed


@dataclass
class _Harvest:
    """What is gathered while a round's trees are read one by one."""

    rules: PairConfig
    by_problem: dict[str, list[SearchTree]] = field(default_factory=lambda: defaultdict(list))
    numbers: list[int] = field(default_factory=list)  # of each tree among those of its problem
    pairs: list[PreferencePair] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    distributions: Distributions = field(default_factory=Distributions)

    def read(self, report: Callable[..., None], paths: Sequence[Path]) -> Iterator[SearchTree]:
        for done, path in enumerate(paths, start=1):
            for tree in read_trees(path):
                self._take(tree, self.by_problem[tree.problem.id])
                yield tree
            report(done, len(paths))

    def labels_by(self, oracle: StepOracle | None) -> Callable[[CriticalStep], bool | None]:
        """Is a step of one of these trees right? None where the oracle, or the task, does not say."""

        def label_of(step: CriticalStep) -> bool | None:
            tree = self.by_problem[step.problem_id][self.numbers[step.tree]]
            return step_labels(tree, oracle).get(step.node) if oracle else None

        return label_of

    def _take(self, tree: SearchTree, earlier: list[SearchTree]) -> None:
        self.numbers.append(len(earlier))
        found = select_pairs(tree, self.rules, tree_index=len(earlier))
        self.pairs += found.pairs
        self.reasons.update(found.reasons)
        self.distributions.add(tree)
        earlier.append(tree)


def select_data(
    report: Callable[..., None],
    trees: list[Path],
    held_out_trees: list[Path],
    selection: SelectionConfig,
    ppm: PpmConfig,
    task: TaskConfig,
    out: Path,
    seed: int = 0,
) -> StageResult:
    """Read a round's trees and write ``sft.jsonl``, ``pairs.jsonl`` and ``held_out_pairs.jsonl`` into ``out``.

    And ``success.json``, by which later rounds may choose their problems, and ``labels.jsonl``, if the PPM learns from
    labels. ``seed``: of what is drawn by lot.
    """
    harvest = _Harvest(ppm.pairs)
    critical = most_critical(harvest.read(report, trees), RANKED)
    pairs, held_out, calibration = harvest.pairs, list[PreferencePair](), Calibration()
    for tree in (tree for path in held_out_trees for tree in read_trees(path)):
        held_out += select_pairs(tree, ppm.pairs).pairs
        calibration.add(tree)
    chosen = {name: best_trajectories(grown, selection, seed) for name, grown in harvest.by_problem.items()}
    problems = {name: grown[0].problem for name, grown in harvest.by_problem.items()}
    learns_pairs = ppm.loss is LossName.PAIRWISE
    _refuse_nothing(
        len(pairs) if learns_pairs else None, sum(map(len, chosen.values())), len(problems), dict(harvest.reasons)
    )
    if not learns_pairs:
        write_labelled(out / "labels.jsonl", label_trees(harvest.by_problem, ppm, seed))
    write_success(out / SUCCESS, harvest.by_problem)
    write_sft(out / "sft.jsonl", problems, chosen)
    write_pairs(out / "pairs.jsonl", pairs)
    write_pairs(out / "held_out_pairs.jsonl", held_out)
    result = {
        "pairs": len(pairs),
        "pairs_by_kind": dict(sorted(Counter(str(pair.kind) for pair in pairs).items())),
        "pairs_by_depth": {str(depth): n for depth, n in sorted(Counter(pair.depth for pair in pairs).items())},
        "held_out_pairs": len(held_out),
        "left_out": dict(sorted(harvest.reasons.items())),
        "trajectories": sum(map(len, chosen.values())),
        "lucky": lucky_share(build_task(task).oracle, problems, chosen),
        "distributions": harvest.distributions.as_json(),
        "calibration": calibration.as_json(),
        "critical": critical_rows(critical, harvest.numbers, harvest.labels_by(build_task(task).oracle)),
    }
    return StageResult(result, [{name: result[name] for name in ("pairs", "held_out_pairs", "trajectories")}])


def best_trajectories(trees: Sequence[SearchTree], config: SelectionConfig, seed: int = 0) -> list[Trajectory]:
    """The ``top`` correct trajectories of a problem by mean Q of their steps, ties by min Q (rStar-Math 3.3).

    Two with the same text count once; none has a step with a Q below ``min_q``. ``config.by`` may want another order,
    drawn with ``seed``, and the wrong ones too (rStar-Math's ablation of the fine-tuning data, section 4.3).
    """
    distinct: dict[str, Trajectory] = {}
    for trajectory in (trajectory for tree in trees for trajectory in tree.trajectories()):
        outcome = None if trajectory.verdict is None else trajectory.verdict.outcome
        is_fit = outcome is Outcome.CORRECT or (config.by is SelectBy.RANDOM and outcome is Outcome.WRONG)
        if is_fit and trajectory.min_q >= config.min_q:
            known = distinct.get(trajectory.text)
            if known is None or trajectory.mean_q > known.mean_q:
                distinct[trajectory.text] = trajectory
    if config.by is SelectBy.MEAN_Q:
        ranked = sorted(distinct.values(), key=lambda t: (-t.mean_q, -t.min_q, t.text))
    else:
        ranked = sorted(distinct.values(), key=lambda t: derive_seed(seed, "select", t.problem_id, t.text))
    return ranked[: config.top]


def lucky_share(
    oracle: StepOracle | None, problems: dict[str, Problem], chosen: dict[str, list[Trajectory]]
) -> float | None:
    """Share of the chosen trajectories with a wrong step, where the task can tell; reported, never trained on."""
    pairs = [(problems[name], trajectory) for name, part in chosen.items() for trajectory in part]
    if oracle is None or not pairs:
        return None
    wrong = sum(oracle.first_error(problem, [step.text for step in t.steps]) >= 0 for problem, t in pairs)
    return round(wrong / len(pairs), 4)


def write_sft(path: Path, problems: dict[str, Problem], chosen: dict[str, list[Trajectory]]) -> None:
    """One trajectory a line: what is trained on (the sampled token ids, without those ``given``) and why (its Qs)."""
    lines = [
        json.dumps(
            {
                "problem_id": name,
                "prompt": problems[name].prompt,
                "text": trajectory.text,
                "token_ids": list(joined(trajectory.steps)),
                **({"given": given} if (given := observed(trajectory.steps)) else {}),
                "mean_q": round(trajectory.mean_q, 6),
                "min_q": round(trajectory.min_q, 6),
            },
            ensure_ascii=False,
        )
        for name, part in chosen.items()
        for trajectory in part
    ]
    write_text_atomic(path, "".join(line + "\n" for line in lines))


def read_sft_rows(path: Path, encode: PromptEncoder) -> list[TextRow]:
    """The trajectories of ``sft.jsonl`` as training rows."""
    rows = []
    for number, row in read_rows(path):
        prompt, ids, name = row.get("prompt"), row.get("token_ids"), row.get("problem_id")
        if not isinstance(prompt, str) or not isinstance(name, str) or not isinstance(ids, list):
            raise DataError(f"{path}, line {number}: problem_id, prompt and token_ids are needed; delete the file")
        try:
            given = tuple((int(start), int(end)) for start, end in row.get("given", ()))
            rows.append(TextRow(name, encode(prompt), tuple(int(token) for token in ids), given))
        except (TypeError, ValueError) as error:
            raise DataError(
                f"{path}, line {number}: given must hold stretches of token_ids; delete the file"
            ) from error
    return rows


def _refuse_nothing(pairs: int | None, trajectories: int, problems: int, reasons: dict[str, int]) -> None:
    if not trajectories:
        raise UserError(
            f"none of the {problems} problems was solved, so there is nothing to train on; give the search more "
            "(search.rollouts, search.width), take easier problems, or a longer cold start"
        )
    if pairs == 0:
        why = ", ".join(f"{name} {count}" for name, count in reasons.items()) or "no tree has two sides"
        raise UserError(
            f"the trees give no preference pair ({why}); raise search.rollouts, or lower ppm.pairs.min_margin "
            "or ppm.pairs.min_edit_distance, and use another name, or overwrite=true"
        )
