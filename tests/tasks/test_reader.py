from __future__ import annotations

import gzip
import json
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.errors import DataError
from tasks.reader import read_rows

KEPT = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def test_rows_come_with_their_line_numbers_and_blank_lines_are_skipped(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a": 1}\n\n   \r\n{"b": "\xc3\xa9"}\r\n{"c": "\\ud83d\\ude00"}')
    assert list(read_rows(path)) == [(1, {"a": 1}), (4, {"b": "é"}), (5, {"c": "\N{GRINNING FACE}"})]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b'{"a": 1', "delimiter"),
        (b"{'a': 1}", "quotes"),
        (b'{"a": 1} {"b": 2}', "Extra data"),
        (b'{"a": "\xff"}', "utf-8"),
        (b'\xef\xbb\xbf{"a": 1}', "BOM"),
        (b'{"a": NaN}', "NaN is not JSON"),
        (b'{"a": [-Infinity]}', "-Infinity is not JSON"),
        (b'{"a": "\\uD800"}', "surrogates"),
        (b'{"a": ' + b"9" * 5000 + b"}", "digit"),
        (b"[" * 100_000, "recursion"),
        (b"[1]", "must be a JSON object, got list"),
        (b"null", "got NoneType"),
    ],
    ids=lambda value: repr(value[:20]),
)
def test_a_malformed_line_is_named(tmp_path, line, told):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"fine": true}\n' + line + b"\n")
    with pytest.raises(DataError) as caught:
        list(read_rows(path))
    assert f"{path}:2: " in str(caught.value)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_gz_is_unpacked_and_a_truncated_or_false_one_is_told(tmp_path):
    path = tmp_path / "rows.jsonl.gz"
    packed = gzip.compress(b"".join(b'{"a": %d}\n' % number for number in range(5000)))
    path.write_bytes(packed)
    assert [row["a"] for _, row in read_rows(path)] == list(range(5000))
    damaged = [packed[: len(packed) // 2], b"{}", packed[:-8] + b"\0" * 8, packed[:40] + b"\xff" * 40 + packed[80:]]
    for content in damaged:
        path.write_bytes(content)
        with pytest.raises(DataError, match="cannot be unpacked after line"):
            list(read_rows(path))


def test_a_missing_file_and_a_folder_are_told(tmp_path):
    for path in (tmp_path / "none.jsonl", tmp_path):
        with pytest.raises(DataError, match="cannot be read"):
            list(read_rows(path))


@KEPT
@given(st.lists(st.dictionaries(st.text(), VALUES, max_size=4), max_size=5), st.booleans())
def test_written_rows_are_read_back(tmp_path, rows, ascii_only):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=ascii_only) + "\n" for row in rows), "utf-8", newline="")
    assert list(read_rows(path)) == list(enumerate(rows, start=1))


@KEPT
@given(st.binary(max_size=60), st.booleans())
def test_any_bytes_give_rows_or_a_data_error(tmp_path, content, packed):
    path = tmp_path / ("rows.gz" if packed else "rows.jsonl")
    path.write_bytes(content)
    with suppress(DataError):
        assert all(isinstance(row, dict) for _, row in read_rows(path))
