from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished tiny run that nothing disturbed. Read only."""
    from tests.evolve.tiny_run import run_tiny  # torch is loaded by the tests that need it alone

    root = tmp_path_factory.mktemp("reference") / "mine"
    run_tiny(root)
    return root
