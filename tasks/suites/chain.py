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

from dataclasses import dataclass, replace

import numpy as np

from tasks.answers import AnswerType, AnswerVerifier
from tasks.errors import UserError
from tasks.problem import StepOracle, Verifier
from tasks.seeding import derive_seed
from tasks.suites.chain_arithmetic import OPERATORS, Chain, apply, operands, read_chain
from tasks.suites.chain_oracle import ChainOracle
from tasks.suites.procedural import ProceduralConfig, chosen_facts
from tasks.suites.varying import VaryingTask

Fact = tuple[str, int, int]
"""One entry of an operation table: operator, left operand, right operand."""


@dataclass
class ChainConfig(ProceduralConfig):
    """Which chains there are, and what the demonstrations get wrong."""

    name: str = "chain"  # the task's name: the first part of every problem id
    modulus: int = 10  # all values lie in 0..modulus-1; 2 to 100
    operators: str = "+-*"  # those that occur, each as likely as the others
    min_length: int = 4  # operations of the shortest chain
    max_length: int = 6  # operations of the longest chain; lengths between are equally likely


class ChainTask(VaryingTask[Chain]):
    """Draws chains by seed. Without limit in practice.

    A demonstration's chain goes on from what was shown, and the answer line repeats what it ended in.
    """

    suite = "chain"

    def __init__(self, config: ChainConfig) -> None:
        super().__init__(config)
        _check(config)
        self.config = config
        self.verifier: Verifier = AnswerVerifier(AnswerType.INTEGER)
        self.oracle: StepOracle | None = ChainOracle()
        self._wrong_results = misconceptions(config)

    def draw(self, rng: np.random.Generator) -> Chain:
        config = self.config
        length = int(rng.integers(config.min_length, config.max_length + 1))
        start = int(rng.integers(config.modulus))
        operators = [config.operators[index] for index in rng.integers(len(config.operators), size=length)]
        ranges = [operands(operator, config.modulus) for operator in operators]
        values = [int(rng.integers(each.start, each.stop)) for each in ranges]
        return Chain(start, tuple(zip(operators, values, strict=True)), config.modulus)

    def solution(self, item: Chain, rng: np.random.Generator) -> str:
        value = item.start
        lines = []
        for operator, operand in item.operations:
            result = apply(operator, value, operand, item.modulus)
            wrong = self._wrong_results.get((operator, value, operand))
            if wrong is not None and rng.random() < self.config.misconception_rate:
                result = wrong
            lines.append(f"{value}{operator}{operand}={result}")
            value = result
        return "\n".join([*lines, f"#### {value}"])

    def read(self, prompt: str) -> Chain:
        return read_chain(prompt)

    def varied(self, item: Chain, rng: np.random.Generator) -> Chain:
        """The start, or one operation, is drawn anew."""
        place = int(rng.integers(-1, len(item.operations)))
        if place < 0:
            return replace(item, start=int(rng.integers(item.modulus)))
        operator = self.config.operators[int(rng.integers(len(self.config.operators)))]
        values = operands(operator, item.modulus)
        changed = operator, int(rng.integers(values.start, values.stop))
        return replace(item, operations=(*item.operations[:place], changed, *item.operations[place + 1 :]))

    def wider(self) -> str:
        config = self.config
        return (
            f"task.max_length={config.max_length}, task.modulus={config.modulus} and task.operators={config.operators}"
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
    shifts = chosen_facts(rng, facts, config.misconceived_facts, config.modulus - 1)
    return {fact: (apply(*fact, config.modulus) + shift) % config.modulus for fact, shift in shifts.items()}


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
