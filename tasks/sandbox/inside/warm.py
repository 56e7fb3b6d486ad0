"""What a program finds imported already. Nothing here is secret: every program gets a copy of this memory."""

from __future__ import annotations

import atexit
import gc
import importlib
import io
import site
import sys
from collections.abc import Iterable

SEED = 0
_STANDARD = """
__future__ abc argparse array ast asyncio atexit base64 binascii bisect builtins bz2 calendar cmath codecs
collections collections.abc colorsys contextlib copy copyreg csv ctypes dataclasses datetime decimal difflib dis
enum errno fnmatch fractions functools gc getpass glob hashlib heapq html inspect io itertools json keyword
linecache locale logging lzma math numbers operator os pathlib pickle platform pprint queue random re reprlib
secrets select selectors shlex shutil signal socket statistics string struct subprocess sys tempfile textwrap
threading time timeit token tokenize traceback types typing unicodedata unittest unittest.mock uuid warnings weakref
zlib concurrent.futures multiprocessing doctest
"""
_LIBRARIES = ("numpy", "numpy.linalg", "numpy.random", "numpy.fft", "mpmath", "sympy")


def import_everything(besides: Iterable[str] = ()) -> list[str]:
    """Import the common part of the standard library, NumPy and sympy; returns the libraries that are not installed.

    Those ``besides`` must be: ImportError.
    """
    for name in _STANDARD.split():
        importlib.import_module(name)
    missing = []
    for name in _LIBRARIES:
        try:
            importlib.import_module(name)
        except ImportError:
            missing.append(name)
    if "sympy" not in missing:
        _use_sympy()
    for name in besides:
        importlib.import_module(name)
    return missing


def _use_sympy() -> None:
    """Let sympy import what it imports late."""
    sympy = sys.modules["sympy"]
    x, y = sympy.symbols("x y")
    sympy.solve(x**2 - 5 * x + 6, x)
    sympy.solve([x + y - 3, x - y - 1], [x, y])
    sympy.simplify(sympy.sin(x) ** 2 + sympy.cos(x) ** 2)
    sympy.integrate(sympy.exp(-x) * x, x)
    sympy.latex(sympy.Rational(3, 4) + sympy.sqrt(2))
    sympy.N(sympy.pi, 30)


def settle() -> None:
    """Make every program begin alike: nothing registered for the end, memory ready to be shared.

    NumPy's global generator is seeded here; ``random`` seeds itself anew in a forked process, so that comes later.
    """
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(SEED)
    site.setquit()  # exit() and quit(), which Python gives to programs only when it looks for installed packages
    atexit._clear()
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        assert isinstance(stream, io.TextIOWrapper)
        stream.reconfigure(errors="replace", line_buffering=stream is not sys.stdin)
    sys.argv[:] = ["program"]
    gc.collect()
    gc.freeze()
