"""Process models by the name of their kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from transformers import PreTrainedTokenizerFast

from prm.generative.config import GENERATIVE, PROMPTED
from prm.judging.scored import Prm
from prm.model import PromptIds
from prm.public.math_shepherd import MathShepherdPrm
from prm.public.qwen import QwenPrm
from prm.public.rlhflow import RlhflowPrm
from prm.public.skywork import SkyworkPrm
from prm.step_prm import FolderPrm
from tasks.errors import UserError

OWN = "own"
PUBLIC: dict[str, Callable[[Path | str, str, str], Prm]] = {
    "qwen2.5_math_prm": QwenPrm,
    "math_shepherd": MathShepherdPrm,
    "rlhflow": RlhflowPrm,
    "skywork": SkyworkPrm,
}

KINDS = (OWN, GENERATIVE, PROMPTED, *PUBLIC)


def open_step_prm(
    kind: str,
    path: Path | str,
    make_prompt_ids: Callable[[PreTrainedTokenizerFast], PromptIds],
    device: str = "cpu",
    dtype: str = "float32",
) -> Prm:
    """The process model in a local folder. ``make_prompt_ids`` is for ``own`` alone: a public model has its own prompt.

    ValueError for one that writes before it judges, UserError for a kind that is not known, DataError for a folder that
    is not of that kind.
    """
    if kind == OWN:
        return FolderPrm(path, make_prompt_ids, device)
    if kind in (GENERATIVE, PROMPTED):
        raise ValueError(f"{kind} writes before it judges, which needs an engine: prm.generative, evolve.prm_written")
    if kind not in PUBLIC:
        raise UserError(f"the kind of process model {kind!r} is not known; use one of {', '.join(KINDS)}")
    return PUBLIC[kind](path, device, dtype)
