r"""Tasks of the library reasoning-gym (extra ``tasks``) by name: ``task=reasoning_gym task.dataset=chain_sum``.

Only a score of 1 is correct: the library gives partial credit to wrong answers. Any answer but the reference itself is
scored in the sandbox. Several scorers evaluate the answer as Python; code in it could then say what its score is, so
these are given nothing but arithmetic: numbers, operators, brackets, single letters, a few functions, quoted words.
"""

from __future__ import annotations

import importlib
import inspect
import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tasks.answers import read_final_answer
from tasks.config import TaskConfig
from tasks.errors import UserError
from tasks.problem import Demonstration, Outcome, Problem, Split, StepOracle, Verdict, Verifier
from tasks.sandbox.execution import Execution, ExecutionOutcome
from tasks.sandbox.open import open_sandbox
from tasks.seeding import derive_seed
from tasks.splits import split_of

_ENDLESS = 2**30
_MAX_REFUSALS = 20_000  # as many items in a row that are of another split, or known
_EVALUATES = re.compile(r"\b(?:eval|exec|parse_expr|sympify|parse_latex|literal_eval)\s*\(")
_WORD = r"(?:[A-Za-z0-9 .+-]|_(?!_))*"
_HARMLESS = re.compile(
    rf"(?:\s|[0-9]+(?:\.[0-9]*)?|\.[0-9]+|[-+*/^(),\[\]]|'{_WORD}'|\"{_WORD}\""
    r"|\b(?:[A-Za-z_]|pi|sqrt|exp|log|a?(?:sin|cos|tan)h?)\b)*"
)
_LONGEST = 4096  # characters of an answer
_SCORER = """
import json, sys
import reasoning_gym
asked = json.load(sys.stdin)
data = reasoning_gym.create_dataset(asked["dataset"], seed=asked["seed"], size=asked["index"] + 1, **asked["options"])
print(json.dumps(float(data.score_answer(answer=asked["answer"], entry=data[asked["index"]]))))
"""


@dataclass
class ReasoningGymConfig(TaskConfig):
    """Which of the library's data sets, and how it is made."""

    name: str = "reasoning_gym"  # the task's name: the first part of every problem id
    seed: int = 0  # which problems are drawn
    dataset: str = "chain_sum"  # the library's name for it
    options: dict[str, Any] = field(default_factory=dict)  # of the data set, by the library's names


class ReasoningGymTask:
    """Draws a data set's items in their order; each belongs to the split that its question says.

    The library's own seeds share items (seed 1 begins with seed 0's second item); here a seed leads far from others.
    """

    oracle: StepOracle | None = None

    def __init__(self, config: ReasoningGymConfig) -> None:
        self.config = config
        self.name = config.name
        self._data = _create(config)
        source = inspect.getsource(inspect.getmodule(type(self._data)) or type(self._data))
        self.verifier: Verifier = ReasoningGymVerifier(config, evaluates=_EVALUATES.search(source) is not None)

    def problems(self, split: Split, count: int) -> list[Problem]:
        """The first ``count`` distinct problems of a split; UserError where the data set has no more."""
        found = list(itertools.islice(self._distinct(split), count))
        if len(found) < count:
            raise UserError(
                f"task.dataset={self.config.dataset} has only {len(found)} distinct {split} problems within reach, but "
                f"{count} are asked for; make it harder with task.options, or ask for fewer"
            )
        return found

    def demonstrations(self, count: int) -> list[Demonstration]:
        r"""Training problems with their bare answers (``\boxed{}``): the library has no worked solutions."""
        return [Demonstration(each, f"\\boxed{{{each.answer}}}") for each in self.problems(Split.TRAIN, count)]

    def _distinct(self, split: Split) -> Iterator[Problem]:
        seen: set[str] = set()
        refusals = 0
        for index in range(_ENDLESS):
            item = self._data[index]
            prompt = item["question"].strip() + "\n"
            if prompt in seen or split_of(prompt) is not split:
                refusals += 1
                if refusals > _MAX_REFUSALS:
                    return
                continue
            seen.add(prompt)
            refusals = 0
            yield Problem(f"{self.name}/{self.config.seed}/{index}", prompt, str(item["answer"]), {"index": index})


class ReasoningGymVerifier:
    """The reference is correct; what the library scores with 1 is correct; all else is wrong."""

    def __init__(self, config: ReasoningGymConfig, evaluates: bool) -> None:
        self._config = config
        self._evaluates = evaluates

    def verify(self, problem: Problem, solution: str) -> Verdict:
        answer = read_final_answer(solution)
        if answer is None:
            return Verdict(Outcome.UNVERIFIABLE, 0.0, note="no final answer (#### or \\boxed{})")
        if answer == problem.answer:
            return Verdict(Outcome.CORRECT, 1.0)
        if len(answer) > _LONGEST or (self._evaluates and not _HARMLESS.fullmatch(answer)):
            return Verdict(Outcome.UNVERIFIABLE, 0.0, note="the scorer would run what is more than arithmetic")
        asked = {
            "dataset": self._config.dataset,
            "seed": _seed(self._config),
            "options": self._config.options,
            "index": problem.meta["index"],
            "answer": answer,
        }
        return _verdict(open_sandbox(self._config.sandbox, library="reasoning_gym").run([_SCORER], json.dumps(asked)))


def _verdict(scored: Execution) -> Verdict:
    """An answer that breaks the scorer, or takes it too long or too much memory, cannot be verified."""
    if scored.outcome is ExecutionOutcome.KILLED:
        return Verdict(Outcome.ERROR, 0.0, note="the scorer was killed")
    if scored.outcome is not ExecutionOutcome.OK:
        note = f"the scorer could not read the answer ({scored.outcome}): {scored.stderr[-200:]}"
        return Verdict(Outcome.UNVERIFIABLE, 0.0, note=note)
    score = float(scored.stdout)
    if score >= 1.0:
        return Verdict(Outcome.CORRECT, 1.0)
    return Verdict(Outcome.WRONG, 0.0, note=f"the library's score is {score:g}")


def _seed(config: ReasoningGymConfig) -> int:
    return derive_seed("reasoning_gym", config.seed) % 2**31


def _create(config: ReasoningGymConfig) -> Any:
    try:
        library = importlib.import_module("reasoning_gym")
    except ImportError as error:
        raise UserError("task=reasoning_gym needs the library; run pip install 'treeward[tasks]'") from error
    try:
        return library.create_dataset(config.dataset, seed=_seed(config), size=_ENDLESS, **config.options)
    except Exception as error:  # whatever its many data sets raise for a name or an option
        reason = f"{type(error).__name__}: {error}"
        raise UserError(f"task.dataset={config.dataset} with task.options={config.options}: {reason[:300]}") from error
