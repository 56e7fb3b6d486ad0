"""Where a training may be taken up after a kill: what has been learned, and how far it is.

``state.json`` holds the plain part, ``<name>.safetensors`` the tensors: the weights that a training changes and AdamW's
moments. Everything else is made again from the training's inputs. Both are exact, so a training that was killed ends
with the bytes of one that was not. A checkpoint takes the place of the one before it, whole or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from lm.distributed import agreed, rank
from tasks.durable import atomic_dir
from tasks.errors import DataError

_STATE = "state.json"
_ABOUT = "about"


class Part(Protocol):
    """Something whose state is plain data."""

    def state(self) -> Any: ...

    def restore(self, state: Any) -> None: ...


class TensorPart(Protocol):
    """Something whose state is tensors by name, such as a ``lm.train.Stepper``."""

    def state(self) -> dict[str, torch.Tensor]: ...

    def restore(self, state: Mapping[str, torch.Tensor]) -> None: ...


class Checkpoint:
    """The checkpoint of one training in ``path``. Whoever has a state that lasts from step to step adds it.

    ``about``: the training's options, as plain data; a checkpoint of other options is not taken up.
    """

    def __init__(self, path: Path, about: Any) -> None:
        self._path, self._about = path, about
        self._parts: dict[str, Part] = {}
        self._tensors: dict[str, TensorPart] = {}

    def add(self, name: str, part: Part) -> None:
        """``name`` is made different if it is taken: parts are added in the same order whenever it is begun."""
        self._parts[_free(name, self._parts)] = part

    def add_tensors(self, name: str, part: TensorPart) -> None:
        """Likewise."""
        self._tensors[_free(name, self._tensors)] = part

    def save(self) -> None:
        """Write all parts. All ranks take part in it, rank 0 writes."""
        states = {name: part.state() for name, part in self._tensors.items()}
        plain = {name: part.state() for name, part in self._parts.items()} | {_ABOUT: self._about}
        if rank():
            return
        with atomic_dir(self._path) as folder:
            (folder / _STATE).write_text(json.dumps(plain, allow_nan=False), encoding="utf-8")
            for name, state in states.items():
                save_file({each: tensor.contiguous() for each, tensor in state.items()}, folder / f"{name}.safetensors")

    def take_up(self) -> bool:
        """Give every part its state, if there is a checkpoint. DataError for one that cannot be read."""
        if not agreed((self._path / _STATE).is_file()):
            return False
        try:
            plain = json.loads((self._path / _STATE).read_text(encoding="utf-8"))
            if plain[_ABOUT] != self._about:
                return False
            for name, part in self._tensors.items():
                part.restore(load_file(self._path / f"{name}.safetensors"))
            for name, other in self._parts.items():
                other.restore(plain[name])
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise DataError(
                f"{self._path}: the checkpoint cannot be read ({type(error).__name__}); delete this folder, and the "
                "training begins anew"
            ) from error
        return True


def _free(name: str, taken: dict[str, Any]) -> str:
    return next(each for each in (name, *(f"{name}-{number}" for number in range(2, 100))) if each not in taken)
