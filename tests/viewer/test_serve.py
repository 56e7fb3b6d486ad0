"""The server: who is answered, and what."""

from __future__ import annotations

import http.client
import json
import threading

import pytest

from tasks.errors import DataError, UserError
from viewer.serve import TreeServer


class Two:
    """Two trees; a third is damaged."""

    def page(self):
        return "<!doctype html>é"

    def lines(self, start):
        return {"lines": {"id": ["a", "b"][start:]}, "done": True, "error": ""}

    def tree(self, number):
        if number == 2:
            raise DataError("x.jsonl.gz, line 3: damaged")
        return {"id": ["a", "b"][number]}

    def critical(self):
        raise LookupError("not yet")


@pytest.fixture(scope="module")
def server():
    with TreeServer(Two(), 0) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


def ask(server, path, host=None, method="GET"):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=60)
    connection.putrequest(method, path, skip_host=True)
    connection.putheader("Host", host or f"127.0.0.1:{server.server_address[1]}")
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body, dict(answer.getheaders())


def test_it_listens_to_this_machine_alone(server):
    assert server.server_address[0] == "127.0.0.1"
    assert server.address == f"http://127.0.0.1:{server.server_address[1]}/"


def test_the_page_the_lines_and_the_trees_are_there(server):
    status, body, headers = ask(server, "/")
    assert (status, body.decode()) == (200, "<!doctype html>é")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Frame-Options"] == "DENY"
    assert not [name for name in headers if name.startswith("Access-Control")]
    assert json.loads(ask(server, "/lines?from=1")[1])["lines"] == {"id": ["b"]}
    assert json.loads(ask(server, "/tree?number=1")[1]) == {"id": "b"}


@pytest.mark.parametrize("host", ["evil.test", "evil.test:80", "127.0.0.1", "localhost", "", "127.0.0.1.evil.test"])
def test_another_hosts_name_is_refused(server, host):
    status, body, _ = ask(server, "/", host or " ")
    assert (status, json.loads(body)["error"]) == (403, "this server answers to its own address only")


def test_its_own_two_names_are_answered(server):
    assert ask(server, "/", f"localhost:{server.server_address[1]}")[0] == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/../../etc/passwd", 404),
        ("/%2e%2e/run.json", 404),
        ("//evil.test/", 404),
        ("/tree/../../run.json", 404),
        ("/tree", 400),
        ("/tree?number=../../run.json", 400),
        ("/tree?number=-1", 400),
        ("/tree?number=1e3", 400),
        ("/tree?number=99999999999999999999", 400),
        ("/tree?number=7", 404),
        ("/tree?number=2", 500),
        ("/critical", 404),
        ("/lines?from=x", 400),
    ],
)
def test_nothing_else_is_there(server, path, status):
    found, body, _ = ask(server, path)
    assert found == status
    assert "error" in json.loads(body)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_nothing_can_be_changed(server, method):
    assert ask(server, "/", method=method)[0] == 501


def test_a_browser_that_goes_away_is_not_spoken_of(server, monkeypatch, capsys):
    def gone(start):
        raise BrokenPipeError

    monkeypatch.setattr(server.source, "lines", gone)
    with pytest.raises(http.client.RemoteDisconnected):
        ask(server, "/lines?from=0")
    assert capsys.readouterr() == ("", "")


def test_a_port_in_use_or_beyond_all_ports_is_one_sentence(server):
    with pytest.raises(UserError, match=r"port \d+ is in use; give another one with --port"):
        TreeServer(Two(), server.server_address[1])
    with pytest.raises(UserError, match="--port must lie between 0 and 65535, got 70000"):
        TreeServer(Two(), 70000)
