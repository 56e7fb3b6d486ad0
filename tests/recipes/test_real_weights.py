"""The commands of docs/systems/real_weights.md compose and pass their programs' checks, as far as a CPU can say."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from recipes.programs import PROGRAMS
from scripts.composing import composed

ROOT = Path(__file__).resolve().parents[2]
_COMMAND = re.compile(r"^    (?:python|torchrun --nproc-per-node 8) -m scripts\.(\w+) (.*)$", re.M)
_HERE = {
    "engine=vllm": "engine=hf",  # neither is installed everywhere
    "search.driver=streaming": "search.driver=lockstep",
    "executor=ray": "executor=processes",
    "task.path=gsm8k_train.jsonl": "task.path=tests/data/gsm8k_shaped.jsonl",
}
COMMANDS = [
    (program, shlex.split(words))
    for program, words in _COMMAND.findall(
        (ROOT / "docs/systems/real_weights.md").read_text(encoding="utf-8").replace("\\\n", "")
    )
    if program in PROGRAMS
]


@pytest.mark.parametrize(("program", "words"), COMMANDS, ids=[program for program, _ in COMMANDS])
def test_a_command_of_the_walk_composes(program, words):
    config = composed(program, [_HERE.get(word, word) for word in words])
    assert config is not None


def test_the_walk_calls_every_program_that_it_is_about():
    assert {program for program, _ in COMMANDS} >= {"evolve", "label", "train_prm", "evaluate", "eval_prm", "compare"}
