"""For answers in LaTeX: their deadline is processor time, and a busy machine is given all the clock it wants."""

from __future__ import annotations

import pytest

from tasks.answers import worker


@pytest.fixture(autouse=True)
def _patient(monkeypatch):
    monkeypatch.setattr(worker, "WALL", 300.0)
