"""What ``scripts.probe_prm`` is asked. Free of torch: the main process has none."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from pathlib import Path

from evolve.config import EvolveConfig
from evolve.label_config import OF_POLICY, LabelMethod
from evolve.prm_judging import DataForm, EvalPrmConfig
from mcts.config import Mode, SearchConfig
from mcts.votes import Aggregation
from prm.answer_prompt import refuse_seen_answers
from prm.probing.perturbations import chosen_perturbations
from prm.record import read_record
from tasks.errors import UserError
from tasks.problem import Split


@dataclass
class AttackConfig:
    """A search for wrong solutions that the process model scores highly, by the policy of a run."""

    problems: int = 40  # training problems of the run whose wrong solutions are looked for, and written
    fresh: int = 40  # problems of another split, on which it is measured how often a search is misled
    split: Split = Split.HELD_OUT  # the fresh problems'
    solutions: int = 16  # whole solutions a problem, of which the best is chosen (best of N)
    temperature: float = 1.0  # of all that is drawn
    search: SearchConfig = field(
        default_factory=lambda: SearchConfig(mode=Mode.INFERENCE, rollouts=16, width=4)
    )  # the tree search that the model's scores alone guide
    per_problem: int = 4  # wrong solutions a problem that are written, and right ones beside them
    label: LabelMethod | None = (
        None  # how their steps are labelled; none: as the model's own labels, else binary_search
    )
    continuations: int = 8  # of that labelling
    group: int = 10  # problems searched together, in one batch


@dataclass(frozen=True)
class AttackWork:
    """For every group of problems of an attack, as it travels to the workers. ``prm``: the model that is attacked.

    ``faulty``: with the verdicts that the run learns from (``task.fault``), as training rows have; else the true.
    """

    of_run: EvolveConfig
    attack: AttackConfig
    policy_path: Path
    prm: Path
    seed: int
    faulty: bool = False


@dataclass
class ProbePrmConfig:
    """Which process model is probed, on which labelled solutions, and in which run it is attacked."""

    prm: str = ""  # the model folder
    kind: str = "own"  # of the folder, as scripts.eval_prm has it
    template: str = ""  # how a prompt was put to the model; empty: as its run did, else the prompt alone
    device: str = "auto"  # auto, cpu, cuda
    data: str = ""  # the file of labelled solutions that are rewritten; empty: only the attack
    format: DataForm = DataForm.OWN
    perturbations: list[str] = field(default_factory=list)  # some of them (docs/prm.md); none: all
    threshold: float | None = None  # a score below it says "wrong"; none: chosen where nothing is probed
    threshold_data: str = ""  # the file that it is chosen on, in the same format; empty: a share of the data
    threshold_share: float = 0.25  # of the problems, which are then not probed
    choose_by: Aggregation = Aggregation.MIN  # how step scores become a solution's
    run: str = ""  # a run whose policy attacks the model; empty: no attack
    round: int | None = None  # whose policy; none: the last finished one
    attack: AttackConfig = field(default_factory=AttackConfig)
    retrain: bool = False  # train the model again, on its labels and the solutions found, and attack that one too
    resamples: int = 400  # draws for intervals
    seed: int = 0  # of what is drawn
    out: str = "outputs/probe_prm"  # the folder; what stands there is replaced
    workers: int = 1  # never changes a result
    progress: bool = True  # show bars (plain lines where there is no terminal)


def check_probe(config: ProbePrmConfig) -> None:
    """Refuse options that cannot work. UserError."""
    if not (Path(config.prm) / "config.json").is_file():
        raise UserError(f"prm={config.prm} is no model folder (it has no config.json); name a process model")
    if not config.data and not config.run:
        raise UserError("there is nothing to do: give data=FILE to rewrite solutions, run=FOLDER to attack, or both")
    if config.data and (config.format is DataForm.SAMPLED or not Path(config.data).is_file()):
        raise UserError(f"data={config.data} (format={config.format}) is no file of labelled solutions; name one")
    if not 0 < config.threshold_share < 1:
        raise UserError(f"threshold_share must lie between 0 and 1, got {config.threshold_share}")
    if config.threshold is not None and not math.isfinite(config.threshold):
        raise UserError(f"threshold must be a number, got {config.threshold}")
    if config.resamples < 20:
        raise UserError(f"resamples must be at least 20, got {config.resamples}")
    chosen_perturbations(config.perturbations)
    if config.retrain and not config.run:
        raise UserError("retrain=true needs the solutions that an attack finds; give run=FOLDER")
    if config.run:
        _check_attack(config)


def _check_attack(config: ProbePrmConfig) -> None:
    attack = config.attack
    for name in ("problems", "fresh", "solutions", "per_problem", "continuations", "group"):
        if getattr(attack, name) < 1:
            raise UserError(f"attack.{name} must be at least 1, got {getattr(attack, name)}")
    if not 0 <= attack.temperature < math.inf:
        raise UserError(f"attack.temperature must be a number of at least 0, got {attack.temperature}")
    if attack.split is Split.TRAIN:
        raise UserError("attack.split=train holds the problems that are learned from; use held_out or validation")
    if attack.search.mode is not Mode.INFERENCE:
        raise UserError(f"attack.search.mode must be inference, where scores alone guide, got {attack.search.mode}")
    if attack.label is not None and (attack.label not in OF_POLICY or attack.label is LabelMethod.CONSENSUS):
        names = ", ".join(each for each in OF_POLICY if each is not LabelMethod.CONSENSUS)
        raise UserError(f"attack.label must be one of {names}, which continue a solution, got {attack.label}")
    record = read_record(config.prm) or {}
    if config.kind != "own" or record.get("outputs", 1) == 0:
        raise UserError(f"prm={config.prm} cannot guide a search; attack one with a head (scripts.train_prm, or a PPM)")
    refuse_seen_answers(config.prm, "to guide a search")
    if config.retrain and "options" not in record:
        raise UserError(f"retrain=true needs a model of scripts.train_prm, whose options {config.prm}/prm.json tells")


def judged_as(config: ProbePrmConfig) -> EvalPrmConfig:
    """The same options as judging has them."""
    shared = {each.name for each in fields(EvalPrmConfig)} & {each.name for each in fields(config)}
    return EvalPrmConfig(**{name: getattr(config, name) for name in shared})
