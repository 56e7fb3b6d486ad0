"""A child of a ScoringProcess with a scripted engine in vLLM's place."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import SimpleNamespace

import torch

import lm.vllm_start
import lm.vllm_thread
import prm.scoring_process
from tests.prm.broken_child import CONTEXT


class ScriptedPooling:
    """Scores a row as the sum of its ids; a row that came before since the last reset counts as kept."""

    def __init__(self) -> None:
        self.model_config = SimpleNamespace(max_model_len=CONTEXT)
        self.engine_core = SimpleNamespace(shutdown=lambda: None)
        self._seen: set[tuple[int, ...]] = set()
        self._asked: list[tuple[str, tuple[int, ...]]] = []

    def add_request(self, name, prompt, params):
        assert params == {"task": "classify", "use_activation": False}
        self._asked.append((name, tuple(prompt["prompt_token_ids"])))

    def has_unfinished_requests(self):
        return bool(self._asked)

    def step(self):
        """Two a step, the last ones first: answers come in parts and out of order."""
        now, self._asked = self._asked[-2:], self._asked[:-2]
        outputs = [self._output(name, row) for name, row in now]
        self._seen |= {row for _, row in now}
        return outputs

    def reset_prefix_cache(self):
        self._seen.clear()
        return True

    def _output(self, name, row):
        outputs = SimpleNamespace(data=torch.tensor([float(sum(row))]))
        cached = len(row) if row in self._seen else 0
        return SimpleNamespace(request_id=name, finished=True, outputs=outputs, num_cached_tokens=cached)


def serve_scripted(connection, settings):
    """The real child's code around the scripted engine."""
    lm.vllm_thread.installed_vllm = lambda: "0.32.0"
    lm.vllm_thread.start_engine = lambda settings: ScriptedPooling()
    sys.modules["vllm"] = SimpleNamespace(PoolingParams=lambda **options: options)
    prm.scoring_process._serve(connection, settings)


def hold(folder: Path) -> None:
    """Start a child, tell its number in ``folder``, and do nothing more."""
    prm.scoring_process._serve = serve_scripted
    process = prm.scoring_process.ScoringProcess(lm.vllm_start.VllmSettings(folder))
    (folder / "pid.part").write_text(str(process.pid))
    (folder / "pid.part").rename(folder / "pid")
    time.sleep(600)
