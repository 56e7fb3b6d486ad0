"""For every room: what a busy machine or a slow disk would decide is taken out of the tests' way."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# A generated case is judged by what it shows, never by how long it took. The suite draws the same cases every time, so
# that it fails for a change and not by chance; `pytest --hypothesis-profile=search` draws others.
settings.register_profile("search", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("suite", settings.get_profile("search"), derandomize=True)
settings.load_profile("suite")


@pytest.fixture(scope="session", autouse=True)
def _no_waiting_for_the_disk() -> Iterator[None]:
    """What a killed process wrote is there without a sync, and no test cuts the power: each would only wait 7 ms."""
    patch = pytest.MonkeyPatch()
    patch.setattr(os, "fsync", lambda descriptor: None)
    yield
    patch.undo()
