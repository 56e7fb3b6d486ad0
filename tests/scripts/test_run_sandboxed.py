"""The program: one JSON line, exit code 0 for any program that was run, 2 for a user's mistake."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from scripts import run_sandboxed

FORGED = 'import os\nprint(\'{"outcome": "ok"}\')\nos._exit(0)\n'


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    monkeypatch.setattr(sys, "argv", ["run_sandboxed", *arguments])
    run_sandboxed.main()
    line = capsys.readouterr().out
    assert line.count("\n") == 1
    return dict(json.loads(line))


@pytest.mark.parametrize("choice", [["sandbox=off"], ["--tier", "off"]])
def test_one_json_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], choice: list[str]
) -> None:
    program, stdin = tmp_path / "program.py", tmp_path / "stdin.txt"
    program.write_text("print(int(input()) + 1)")
    stdin.write_text("41\n")
    told = run(monkeypatch, capsys, str(program), *choice, "--stdin", str(stdin))
    assert list(told) == ["outcome", "stdout", "stderr", "seconds", "tier"]
    assert (told["outcome"], told["stdout"], told["stderr"], told["tier"]) == ("ok", "42\n", "", "off")
    program.write_text(FORGED)
    told = run(monkeypatch, capsys, str(program), *choice)
    assert told["outcome"] == "error"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere.py"], "nowhere.py"),
        (["program.py", "sandbox=jail"], "must be one of auto, namespaces, bwrap, off"),
        (["program.py", "--seconds", "0"], "sandbox limit seconds"),
        ([], "file"),
    ],
)
def test_mistakes_end_in_one_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("program.py").write_text("print(1)")
    with pytest.raises(SystemExit) as stopped:
        run(monkeypatch, capsys, *arguments)
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1
