"""A few seconds' measurement of the configured model on this machine: how long texts are, and tokens a second."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from evolve.config import EvolveConfig, ScorerName
from evolve.estimate import PROBED, Shape, Tokens
from evolve.kept_engine import close_engine
from evolve.kept_scorer import close_scorer
from evolve.models import Sampler, device_of, load_evaluator, load_sampler
from evolve.training import cold_start, fine_tune
from lm.config import OptimiserConfig
from lm.folder import load_policy, save_model
from lm.rows import TextRow
from lm.train import train
from mcts.config import Expansion
from mcts.step import ScoreRequest, Step, joined
from policy.config import EngineConfig, EngineName
from policy.engine import Finish, GenerateRequest, Generation, Sampling
from policy.sft import demonstration_row
from prm.model import new_scorer_from_policy
from prm.train import NodePairs, node_loss
from tasks.problem import Demonstration
from tasks.suites.code_format import code_steps


def measure(config: EvolveConfig, examples: list[Demonstration]) -> tuple[Shape, Tokens]:
    """The texts' shape, and tokens a second by kind of work; a server's sampling is not measured (infinitely fast).

    The model is the one that a run would begin with, fine-tuned for a moment.
    """
    # A server does not serve the model that is made up here.
    is_served = config.engine.name is EngineName.OPENAI
    engine = replace(config.engine, name=EngineName.HF) if is_served else config.engine
    once = replace(config.policy.cold_start.optimiser, epochs=1.0)
    cold = replace(config.policy.cold_start, demonstrations=PROBED, optimiser=once)
    with TemporaryDirectory() as folder:
        path, ppm = Path(folder) / "policy", Path(folder) / "ppm"
        begun = cold_start(_silent, config.task, replace(config.policy, cold_start=cold), engine, 0, path)
        sampler = load_sampler(config.policy, engine, path)
        rows = [demonstration_row(example, sampler.encode, sampler.tokenizer) for example in examples]
        shape = shape_of(rows, examples, code_steps if sampler.steps.runs_code else str.splitlines)
        generated = math.inf if is_served else _sampling(config, sampler, rows, shape)
        trained = _training(load_policy(path, device_of(engine)), rows, once)
        paired = _ppm_training(path, ppm, sampler, rows, config.ppm.optimiser, device_of(engine))
        scored = _scoring(config.ppm.scorer, engine, ppm, sampler, examples, rows, config.search.width)
        close_engine()
        close_scorer()
    shape = replace(shape, parameters=begun.result["parameters"])
    return shape, Tokens(generated, scored, trained, paired)


def shape_of(
    rows: Sequence[TextRow], examples: Sequence[Demonstration], cut: Callable[[str], list[str]] = str.splitlines
) -> Shape:
    """The means of the worked solutions, cut into steps."""
    steps = [step for example in examples for step in cut(example.solution)]
    return Shape(
        prompt=sum(len(row.prompt_ids) for row in rows) / len(rows),
        step=sum(len(row.target_ids) for row in rows) / len(steps),
        steps=len(steps) / len(rows),
    )


def _sampling(config: EvolveConfig, sampler: Sampler, rows: Sequence[TextRow], shape: Shape) -> float:
    is_whole = config.search.expansion is Expansion.CONTINUATION
    sampling = Sampling(max_tokens=max(1, round(shape.solution if is_whole else shape.step)))
    started = time.perf_counter()
    sampler.engine.generate([GenerateRequest(row.prompt_ids, config.search.width, sampling, 0) for row in rows])
    return sampler.engine.counts.generated / (time.perf_counter() - started)


def _training(model: object, rows: list[TextRow], once: OptimiserConfig) -> float:
    started = time.perf_counter()
    fine_tune(_silent, model, rows, once, 0, "estimate")
    return sum(row.length for row in rows) / (time.perf_counter() - started)


def _ppm_training(
    policy: Path, out: Path, sampler: Sampler, rows: Sequence[TextRow], optimiser: OptimiserConfig, device: str
) -> float:
    model, tokenizer = new_scorer_from_policy(policy, 0, device)
    nodes = [
        NodePairs(row.problem_id, tuple(row.prompt_ids + joined(steps) for steps in siblings), ((0, 1),))
        for row in rows
        if len(siblings := _siblings(sampler, row, 2)) == 2
    ]
    started = time.perf_counter()
    if nodes:
        train(model, nodes, node_loss, replace(optimiser, epochs=1.0), 0, "estimate")
    seconds = time.perf_counter() - started
    save_model(model, tokenizer, out)
    return sum(len(row) for node in nodes for row in node.rows) / seconds if nodes else math.inf


def _scoring(
    scorer: ScorerName,
    engine: EngineConfig,
    ppm: Path,
    sampler: Sampler,
    examples: Sequence[Demonstration],
    rows: Sequence[TextRow],
    width: int,
) -> float:
    """As a wave of a search asks: the children of one node of each problem."""
    evaluator = load_evaluator(scorer, engine, ppm, sampler.encode)
    requests = [
        ScoreRequest(0, example.problem, steps)
        for example, row in zip(examples, rows, strict=True)
        for steps in _siblings(sampler, row, width)
    ]
    started = time.perf_counter()
    evaluator.score(requests)
    return evaluator.counts.scored / (time.perf_counter() - started)


def _siblings(sampler: Sampler, row: TextRow, count: int) -> list[tuple[Step, ...]]:
    """Up to ``count`` paths to the middle of a worked solution that differ in their last step alone."""
    target = row.target_ids
    steps = sampler.steps.split(Generation(target, (0.0,) * len(target), Finish.END))
    before, last = steps[: len(steps) // 2], steps[len(steps) // 2].token_ids
    turned = dict.fromkeys(last[place:] + last[:place] for place in range(count))
    return [(*before, Step("", ids)) for ids in turned]


def _silent(*args: object, **kwargs: object) -> None:
    """Progress that nobody watches."""
