"""The lock file installs the same things everywhere and tells nothing about where it was made."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK = (ROOT / "requirements.lock").read_text()
PINNED = dict(re.findall(r"^([a-z0-9-]+)==([^ \n]+)", LOCK, re.MULTILINE))


def test_every_package_is_pinned_once_with_hashes():
    assert len(PINNED) == len(re.findall(r"^[a-z]", LOCK, re.MULTILINE))
    for entry in re.split(r"^(?=[a-z])", LOCK, flags=re.MULTILINE)[1:]:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry.splitlines()[0]


def test_everything_that_the_project_needs_is_there_except_torch():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[<>=]", requirement)[0].lower() for requirement in wanted}
    assert names - set(PINNED) == {"torch"}


def test_no_package_of_a_cuda_build_is_locked():
    assert [name for name in PINNED if name.startswith(("nvidia-", "cuda-")) or name in ("torch", "triton")] == []


def test_what_torch_needs_in_every_build_is_locked():
    assert {"filelock", "fsspec", "jinja2", "networkx", "setuptools", "sympy", "typing-extensions"} <= set(PINNED)


def test_no_host_and_no_path_is_named():
    assert not re.search(r"://|--index|--extra|--find-links|/", LOCK)
