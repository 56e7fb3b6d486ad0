"""The page: template, style and scripts in one file that loads nothing and sends nothing.

Scripts and style are plain files in ``viewer/page/``, joined as they are. All data stands in script elements that no
browser runs: packed and in base 64, so that nothing a model wrote can end an element or begin one. The content
security policy lets run exactly the one script, named by its hash.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Iterable, Iterator
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

from viewer.colours import DIVERGING, SEQUENTIAL

# In this order: later files use what earlier ones define.
SCRIPTS = (
    "dom.js", "colour.js", "data.js", "tree.js", "replay.js", "scene.js", "paint_node.js", "paint_pairs.js",
    "painter.js", "hands.js", "surface.js", "rounds.js", "overview.js", "detail.js", "pairs.js", "toolbar.js",
    "tree_view.js", "critical.js", "compare.js", "keys.js", "main.js",
)  # fmt: skip
_SCALES = {"diverging": DIVERGING, "sequential": SEQUENTIAL}


def page(title: str, head: dict[str, Any], blobs: Iterable[tuple[str, str]], *, served: bool = False) -> Iterator[str]:
    """The page in pieces. ``blobs``: ids and what ``packed`` made, read one by one; a served page asks for them.

    ``head`` is JSON-able and small: it is read before anything is drawn.
    """
    style, script = _asset("style.css"), _script()
    connect = " connect-src 'self';" if served else ""
    policy = f"default-src 'none';{connect} script-src {_hash(script)}; style-src {_hash(style)}; base-uri 'none'"
    before, after = _asset("template.html").split("<!-- data -->")
    facts = {"policy": policy, "title": escape(title), "style": style}
    for name, text in facts.items():
        before = before.replace(f"<!-- {name} -->", text)
    yield before
    yield _element("head", "application/json", _inert(json_text(head | {"served": served, "scales": _SCALES})))
    for name, blob in blobs:
        yield _element(name, "text/plain", blob)
    yield after.replace("<!-- script -->", script)


def packed(text: str) -> str:
    """A JSON text as gzip in base 64. The same text gives the same result."""
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()


def json_text(value: Any) -> str:
    """A JSON-able value in ASCII without spaces. Raises ValueError for NaN and infinities."""
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


@cache
def _script() -> str:
    parts = "\n".join(_asset(name) for name in SCRIPTS)
    return f'"use strict";\n(() => {{\n{parts}\n}})();\n'


@cache
def _asset(name: str) -> str:
    return (files("viewer") / "page" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _element(name: str, kind: str, content: str) -> str:
    return f'<script type="{kind}" id="{escape(name)}">{content}</script>\n'


def _inert(text: str) -> str:
    """JSON in which nothing can end its element: all the characters that markup is made of are escapes."""
    for char in "<>&":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text
