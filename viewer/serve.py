"""Serves one run's page and trees to this machine alone.

The server listens on 127.0.0.1, answers GET only, knows four addresses and takes numbers only, so there is no path to
escape by. A request whose Host is another name than this machine's own is refused: a page elsewhere cannot have its
name point here and read on (DNS rebinding).
"""

from __future__ import annotations

import errno
import json
import re
import sys
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

from tasks.errors import DataError, UserError

HOST = "127.0.0.1"
_SMALL = re.compile(r"\d{1,9}")


class TreeSource(Protocol):
    """What is served. ``tree`` and ``critical`` raise LookupError for what is not there (yet)."""

    def page(self) -> str: ...
    def lines(self, start: int) -> dict[str, Any]: ...
    def tree(self, number: int) -> dict[str, Any]: ...
    def critical(self) -> dict[str, Any]: ...


class TreeServer(ThreadingHTTPServer):
    """Listens from its making on; ``serve_forever`` answers. ``port=0`` takes any that is free."""

    daemon_threads = True
    allow_reuse_address = False  # two servers on one port would take turns

    def __init__(self, source: TreeSource, port: int) -> None:
        """Raises UserError for a port that cannot be had."""
        self.source = source
        try:
            super().__init__((HOST, port), _Answer)
        except OverflowError:
            raise UserError(f"--port must lie between 0 and 65535, got {port}") from None
        except OSError as error:
            reason = {errno.EADDRINUSE: "is in use", errno.EACCES: "may not be used"}.get(error.errno or 0, str(error))
            raise UserError(f"port {port} {reason}; give another one with --port, or 0 for any") from error

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a browser that went away before it had its answer."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    @property
    def address(self) -> str:
        """Where a browser finds the page."""
        return f"http://{HOST}:{self.server_address[1]}/"


class _Answer(BaseHTTPRequestHandler):
    server: TreeServer
    protocol_version = "HTTP/1.1"
    server_version = "treeward"
    sys_version = ""
    timeout = 30

    def do_GET(self) -> None:
        if self.headers.get("Host") not in self._hosts():
            return self._fail(HTTPStatus.FORBIDDEN, "this server answers to its own address only")
        wanted = urlsplit(self.path)
        source = self.server.source
        routes: dict[str, tuple[str | None, Callable[[int], Any]]] = {
            "/lines": ("from", source.lines),
            "/tree": ("number", source.tree),
            "/critical": (None, lambda _: source.critical()),
        }
        if wanted.path == "/":
            return self._send(HTTPStatus.OK, source.page().encode(), "text/html; charset=utf-8")
        if wanted.path not in routes:
            return self._fail(HTTPStatus.NOT_FOUND, "there is nothing at this address")
        name, answer = routes[wanted.path]
        number = parse_qs(wanted.query).get(name, [""])[0] if name else "0"
        if not _SMALL.fullmatch(number):
            return self._fail(HTTPStatus.BAD_REQUEST, f"{name} must be a whole number")
        try:
            self._json(HTTPStatus.OK, answer(int(number)))
        except LookupError as error:
            self._fail(HTTPStatus.NOT_FOUND, str(error.args[0]))
        except ConnectionError:
            raise  # nobody is there to be told
        except (DataError, OSError) as error:
            self._fail(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))
        return None

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the terminal belongs to whoever started the server."""

    def _hosts(self) -> tuple[str, str]:
        port = self.server.server_address[1]
        return f"{HOST}:{port}", f"localhost:{port}"

    def _fail(self, status: HTTPStatus, sentence: str) -> None:
        self._json(status, {"error": sentence})

    def _json(self, status: HTTPStatus, value: Any) -> None:
        body = json.dumps(value, allow_nan=False, separators=(",", ":")).encode()
        self._send(status, body, "application/json")

    def _send(self, status: HTTPStatus, body: bytes, kind: str) -> None:
        self.send_response(status)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "same-origin",
            "X-Frame-Options": "DENY",
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
