"""Ranks: the processes that ``torchrun`` starts, all of which run the same program, each on a device of its own.

Every rank takes the same way through the program and knows the same things; they differ only in ``spread``, where each
does a part of a list, and in a training's micro-batches (``lm.working_copy``). So whatever is called here must be
called by all ranks, in the same order. Without ``torchrun`` there is one rank, and nothing here does anything.
What ranks tell each other are Python objects of their own making, over the connections that torchrun arranges.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar, cast

import torch
from torch import distributed
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh

from tasks.errors import UserError

T = TypeVar("T")
U = TypeVar("U")

_PATIENCE = timedelta(hours=1)  # a rank may be busy for so long (a search, judging) while others wait for it
_words: Any = None  # the group through which objects travel: by the CPU, whatever the device
_mesh: DeviceMesh | None = None


def join(device: str) -> bool:
    """Meet the other ranks, as torchrun's environment says. ``device``: ``cpu``, or ``cuda`` for one GPU a rank.

    False: they have met before. A process can ``leave`` once only, and not join again: torch's groups outlive it.
    """
    global _words, _mesh
    if _mesh is not None:
        return False
    if device == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    backend = "cpu:gloo,cuda:nccl" if device == "cuda" else "gloo"
    distributed.init_process_group(backend, timeout=_PATIENCE)
    _words = distributed.new_group(backend="gloo", timeout=_PATIENCE)
    _mesh = init_device_mesh(device, (distributed.get_world_size(),))
    return True


def leave() -> None:
    """Part from the other ranks."""
    global _words, _mesh
    if _mesh is not None:
        distributed.destroy_process_group()
        _words = _mesh = None


def mesh() -> DeviceMesh | None:
    """The ranks as a mesh of one dimension; None for one alone."""
    return _mesh


def ranks() -> int:
    """How many there are."""
    return 1 if _mesh is None else _mesh.size()


def rank() -> int:
    """This one's number; 0 writes the files."""
    return 0 if _mesh is None else int(_mesh.get_rank())


def gathered(value: T) -> list[T]:
    """Every rank's value, by rank. UserError where another rank has failed meanwhile, with what it says."""
    if ranks() == 1:
        return [value]
    found = _exchanged(value)
    if failed := [told.reason for told in found if isinstance(told, _End)]:
        raise UserError(failed[0] or "the ranks have lost each other: one has ended its work, others have not")
    return found


def agreed(value: T) -> T:
    """Rank 0's value: of what differs by nature, such as a clock."""
    return gathered(value if not rank() else cast(T, None))[0]


@dataclass(frozen=True, slots=True)
class _End:
    reason: str


def end_together(reason: str = "") -> None:
    """Wait until every rank has come to the end of its work. ``reason``: why this one has ended early, if it has.

    Ranks that are still at it, and wait for others in ``gathered``, are told, and end for the same reason.
    """
    while ranks() > 1 and not all(isinstance(told, _End) for told in _exchanged(_End(reason))):
        pass


def _exchanged(value: Any) -> list[Any]:
    found: list[Any] = [None] * ranks()
    distributed.all_gather_object(found, value, group=_words)
    return found


def share(count: int, number: int) -> range:
    """The places of ``count`` items that fall to rank ``number``: neighbours, for they may have a prefix in common."""
    return range(count * number // ranks(), count * (number + 1) // ranks())


def spread(items: Sequence[T], work: Callable[[Sequence[T]], Sequence[U]]) -> list[U]:
    """``work(items)``, of which each rank does a part. ``work`` gives one value per item and calls nothing of this.

    A UserError of one rank is raised on all. ValueError if ``work`` gives another number of values.
    """
    if ranks() == 1:
        return list(work(items))
    mine = share(len(items), rank())
    error = ""
    done: list[U] = []
    try:
        done = list(work(items[mine.start : mine.stop]) if mine else [])
        if len(done) != len(mine):
            raise ValueError(f"{len(mine)} items were to be worked on, and there are {len(done)} results")
    except UserError as caught:
        error = str(caught)
    parts = gathered((done, error))
    if errors := [told for _, told in parts if told]:
        raise UserError(errors[0])
    return [value for part, _ in parts for value in part]
