"""Reward functions written for TRL or verl, as graders. They are the user's own code and run in this process.

So they must treat a model's text as data, as every grader does; give code to run to ``python`` or ``unit_tests``.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.errors import UserError
from tasks.graders.base import Item, Resources, failed
from tasks.graders.python_grader import verdict_of
from tasks.graders.scale import Scale, read_scale
from tasks.graders.spec import Spec
from tasks.problem import Verdict


@dataclass(frozen=True, slots=True)
class ForeignFunction:
    """Calls ``call(item)``; a score beyond the scale, and an exception, are an ``error``."""

    call: Callable[[Item], Any]
    scale: Scale
    pass_at: float

    def grade(self, item: Item) -> Verdict:
        try:
            told = self.call(item)
        except (Exception, SystemExit) as error:  # foreign code raises what it likes, and some of it exits
            return failed(f"the function raised {type(error).__name__}: {str(error)[:200]}")
        return verdict_of(_plain(told), self.scale, self.pass_at)


def trl(spec: Spec, resources: Resources) -> ForeignFunction:
    """TRL's ``f(prompts, completions, **columns) -> list of float``, asked for one completion at a time.

    Options: ``function`` ("package.module:name"), ``range``, ``pass_at``, ``chat`` (prompts and completions as lists of
    messages, as TRL gives them for conversational data). The columns are the item's meta, ``reference``, ``answer`` and
    ``solution`` (each the reference, unless the meta has such a field), each a list of one. None instead of a reward,
    TRL's "not for this one", is an ``error``.
    """
    function, chat = _read(spec), spec.flag("chat", False)

    def call(item: Item) -> Any:
        columns = {"reference": item.reference, "answer": item.reference, "solution": item.reference, **item.meta}
        prompt: Any = [{"role": "user", "content": item.prompt}] if chat else item.prompt
        completion: Any = [{"role": "assistant", "content": item.text}] if chat else item.text
        columns |= {"prompts": prompt, "completions": completion}
        listed = {name: [value] for name, value in columns.items()}
        (told,) = function(**_accepted(function, listed))
        return told

    return ForeignFunction(call, read_scale(spec), spec.number("pass_at", 1.0, 1e-6, 1.0))


def verl(spec: Spec, resources: Resources) -> ForeignFunction:
    """verl's ``compute_score(data_source, solution_str, ground_truth, extra_info)``, a score or a mapping with one.

    Options: ``function``, ``data_source`` (else the item's, else its id up to the first slash), ``range``, ``pass_at``.
    ``extra_info`` is the item's meta.
    """
    function, source = _read(spec), spec.text("data_source", None)

    def call(item: Item) -> Any:
        named = source or item.data("data_source") or item.id.partition("/")[0]
        told = function(
            data_source=named, solution_str=item.text, ground_truth=item.reference, extra_info=dict(item.meta)
        )
        return told["score"] if isinstance(told, dict) else told

    return ForeignFunction(call, read_scale(spec), spec.number("pass_at", 1.0, 1e-6, 1.0))


def _read(spec: Spec) -> Callable[..., Any]:
    """The option ``function``, found as Python finds modules, and in the folder that the program was started in."""
    name = spec.text("function")
    module, colon, attribute = name.partition(":")
    if not colon or not all(part.isidentifier() for part in [*module.split("."), attribute]):
        spec.fail("function", "package.module:name")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)  # last: nothing installed is hidden by a file that lies here
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise UserError(
            f"{spec.path}.function: must be a function that can be imported, got {name} ({error})"
        ) from error
    if not callable(found):
        spec.fail("function", "a function")
    return found  # type: ignore[no-any-return]


def _accepted(function: Callable[..., Any], columns: dict[str, Any]) -> dict[str, Any]:
    """Those of the columns that the function has a parameter for; all, if it takes ``**columns``."""
    parameters = inspect.signature(function).parameters
    if any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
        return columns
    return {name: value for name, value in columns.items() if name in parameters}


def _plain(told: Any) -> Any:
    """NumPy's and torch's numbers as Python's."""
    return told.item() if hasattr(told, "item") else told
