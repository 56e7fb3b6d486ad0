"""A run served to a real browser: trees come when they are opened, and nobody else is answered."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from evolve.inspector import Inspected
from evolve.run_trees import rounds_with_trees
from evolve.served_run import ServedRun
from mcts.storage import read_trees
from tests.viewer.browser import CHROMIUM, Browser
from viewer.serve import TreeServer

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium (Debian: apt install chromium)")


@pytest.fixture(scope="module")
def address(reference):
    run = ServedRun(Inspected([reference]))
    with TreeServer(run, 0) as server:
        run.start()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.address
        server.shutdown()


@pytest.fixture(scope="module")
def opened():
    with Browser() as opened:
        yield opened


@pytest.fixture
def browser(opened):
    """The browser, on an empty page, with nothing thrown or asked for yet."""
    opened.call("Page.navigate", url="about:blank")
    opened.wait("location.href === 'about:blank'")
    opened.problems.clear()
    opened.requests.clear()
    return opened


def trees_of(root: Path):
    return [tree for files in rounds_with_trees(root).values() for path in files for tree in read_trees(path)]


def asked_for_trees(browser: Browser) -> list[str]:
    return [url.split("?", 1)[1] for url in browser.requests if "/tree?" in url]


def test_trees_come_when_they_are_opened(browser, address, reference):
    trees = trees_of(reference)
    browser.open(address)
    browser.wait(f"document.querySelector('#count').textContent.startsWith('{len(trees)} of {len(trees)} trees')")
    assert asked_for_trees(browser) == []
    last = len(trees) - 1
    for number, node in ((0, 0), (last, 1), (0, 1)):
        browser.run(f"location.hash = '#/tree/{number}/{node}'")
        browser.wait(f"document.querySelector('#place')?.textContent.endsWith('of {len(trees[number])} nodes')")
        browser.wait(f"document.querySelector('[data-figure=N]').textContent === '{trees[number].visits[node]}'")
    assert asked_for_trees(browser) == ["number=0", f"number={last}"]  # the first is remembered
    browser.run("location.hash = '#/critical'")
    browser.wait("document.querySelectorAll('#view-critical tbody tr').length > 0")
    assert browser.problems == []
    assert {url for url in browser.requests if not url.startswith(("about:", address))} == set()


def test_a_page_elsewhere_learns_nothing(browser, address, tmp_path):
    (tmp_path / "elsewhere.html").write_text("<!doctype html><title>elsewhere</title>")
    browser.call("Page.navigate", url=(tmp_path / "elsewhere.html").as_uri())
    browser.wait("document.title === 'elsewhere'")
    browser.problems.clear()
    read = f"fetch('{address}tree?number=0').then(answer => answer.text(), () => 'refused')"
    assert browser.run(read) == "refused"
    assert any("CORS" in problem for problem in browser.problems), browser.problems


def test_a_name_that_was_pointed_here_is_refused(address):
    """The browser sends the name it was given as Host: with another name for this address it gets no tree."""
    port = address.rsplit(":", 1)[1].strip("/")
    with Browser(flags=("--host-resolver-rules=MAP evil.test 127.0.0.1",)) as browser:
        browser.call("Page.navigate", url=f"http://evil.test:{port}/tree?number=0")
        browser.wait("document.body?.innerText.includes('error')")
        assert json.loads(browser.run("document.body.innerText")) == {
            "error": "this server answers to its own address only"
        }


def test_paths_lead_nowhere(browser, address):
    browser.open(address)
    places = ["run.json", "../run.json", "%2e%2e/run.json", "tree/../../run.json", "tree?number=../run.json"]
    asked = [f"fetch('{place}').then(answer => answer.status)" for place in places]
    assert set(browser.run(f"Promise.all([{', '.join(asked)}])")) == {400, 404}
