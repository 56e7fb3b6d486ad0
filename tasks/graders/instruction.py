"""Does a text follow instructions that a program can check? IFEval's constraints, under its ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tasks.errors import UserError
from tasks.graders.base import Item, Resources, failed, graded
from tasks.graders.spec import Spec
from tasks.problem import Verdict
from tasks.suites.instructions import check, check_arguments, check_loose

Constraint = tuple[str, Mapping[str, Any]]
"""An id and its arguments."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """The reward is the share of the constraints that are followed (0 or 1 if not ``partial``); all make it correct.

    The constraints are the config's, else the item's: ``constraints``, a list of ``{"id": ..., arguments}``, or
    IFEval's own ``instruction_id_list`` and ``kwargs``.
    """

    constraints: Sequence[Constraint] | None
    loose: bool
    partial: bool

    def grade(self, item: Item) -> Verdict:
        try:
            constraints = _of_item(item) if self.constraints is None else self.constraints
            if not constraints:
                return failed("the item has no constraints")
            checked = check_loose if self.loose else check
            followed = [checked(name, arguments, item.text) for name, arguments in constraints]
        except UserError as error:
            return failed(str(error))
        share = sum(followed) / len(followed)
        parts: dict[str, float] = {}
        for (name, _), held in zip(constraints, followed, strict=True):
            again = sum(each.partition("#")[0] == name for each in parts)
            parts[f"{name}#{again + 1}" if again else name] = float(held)
        return graded(share if self.partial else float(share == 1), 1.0, parts)


def _of_item(item: Item) -> list[Constraint]:
    listed = item.data("constraints")
    if listed is None and item.data("instruction_id_list") is not None:
        names, arguments = item.data("instruction_id_list"), item.data("kwargs")
        if not isinstance(names, list) or not isinstance(arguments, list) or len(names) != len(arguments):
            raise UserError("instruction_id_list and kwargs must be lists of the same length")
        listed = [
            {**(each if isinstance(each, dict) else {}), "id": name}
            for name, each in zip(names, arguments, strict=True)
        ]
    return _read(listed or [])


def _read(listed: Any) -> list[Constraint]:
    """Raises UserError for what is no list of constraints."""
    if not isinstance(listed, list) or not all(
        isinstance(each, dict) and isinstance(each.get("id"), str) for each in listed
    ):
        raise UserError('constraints must be a list of mappings such as {"id": "punctuation:no_comma"}')
    found = [(each["id"], {name: value for name, value in each.items() if name != "id"}) for each in listed]
    return [(name, check_arguments(name, arguments)) for name, arguments in found]


def instruction(spec: Spec, resources: Resources) -> Instruction:
    """Options: ``constraints`` (else the item's), ``loose``, ``partial``."""
    constraints = None
    if (listed := spec.raw("constraints", None)) is not None:
        try:
            constraints = _read(listed)
        except UserError as error:
            raise UserError(f"{spec.path}.constraints: must be a list of constraints; {error}") from error
    return Instruction(constraints, spec.flag("loose", False), spec.flag("partial", True))
