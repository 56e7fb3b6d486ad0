"""The vLLM that scores, kept from one job of a worker to the next: starting it takes seconds."""

from __future__ import annotations

from pathlib import Path

from lm.vllm_start import VllmSettings
from policy.config import EngineConfig
from prm.scoring_process import ScoringProcess
from prm.vllm_scorer import start_scoring

_Wanted = tuple[EngineConfig, str, Path, int]
_kept: tuple[_Wanted, ScoringProcess] | None = None


def kept_scorer(engine: EngineConfig, device: str, path: Path, version: int) -> ScoringProcess:
    """vLLM with the PPM of a folder, and nothing kept of earlier rows. ``version`` changes with the folder's weights.

    For another PPM another vLLM is started: that happens once a round.
    """
    global _kept
    wanted = (engine, device, path, version)
    if _kept is None or _kept[0] != wanted:
        close_scorer()
        settings = VllmSettings(path, device, engine.dtype, engine.batch_rows, engine.cache_mb, engine.timeout_s)
        _kept = wanted, start_scoring(settings)
    try:
        _kept[1].forget()
    except BaseException:
        close_scorer()
        raise
    return _kept[1]


def close_scorer() -> None:
    """End a kept process and give its memory back."""
    global _kept
    if _kept is not None:
        kept, _kept = _kept[1], None
        kept.close()
