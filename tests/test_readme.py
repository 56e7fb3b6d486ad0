"""What the pages say holds: their Python runs, their links lead somewhere, the programs and options they name exist."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import hydra
import pytest
from hydra.core.config_store import ConfigStore

from evolve.config import EvolveConfig
from mcts.storage import write_trees
from scripts.launch import CONF
from tasks.registry import TASK_CONFIGS
from tests.mcts.puzzles import search_table

ROOT = Path(__file__).resolve().parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
TEXT = {page.relative_to(ROOT).as_posix(): page.read_text() for page in PAGES}
BLOCKS = [
    pytest.param(code, id=f"{name}-{number}")
    for name, text in TEXT.items()
    for number, code in enumerate(re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
]
COMMANDS = [
    pytest.param(line.group(1), id=f"{name}-{number}")
    for name, text in TEXT.items()
    for number, line in enumerate(
        re.finditer(r"^ *python -m scripts\.evolve (.*)$", text.replace("\\\n", " "), re.MULTILINE)
    )
]


def test_there_is_something_to_run():
    assert len(BLOCKS) >= 3
    assert len(COMMANDS) >= 5


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_are_made_of_options_that_exist(command):
    store = ConfigStore.instance()
    store.store(name="evolve_schema", node=EvolveConfig)
    for task, schema in TASK_CONFIGS.items():
        store.store(group="task", name=f"{task}_schema", node=schema)
    # A launcher is a plugin, which need not be here.
    words = [word for word in shlex.split(command, comments=True) if not word.startswith(("hydra/", "hydra."))]
    overrides = [word.split(",")[0] if "-m" in words else word for word in words if word != "-m"]
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        assert hydra.compose("evolve", overrides)


@pytest.mark.parametrize("code", BLOCKS)
def test_python_blocks_run_without_torch(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_trees(tmp_path / "outputs/demo/round_3/trees/tree1-00000.jsonl.gz", [search_table(rollouts=4).tree])
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{code}\nassert 'torch' not in sys.modules\n"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
    assert answer.returncode == 0, answer.stderr
    assert "print" not in code or answer.stdout


@pytest.mark.parametrize("name", TEXT)
def test_links_lead_to_files(name):
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", TEXT[name]):
        assert (ROOT / name).parent.joinpath(target).exists(), target


@pytest.mark.parametrize("name", TEXT)
def test_programs_targets_and_choices_exist(name):
    for program in re.findall(r"python -m scripts\.(\w+)", TEXT[name]):
        assert (ROOT / "scripts" / f"{program}.py").is_file(), program
    targets = (ROOT / "Makefile").read_text()
    for target in re.findall(r"(?:`|^ *)make ([\w-]+)", TEXT[name], re.MULTILINE):
        assert f"\n{target}:" in targets, target
    groups = "|".join(path.name for path in CONF.iterdir() if path.is_dir())
    for group, choice in re.findall(rf"[ `]({groups})=([a-z]\w*)", TEXT[name]):
        assert (CONF / group / f"{choice}.yaml").is_file(), f"{group}={choice}"
