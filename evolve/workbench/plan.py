"""The bench's cells as stages: which files are labelled how, which models are trained on what and judged on what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from evolve.config import EvolveConfig
from evolve.evaluate_run import EvaluateConfig, Judged, find_judged
from evolve.label_config import LabelConfig, LabelMethod
from evolve.methods import Method, MethodWork
from evolve.prm_judging import DataForm, EvalPrmConfig
from evolve.stages import Stage
from evolve.train_prm_config import TrainPrmConfig
from evolve.workbench.config import SAMPLING, BenchConfig, BenchLabels, method_of
from evolve.workbench.equal import UNGUIDED
from evolve.workbench.grid import Cell
from evolve.workbench.jobs import SampleWork
from tasks.config import StepFormat
from tasks.errors import UserError
from tasks.seeding import derive_seed

TRUTH, VALUES, SAMPLED = "truth", "values", "sampled"
"""The held-out data: oracle labels, values by brute force, solutions to choose from."""
_JOBS = "evolve.workbench.jobs"
_OTHER_DRAW = 1  # of the values: their continuations are none of those that the held-out labels are made of


class Plan:
    """All stages of the bench in ``root``, on the run ``of_run`` in ``run``."""

    def __init__(self, config: BenchConfig, root: Path, run: Path, of_run: EvolveConfig) -> None:
        if of_run.policy.steps.format is not StepFormat.TEXT:
            raise UserError(f"{run}: its steps are {of_run.policy.steps.format}, and the bench reads step_format=text")
        self.config = config
        self._root = root
        self._run = run
        self._of_run = of_run
        self.judged: Judged = find_judged(
            EvaluateConfig(
                run=str(run),
                round=config.round,
                split=of_run.evaluation.split,
                problems=config.held_out_problems,
                choose_by=config.choose_by,
                seed=config.seed,
            )
        )

    def labels_path(self, labels: BenchLabels, *, held_out: bool) -> Path:
        """The file of labels to train on, or of the same method's labels of the held-out solutions."""
        return self._root / ("held_out_labels" if held_out else "labels") / f"{labels}.jsonl"

    def data_path(self, name: str) -> Path:
        """A file of held-out data."""
        return self._root / "held_out" / f"{name}.jsonl"

    def prm_path(self, cell: Cell) -> Path:
        """The folder of a process model."""
        return self._root / "prms" / cell.name

    def labelling(self) -> list[Stage]:
        """The held-out data, and the labels that ``scripts.label`` makes: those to train on and held-out ones."""
        config, brute = self.config, self.config.value_continuations
        values = self._wanted(LabelMethod.MONTE_CARLO_SOFT, self.data_path(VALUES), held_out=True)
        values = replace(
            values,
            problems=config.value_problems,
            per_problem=config.value_per_problem,
            continuations=brute,
            draw=_OTHER_DRAW,
        )
        truth = self._wanted(LabelMethod.ORACLE, self.data_path(TRUTH), held_out=True)
        stages = [self._label_stage(VALUES, values, None), self._label_stage(TRUTH, truth, None), self._samples()]
        for labels in self._made():
            for held_out in (False, True):
                wanted = self._wanted(method_of(labels), self.labels_path(labels, held_out=held_out), held_out=held_out)
                budget = config.budget if labels in SAMPLING and not held_out else None
                stages.append(self._label_stage(label_stage(labels, held_out=held_out), wanted, budget))
        return stages

    def deriving(self) -> list[Stage]:
        """Labels made of labels."""
        stages = []
        for labels in (BenchLabels.AGREEMENT, BenchLabels.OUTCOME):
            for held_out in (False, True):
                if labels not in self.config.labels or (held_out and labels is BenchLabels.OUTCOME):
                    continue
                sources = (BenchLabels.MONTE_CARLO_HARD, BenchLabels.WEIGHTED_VALUE)
                estimated, weighted = (self.labels_path(each, held_out=held_out) for each in sources)
                out = self.labels_path(labels, held_out=held_out)
                kwargs: dict[str, Path | None] = {"estimated": estimated, "weighted": weighted, "out": out}
                if labels is BenchLabels.OUTCOME:
                    kwargs |= {"estimated": weighted, "weighted": None}
                stages.append(Stage(label_stage(labels, held_out=held_out), f"{_JOBS}:derive_labels", kwargs, [out]))
        return stages

    def judging_labels(self) -> list[Stage]:
        """Every label method judged like a model, on the held-out solutions."""
        stages = []
        for labels in self.config.labels:
            if labels is not BenchLabels.OUTCOME:  # says nothing of steps
                path, out = self.labels_path(labels, held_out=True), self._root / "judged" / str(labels)
                judging = self._judging(path, out, (TRUTH, VALUES))
                stages.append(Stage(f"judge-{labels}", f"{_JOBS}:judge_labels", {"judging": judging}, [out]))
        return stages

    def training(self, cells: Sequence[Cell]) -> list[Stage]:
        """A process model a cell, and its figures on all held-out data."""
        stages = []
        for cell in cells:
            folder, out = self.prm_path(cell), self._root / "judged" / cell.name
            kwargs = {"training": self._training(cell), "judging": self._judging(folder, out, (TRUTH, VALUES, SAMPLED))}
            stages.append(Stage(f"prm-{cell.name}", f"{_JOBS}:train_and_judge", kwargs, [folder, out]))
        return stages

    def searching(self, cells: Sequence[Cell]) -> list[Stage]:
        """Greedy, vote and pass@N; then the same search by the oracle and by every process model that can guide it."""
        unguided = self._search_work(None, UNGUIDED, self.config.votes)
        stages = [self._search_stage("unguided", unguided), self._search_stage("oracle", self._mcts(None), oracle=True)]
        return stages + [self._search_stage(each.name, self._mcts(self.prm_path(each))) for each in cells]

    def _made(self) -> list[BenchLabels]:
        """The labels that ``scripts.label`` makes; of agreement and outcomes the trees' weighted values."""
        derived = {BenchLabels.AGREEMENT, BenchLabels.OUTCOME}
        needed = [BenchLabels.WEIGHTED_VALUE] if derived & set(self.config.labels) else []
        return list(dict.fromkeys([each for each in self.config.labels if each not in derived] + needed))

    def _wanted(self, method: LabelMethod, out: Path, *, held_out: bool) -> LabelConfig:
        config = self.config
        return LabelConfig(
            run=str(self._run),
            round=self.judged.number,
            method=method,
            held_out=held_out,
            problems=config.held_out_problems if held_out else config.problems,
            per_problem=config.held_out_per_problem if held_out else config.per_problem,
            continuations=config.continuations,
            out=str(out),
            overwrite=True,
            seed=config.seed,
            workers=0,
            progress=False,
        )

    def _label_stage(self, name: str, wanted: LabelConfig, budget: int | None) -> Stage:
        kwargs = {"wanted": wanted, "budget": budget, "pilot": self.config.pilot}
        return Stage(name, f"{_JOBS}:make_labels", kwargs, [Path(wanted.out)])

    def _samples(self) -> Stage:
        seed = derive_seed(self.config.seed, "prm bench", "samples")
        work = SampleWork(self.judged.work, self.judged.problems, self.config.samples, seed)
        out = self.data_path(SAMPLED)
        return Stage(SAMPLED, f"{_JOBS}:draw_samples", {"work": work, "out": out}, [out])

    def _training(self, cell: Cell) -> TrainPrmConfig:
        config = self.config
        return TrainPrmConfig(
            data=str(self.labels_path(cell.labels, held_out=False)),
            loss=cell.loss,
            base=str(self.judged.work.policy_path),
            out=str(self.prm_path(cell)),
            overwrite=True,
            judged_on=str(self.data_path(TRUTH)),
            threshold=config.threshold if cell.is_cut else None,
            prompt=self._of_run.policy.prompt,
            step_end=self._of_run.policy.steps.step_end,
            optimiser=config.optimiser,
            device=self._of_run.engine.device,
            seed=derive_seed(config.seed, "prm", cell.seed) % 2**31,
            workers=0,
            progress=False,
        )

    def _judging(self, prm: Path, out: Path, names: Sequence[str]) -> dict[str, EvalPrmConfig]:
        policy = self._of_run.policy
        return {
            name: EvalPrmConfig(
                prm=str(prm),
                template=policy.prompt.template,
                device=self._of_run.engine.device,
                data=str(self.data_path(name)),
                format=DataForm.SAMPLED if name == SAMPLED else DataForm.OWN,
                threshold_share=self.config.threshold_share,
                choose_by=self.config.choose_by,
                step_separator=policy.steps.delimiter,
                continuations=self.config.value_continuations if name == VALUES else None,
                resamples=self.config.resamples,
                seed=self.config.seed,
                out=str(out / name),
                workers=0,
                progress=False,
            )
            for name in names
        }

    def _mcts(self, ppm: Path | None) -> MethodWork:
        return self._search_work(ppm, (Method.MCTS,), self.config.rollouts)

    def _search_work(self, ppm: Path | None, methods: tuple[Method, ...], budgets: Sequence[int]) -> MethodWork:
        work = replace(self.judged.work, ppm_path=ppm)
        return MethodWork(**vars(work), methods=methods, budgets=tuple(sorted(budgets)), beam_width=1)

    def _search_stage(self, name: str, work: MethodWork, oracle: bool = False) -> Stage:
        kwargs = {"work": work, "problems": self.judged.problems, "by_oracle": oracle}
        return Stage(f"search-{name}", "evolve.workbench.searching:search_job", kwargs, [])


def label_stage(labels: BenchLabels, *, held_out: bool) -> str:
    """The name of the stage that makes a file of labels."""
    return f"{'held_out_labels' if held_out else 'labels'}-{labels}"
