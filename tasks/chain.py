"""Suite ``chain``: multi-step modular arithmetic written as text, with misconceptions in its demonstrations.

    7 +5 *3 -2 mod 10        the prompt (ends with a newline)
    7+5=2                    one line for each operation
    2*3=6
    6-2=4
    #### 4                   the answer

The split of a problem follows from its text alone, so no seed's training problem is another seed's held-out one.
Difficulty is set by the number of operations, the operators and the modulus.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tasks.chain_arithmetic import OPERATORS, Chain, apply, operands
from tasks.chain_oracle import ChainOracle
from tasks.config import TaskConfig
from tasks.errors import UserError
from tasks.numeric import NumericVerifier
from tasks.problem import Demonstration, Problem, Split, StepOracle, Verifier
from tasks.seeding import derive_seed
from tasks.splits import split_of

Fact = tuple[str, int, int]
"""One entry of an operation table: operator, left operand, right operand."""

# A split of 10 % refuses nine draws of ten; so many refusals in a row mean that hardly anything new is left.
_MAX_REFUSALS = 20_000


@dataclass
class ChainConfig(TaskConfig):
    """Which chains there are, and what the demonstrations get wrong."""

    name: str = "chain"  # the task's name: the first part of every problem id
    seed: int = 0  # which problems are drawn, and which facts are misconceived
    modulus: int = 10  # all values lie in 0..modulus-1; 2 to 100
    operators: str = "+-*"  # those that occur, each as likely as the others
    min_length: int = 4  # operations of the shortest chain
    max_length: int = 6  # operations of the longest chain; lengths between are equally likely
    misconceived_facts: float = 0.25  # share of all facts (operator, a, b) that have one fixed wrong result
    misconception_rate: float = 0.7  # how often a demonstration shows a misconceived fact's wrong result


class ChainTask:
    """Draws chains by seed. Without limit in practice; a space that is too small for a request is a UserError."""

    def __init__(self, config: ChainConfig) -> None:
        _check(config)
        self.config = config
        self.name = config.name
        self.verifier: Verifier = NumericVerifier()
        self.oracle: StepOracle | None = ChainOracle()

    def problems(self, split: Split, count: int) -> list[Problem]:
        """The first ``count`` distinct problems of a split; asking for more gives the same first ones."""
        return [
            Problem(self._id(f"{split}-{index}"), chain.prompt, str(chain.value), {"level": len(chain.operations)})
            for index, chain in enumerate(self._distinct(split, split, count))
        ]

    def demonstrations(self, count: int) -> list[Demonstration]:
        """Worked solutions with systematic misconceptions.

        Their problems come from a stream of their own. They are of the train split, so none is a validation or
        held-out problem; one may by chance equal a problem of ``problems(Split.TRAIN)``.

        Each use of a misconceived fact shows its one wrong result with probability ``misconception_rate``; the chain
        goes on from what was shown, and the answer line repeats what it ended in.
        """
        wrong_results = misconceptions(self.config)
        rng = np.random.default_rng(derive_seed("chain", self.config.seed, "slips"))
        found = []
        for index, chain in enumerate(self._distinct("demonstrations", Split.TRAIN, count)):
            meta = {"level": len(chain.operations)}
            problem = Problem(self._id(f"demonstration-{index}"), chain.prompt, str(chain.value), meta)
            found.append(Demonstration(problem, self._solution(chain, wrong_results, rng)))
        return found

    def _id(self, local: str) -> str:
        return f"{self.name}/{self.config.seed}/{local}"

    def _solution(self, chain: Chain, wrong_results: dict[Fact, int], rng: np.random.Generator) -> str:
        value = chain.start
        lines = []
        for operator, operand in chain.operations:
            result = apply(operator, value, operand, chain.modulus)
            wrong = wrong_results.get((operator, value, operand))
            if wrong is not None and rng.random() < self.config.misconception_rate:
                result = wrong
            lines.append(f"{value}{operator}{operand}={result}")
            value = result
        return "\n".join([*lines, f"#### {value}"])

    def _distinct(self, stream: str, split: Split, count: int) -> Iterator[Chain]:
        if count < 0:
            raise ValueError(f"count must not be negative, got {count}")
        rng = np.random.default_rng(derive_seed("chain", self.config.seed, stream))
        seen: set[str] = set()
        refusals = 0
        while len(seen) < count:
            chain = self._draw(rng)
            prompt = chain.prompt
            if prompt not in seen and split_of(prompt) is split:
                seen.add(prompt)
                refusals = 0
                yield chain
            elif (refusals := refusals + 1) > _MAX_REFUSALS:
                raise UserError(self._too_small(split, count, len(seen)))

    def _draw(self, rng: np.random.Generator) -> Chain:
        config = self.config
        length = int(rng.integers(config.min_length, config.max_length + 1))
        start = int(rng.integers(config.modulus))
        operators = [config.operators[index] for index in rng.integers(len(config.operators), size=length)]
        ranges = [operands(operator, config.modulus) for operator in operators]
        values = [int(rng.integers(each.start, each.stop)) for each in ranges]
        return Chain(start, tuple(zip(operators, values, strict=True)), config.modulus)

    def _too_small(self, split: Split, count: int, found: int) -> str:
        config = self.config
        return (
            f"task.max_length={config.max_length}, task.modulus={config.modulus} and task.operators={config.operators}"
            f" leave only {found} distinct {split} problems within reach, but {count} are asked for;"
            " raise task.max_length or task.modulus, or ask for fewer"
        )


def misconceptions(config: ChainConfig) -> dict[Fact, int]:
    """The misconceived facts and the one wrong result of each.

    They follow from the seed and the operation table (modulus, operators) alone; a larger share of misconceived
    facts contains the smaller one.
    """
    facts = [
        (operator, a, b)
        for operator in config.operators
        for a in range(config.modulus)
        for b in operands(operator, config.modulus)
    ]
    rng = np.random.default_rng(derive_seed("chain", config.seed, "misconceptions"))
    order = rng.permutation(len(facts)).tolist()
    shifts = rng.integers(1, config.modulus, size=len(facts)).tolist()
    wrong_results = {}
    for index in order[: round(config.misconceived_facts * len(facts))]:
        operator, left, right = facts[index]
        right_result = apply(operator, left, right, config.modulus)
        wrong_results[facts[index]] = (right_result + shifts[index]) % config.modulus
    return wrong_results


def _check(config: ChainConfig) -> None:
    if not 2 <= config.modulus <= 100:
        raise UserError(f"task.modulus must lie in 2..100, got {config.modulus}")
    distinct = set(config.operators)
    if not distinct or not distinct <= set(OPERATORS) or len(distinct) != len(config.operators):
        raise UserError(f"task.operators must be one or more of {OPERATORS}, each once, got {config.operators!r}")
    if not 1 <= config.min_length <= config.max_length:
        raise UserError(
            "task.min_length must be at least 1 and at most task.max_length,"
            f" got min_length={config.min_length} and max_length={config.max_length}"
        )
    for option in ("misconceived_facts", "misconception_rate"):
        share = getattr(config, option)
        if not 0.0 <= share <= 1.0:
            raise UserError(f"task.{option} is a share and must lie in 0..1, got {share}")
