"""What docs/graders.md says is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tasks.graders.base import Resources
from tasks.graders.build import KINDS, build_grader
from tasks.graders.ready import READY
from tasks.suites.chain import ChainConfig, ChainTask

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "graders.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("block", re.findall(r"(?:^    .*\n(?:\n(?=    ))?)+", PAGE, re.MULTILINE))
def test_configs_on_the_page_can_be_built(block):
    if re.match(r"    (# .*\n    )?type: ", block):
        build_grader(yaml.safe_load(block), Resources(verifier=ChainTask(ChainConfig()).verifier))


def test_every_kind_and_ready_grader_is_told():
    for name in [*KINDS, *READY]:
        assert f"`{name}`" in PAGE


def test_the_python_on_the_page_runs():
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(compile(program, "docs/graders.md", "exec"), {})
