"""Opens the inspector: as one file that is written first, or from a server on this machine."""

from __future__ import annotations

import os
import sys
import webbrowser
from pathlib import Path

from rich.console import Console

from evolve.inspector import Inspected, write_page
from evolve.served_run import ServedRun
from viewer.serve import TreeServer

PAGE = "inspector.html"


def write_and_open(inspected: Inspected, out: Path | None, console: Console) -> None:
    """Write the page. Without a name for it, it goes into the run's folder and is opened where there is a screen."""
    path = out or inspected.roots[0] / PAGE
    trees = write_page(inspected, path)
    is_opened = out is None and open_in_browser(path.resolve().as_uri())
    then = "it is open in your browser" if is_opened else "open it in a browser"
    size = path.stat().st_size / 1e6
    console.print(f"written: {path} ({trees} trees, {size:.1f} MB); {then}", highlight=False, soft_wrap=True)


def serve(inspected: Inspected, port: int, console: Console) -> None:
    """Serve the run to this machine until Ctrl-C."""
    run = ServedRun(inspected)
    with TreeServer(run, port) as server:
        run.start()
        is_opened = open_in_browser(server.address)
        then = "it is open in your browser" if is_opened else "open this address in a browser"
        console.print(f"{server.address} ({then}; Ctrl-C ends it)", highlight=False, soft_wrap=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            console.print("ended")


def open_in_browser(address: str) -> bool:
    """Open an address if somebody sits here: a terminal, and a screen for it. Text browsers are left alone."""
    has_screen = sys.platform in ("darwin", "win32") or any(os.environ.get(n) for n in ("DISPLAY", "WAYLAND_DISPLAY"))
    return has_screen and sys.stdout.isatty() and webbrowser.open(address)
