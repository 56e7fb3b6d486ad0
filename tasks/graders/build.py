"""From a config to its grader: a mapping, a JSON or YAML file, or the name of a ready one."""

from __future__ import annotations

import difflib
import importlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from tasks.errors import DataError, UserError
from tasks.graders.base import Grader, Resources
from tasks.graders.ready import READY
from tasks.graders.spec import Spec

KINDS = {
    "string_check": "tasks.graders.texts:string_check",
    "length": "tasks.graders.texts:length",
    "regex_format": "tasks.graders.texts:regex_format",
    "language_consistency": "tasks.graders.language:language_consistency",
    "number": "tasks.graders.answers:number",
    "math": "tasks.graders.answers:math",
    "python": "tasks.graders.python_grader:python",
    "unit_tests": "tasks.graders.unit_tests:unit_tests",
    "instruction": "tasks.graders.instruction:instruction",
    "model_judge": "tasks.graders.model_judge:model_judge",
    "reconstruction": "tasks.graders.reconstruction:reconstruction",
    "simulator": "tasks.graders.simulator:simulator",
    "proof": "tasks.graders.proof:proof",
    "trl": "tasks.graders.adapters:trl",
    "verl": "tasks.graders.adapters:verl",
    "task": "tasks.graders.own_task:own_task",
    "multi": "tasks.graders.multi:multi",
}
"""The option ``type``, and the function ``(Spec, Resources) -> Grader`` that reads the rest."""

MAX_DEPTH, MAX_GRADERS = 16, 256
"""How deep graders may be nested, and how many a config may hold."""

_MAX_BYTES = 1_000_000


def build_grader(spec: Mapping[str, Any], resources: Resources | None = None) -> Grader:
    """The grader that a config describes. UserError, naming the place in the config, for what cannot be."""
    top = Spec(spec)
    _refuse_too_much(spec)
    return read_grader(top, resources or Resources())


def read_grader(spec: Spec, resources: Resources) -> Grader:
    """The grader of one mapping in a config; what it does not know is refused."""
    kind = spec.text("type")
    if kind not in KINDS:
        close = difflib.get_close_matches(kind, KINDS, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise UserError(f"{spec.path}.type: must be one of {', '.join(KINDS)}, got {json.dumps(kind)}{hint}")
    module, _, function = KINDS[kind].partition(":")
    read: Callable[[Spec, Resources], Grader] = getattr(importlib.import_module(module), function)
    grader = read(spec, resources)
    spec.finish()
    return grader


def load_grader(name: str, resources: Resources | None = None) -> Grader:
    """The grader called ``name``, or described in the file ``name`` (.json, .yaml, .yml). UserError for neither.

    Relative paths in a file start from the file's folder.
    """
    resources, spec = resources or Resources(), load_spec(name)
    if name in READY:
        return build_grader(spec, resources)
    try:
        return build_grader(spec, replace(resources, folder=Path(name).parent))
    except UserError as error:
        raise UserError(f"{name}: {error}") from error


def load_spec(name: str) -> Any:
    """The config of a ready grader or of a file, not yet checked."""
    if name in READY:
        return READY[name]
    path = Path(name)
    if not path.is_file():
        close = difflib.get_close_matches(name, READY, n=1)
        hint = f" (did you mean {close[0]}?)" if close else ""
        raise UserError(f"there is no grader {name}{hint}; give a .json or .yaml file, or one of {', '.join(READY)}")
    return _read(path)


def runs_programs(spec: Any) -> bool:
    """Does a grader of this config need a sandbox?"""
    return _holds_one(spec, _is_program)


def _is_program(spec: Mapping[str, Any]) -> bool:
    kind = spec.get("type")
    return kind in ("python", "unit_tests") or (kind == "simulator" and not {"source", "file"}.isdisjoint(spec))


def reads_policy(spec: Any) -> bool:
    """Does a grader of this config need a policy's log-probabilities?"""
    return _holds_one(spec, lambda one: one.get("type") == "reconstruction")


def _holds_one(spec: Any, holds: Callable[[Mapping[str, Any]], bool]) -> bool:
    """Is there a grader in the config, at any depth, of which it holds?"""
    if not isinstance(spec, Mapping):
        return False
    inner = spec.get("graders")
    if isinstance(inner, Mapping):
        _refuse_too_much(spec)
        return any(_holds_one(each, holds) for each in inner.values())
    return holds(spec)


def _read(path: Path) -> Any:
    if path.suffix not in (".json", ".yaml", ".yml"):
        raise DataError(f"{path} must end in .json, .yaml or .yml: a grader is JSON or YAML")
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise DataError(f"{path} is larger than {_MAX_BYTES} bytes, which no grader needs")
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".json":
            return json.loads(text)
        if "*" in text and any(isinstance(each, yaml.AliasToken) for each in yaml.scan(text)):
            raise DataError(f"{path} uses YAML aliases (*name), which a grader may not; write the part out")
        return yaml.safe_load(text)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}; check the path and its rights") from error
    except (ValueError, RecursionError, yaml.YAMLError) as error:  # also bad UTF-8
        kind = "JSON" if path.suffix == ".json" else "YAML"
        raise DataError(f"{path} is not {kind} ({' '.join(str(error).split())}); mend it") from error


def _refuse_too_much(spec: Mapping[str, Any]) -> None:
    """Static bounds, walked without recursion."""
    waiting: list[tuple[Any, str, int]] = [(spec, "grader", 1)]
    found = 0
    while waiting:
        value, path, depth = waiting.pop()
        found += 1
        if depth > MAX_DEPTH:
            raise UserError(f"{path}: must be nested at most {MAX_DEPTH} graders deep")
        if found > MAX_GRADERS:
            raise UserError(f"{path}: must be one of at most {MAX_GRADERS} graders in a config")
        inner = value.get("graders") if isinstance(value, Mapping) else None
        if isinstance(inner, Mapping):
            waiting += [(each, f"{path}.graders.{name}", depth + 1) for name, each in inner.items()]
