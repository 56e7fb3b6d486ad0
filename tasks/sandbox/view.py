"""What a confined program can see of the file system: the standard library, NumPy, sympy and what they need."""

from __future__ import annotations

import sys
import sysconfig
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

_LIBRARIES = ("numpy", "sympy", "mpmath", "gmpy2")
_INSTALLED = ("site-packages", "dist-packages")


@dataclass(frozen=True, slots=True)
class View:
    """``visible`` files and folders, ``hidden`` folders inside them, ``packages``: folders to import libraries from.

    ``imported``: libraries to import in advance besides the usual ones.
    """

    visible: tuple[str, ...]
    hidden: tuple[str, ...]
    packages: tuple[str, ...]
    imported: tuple[str, ...] = ()


def library_view(library: str = "") -> View:
    """The view of this Python. What else is installed beside it stays out, but all is there for a ``library``."""
    standard = {str(Path(sysconfig.get_path("stdlib")).resolve())}
    visible, packages = [], []
    for name in _LIBRARIES:
        spec = find_spec(name)
        if spec is None or not spec.submodule_search_locations:
            continue
        folder = Path(spec.submodule_search_locations[0]).resolve()
        visible += [str(folder)] + [str(path) for path in (folder.parent / f"{name}.libs",) if path.is_dir()]
        packages.append(str(folder.parent))
    if library:
        packages = [str(path.resolve()) for path in map(Path, sys.path) if path.name in _INSTALLED and path.is_dir()]
        visible = packages
    hidden = [f"{path}/{name}" for path in standard for name in _INSTALLED]
    imported = (library,) if library else ()
    return View((*sorted(standard), *visible), tuple(hidden), tuple(dict.fromkeys(packages)), imported)


def python_program() -> str:
    """The interpreter itself, not the virtual environment's link to it."""
    return str(Path(getattr(sys, "_base_executable", sys.executable)).resolve())
