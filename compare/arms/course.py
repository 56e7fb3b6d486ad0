"""One arm's way through its budget: who pays for what, when it is judged, and what it came to."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from compare.arms.advice import before_updates, in_an_update
from compare.arms.judging import greedy, is_solved, write_samples
from compare.arms.live import LivePolicy
from compare.arms.pool import Pool, read_groups
from compare.arms.reward_grader import RewardGrader, mean_reward
from compare.arms.stream import Stream
from compare.arms.tree_page import write_tree_page
from compare.arms.work import ArmWork, plain
from compare.ledger import Ledger, Role
from evolve.search_stage import refuse_verifier_errors
from evolve.stages import StageResult
from lm.checkpoint import Checkpoint
from lm.distributed import gathered
from mcts.tree import SearchTree
from policy.rl import Group, judged, require_finite, without_errors
from tasks.errors import UserError
from tasks.fault import with_faults
from tasks.mix import part_of
from tasks.problem import Problem, Split
from tasks.registry import build_task
from tasks.seeding import derive_seed

_LASTING = ("rows", "updates", "extra", "_curve", "_right", "_begun", "_before", "_dearest", "_marks", "_kept", "_gap")


class Course:
    """What a recipe works with. It charges everything to phases of ``ledger``, and goes on while ``goes_on``."""

    def __init__(self, report: Callable[..., None], work: ArmWork) -> None:
        self.work = work
        self.config, self.arm = work.config, work.arm
        self.seed = derive_seed(work.config.seed, "arm", work.seed, *_later(work))  # not the name: arms sample alike
        self.task = build_task(self.config.task)
        base = work.stage.base if work.stage else work.start
        self.grader = RewardGrader(self.config, self.arm, self.task, base) if self.arm.reward else None
        judge = self.grader or self.task.verifier
        self.verifier = with_faults(judge, self.config.task.fault)  # of rewards; the task's judges
        self.policy = LivePolicy(self.config.policy, self.config.engine, work.start)
        self.ledger = Ledger({Role.POLICY: self.policy.parameters})
        if self.grader is not None and self.grader.parameters:
            self.ledger.declare(Role.REWARD_MODEL, self.grader.parameters)
        self._read = 0  # by the reward's grader
        self.rows: list[dict[str, Any]] = list(map(dict, work.stage.rows)) if work.stage else []
        self.updates = 0
        self.extra: dict[str, Any] = {}  # what the recipe found out besides
        self.trees: list[SearchTree] = []  # the last update's groups, where they are trees
        self._report = report
        self.training = self.task.problems(Split.TRAIN, self.config.problems)
        self._problems = Stream(self.training, self.seed)
        self._judged = self.task.problems(self.config.judging.split, self.config.judging.problems)
        self._curve = [(0.0, float(np.mean(work.start_right)))]
        self._right = work.start_right
        self._solutions: list[Group] = []
        self.pool: Pool | None = None  # what the arm learns from instead of sampling
        if work.trees is not None:
            self.ledger.merge(Ledger.from_json(work.trees.ledger))
            self._curve.append((float(self.ledger.flops()), self._curve[0][1]))
            if work.trees.shared:
                groups = self.judged(read_groups(work.trees.folder), "trees")
                self.pool = Pool([group for group in groups if group.trajectories], self.seed)
        self._since, self._until = 0.0, 1.0  # where of the budget the arm, or this stage of it, begins and ends
        if work.stage is not None:
            self.ledger.merge(Ledger.from_json(work.stage.ledger))
            self._curve = list(work.stage.curve) or self._curve
            self._since, self._until = self.spent, work.stage.ends
        self._begun = self._before = self.spent
        self._dearest = 0.0
        self._marks = 1 + int(self.spent * self.config.judging.points)
        self._kept = 0  # the update of the last checkpoint
        self._gap: float | None = None  # of the log-probs of engine and trainer, when they were last compared
        self.checkpoint = Checkpoint(work.checkpoint, plain(self.arm))
        self.checkpoint.add("course", self)
        if self.pool:
            self.checkpoint.add("pool", self.pool)

    @property
    def spent(self) -> float:
        """The share of the budget that is used up."""
        return self.ledger.spent(self.config.budget)

    @property
    def progress(self) -> float:
        """The share of the training that is over: 0 when what went before (trees, a PPM) is paid."""
        return min(1.0, (self.spent - self._begun) / max(1e-9, self._until - self._begun))

    @property
    def used(self) -> float:
        """The share of what is this stage's that is used up; of the whole budget, where there are no stages."""
        return min(1.0, (self.spent - self._since) / max(1e-9, self._until - self._since))

    def allowance(self, share: float) -> float:
        """How much may be ``spent`` when ``share`` of what is this stage's is used up."""
        return self._since + share * (self._until - self._since)

    def goes_on(self) -> bool:
        """Judge the policy if it is time; is there budget left for one more update like the dearest so far?

        If so, that update begins as it would after a restart, and there may be a checkpoint (``checkpoint_every``).
        UserError if not even one fits.
        """
        spent = self.spent
        more = f" (this stage has {100 * (self._until - self._since):.0f} %)" if self.work.stage else ""
        if spent >= self._until and not self.updates:
            raise UserError(
                f"arm {self.work.name}: the budget{more} is used up before the first update; raise budget."
                f"{self.config.budget.unit}{before_updates(self.work)}"
            )
        if self.updates == 1 and spent > self._until:
            raise UserError(
                f"arm {self.work.name}: one update costs {100 * (spent - self._before):.0f} % of the budget{more}; "
                f"raise budget.{self.config.budget.unit}{in_an_update(self.work)}"
            )
        self._dearest = max(self._dearest, spent - self._before) if self.updates else 0.0
        self._before = spent
        fits = spent + self._dearest <= self._until
        if fits and spent * self.config.judging.points >= self._marks:
            self._judge()
            self._marks = 1 + int(spent * self.config.judging.points)
        self._report(min(spent, 1.0), 1.0, accuracy=f"{100 * self._curve[-1][1]:.1f} %")
        if fits:
            self._keep()
        return fits

    def _keep(self) -> None:
        self.policy.forget()
        every = self.config.checkpoint_every
        if every and self.updates >= self._kept + every:
            self._kept = self.updates
            self.checkpoint.save()

    def take_up(self) -> bool:
        """Go on from the checkpoint that a killed run left, if there is one. All that lasts must be added by now."""
        found = self.checkpoint.take_up()
        if found:
            self.policy.changed()
        return found

    def state(self) -> dict[str, Any]:
        """What ``restore`` needs."""
        values = {name: getattr(self, name) for name in _LASTING}
        return values | {"ledger": self.ledger.to_json(), "problems": self._problems.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Be where ``state`` was asked."""
        for name in _LASTING:
            setattr(self, name, state[name])
        self.ledger = Ledger.from_json(state["ledger"])
        self._problems.restore(state["problems"])

    def train_from_here(self) -> None:
        """What came before was not training: the schedule of the learning rate begins, and updates cost otherwise."""
        self._begun = self._before = self.spent
        self._dearest, self.updates = 0.0, 0

    def next_problems(self, count: int) -> list[Problem]:
        """The next training problems, in this seed's order."""
        return self._problems.take(count)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Charge a phase with the seconds of the block (rank 0's) and what the policy's engines do in it."""
        before, started = self.policy.counts(), time.perf_counter()
        programs = self.policy.steps.code.calls
        yield
        after = self.policy.counts()
        mine = {each: getattr(after, each) - getattr(before, each) for each in ("generated", "prefilled", "cached")}
        mine["sandbox_calls"] = self.policy.steps.code.calls - programs
        every = gathered((time.perf_counter() - started, mine))
        counts = {each: sum(own[each] for _, own in every) for each in mine}
        self.ledger.add(name, seconds=every[0][0], **counts)

    def judged(self, groups: Sequence[Group], phase: str) -> list[Group]:
        """The groups with their verdicts, charged; what the verifier failed on is left out; UserError for too much."""
        require_finite(groups, f"arm {self.work.name}")
        calls = sum(one.verdict is None for group in groups for one in group.trajectories)
        with self.phase(phase):
            found = judged(groups, self.verifier)
        refuse_verifier_errors(
            Counter(one.verdict.outcome for group in found for one in group.trajectories if one.verdict)
        )
        self.ledger.add(phase, verifier_calls=calls)
        if self.grader is not None and self.grader.parameters:
            counted = sum(gathered(self.grader.read))
            self.ledger.add(phase, Role.REWARD_MODEL, scored=counted - self._read)
            self._read = counted
        return without_errors(found)

    def require_room(self, groups: Sequence[Group]) -> None:
        """UserError if not one of the groups holds a solution: to sample on would never cost anything, nor end."""
        if not any(group.trajectories for group in groups):
            raise UserError(f"arm {self.work.name}: no problem leaves room for a solution; raise the policy's context")

    def record(self, **metrics: float) -> None:
        """One update is done: a row of metrics."""
        self.updates += 1
        tokens = self.ledger.tokens()
        shares = {
            "num_tokens": tokens.computed,
            "ledger/spent": self.spent,
            "ledger/flops": self.ledger.flops(),
            "ledger/generated": tokens.generated,
            "ledger/trained": tokens.trained,
        }
        if self.policy.gap is not None and (self._gap is None or self.policy.is_copied):
            self._gap = self.policy.gap
        if self._gap is not None:
            shares["sync/logprob_gap"] = self._gap
        row = {name: float(f"{value:.6g}") for name, value in (metrics | shares).items()}
        stage = self.work.stage
        told = {"arm_stage": stage.number} if stage else {}
        self.rows.append({"update": (stage.updates if stage else 0) + self.updates, **told, **row})

    def hand_over(self) -> dict[str, Any]:
        """Judge what a stage that is not the last has come to; returns what the next one is told of it."""
        updates = (self.work.stage.updates if self.work.stage else 0) + self.updates
        if self._curve[-1][0] < self.ledger.flops():
            self._judge()
        return {
            "right": list(self._right),
            "curve": [list(point) for point in self._curve],
            "ledger": self.ledger.to_json(),
            "rows": self.rows,
            "updates": updates,
        }

    def finish(self) -> StageResult:
        """Judge what the budget came to, save the policy, and say it all. Seconds are kept apart from the record."""
        if self.updates or self._curve[-1][0] < self.ledger.flops():
            self._judge()
            self.policy.save(self.work.out / "policy")
            write_samples(self.work.out / "samples.md", self._solutions, self.task.oracle)
            if self.trees:
                write_tree_page(self.work.out / "trees.md", self.trees)
        seconds = {name: phase.seconds for name, phase in self.ledger.phases.items()}
        for phase in self.ledger.phases.values():
            phase.seconds = 0.0
        result = {
            "arm": plain(self.arm),
            "right": self._right,
            "curve": [[flops, round(accuracy, 6)] for flops, accuracy in self._curve],
            "ledger": self.ledger.to_json(),
            "updates": (self.work.stage.updates if self.work.stage else 0) + self.updates,
            **self._by_part(),
            **self.extra,
        }
        return StageResult(result, self.rows, seconds)

    def _judge(self) -> None:
        with self.phase("evaluation"):
            self._solutions = greedy(self.policy, self._judged, self.task)
            require_finite(self._solutions, f"arm {self.work.name}")
            self._gap = self.policy.look()
        self._right = list(map(is_solved, self._solutions))
        self._curve.append((float(self.ledger.flops()), float(np.mean(self._right))))
        if self.updates:  # else the last row is of the stage before
            self.rows[-1]["eval/accuracy"] = round(self._curve[-1][1], 6)
        if self.updates and self.grader is not None:
            with self.phase("evaluation"):
                self.rows[-1]["eval/reward"] = round(mean_reward(self._solutions, self.grader), 6)
            self._read = sum(gathered(self.grader.read))  # nobody pays for judging

    def _by_part(self) -> dict[str, Any]:
        """Where the task is a mix: the accuracy of the cold start and at the end, on each part's problems."""
        found: dict[str, list[tuple[bool, bool]]] = {}
        for problem, *right in zip(self._judged, self.work.start_right, self._right, strict=True):
            if part := part_of(problem):
                found.setdefault(part, []).append((right[0], right[1]))
        means = {
            part: [round(float(np.mean(side)), 6) for side in zip(*each, strict=True)] for part, each in found.items()
        }
        return {"parts": means} if means else {}


def _later(work: ArmWork) -> tuple[str | int, ...]:
    """What makes a later stage draw other problems and samples than the first one, which draws as a whole arm does."""
    return ("stage", work.stage.number) if work.stage and work.stage.number else ()
