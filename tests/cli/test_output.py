import csv
import io
import json
from datetime import UTC, datetime

import pytest

from mlmon.cli.output import Column, write

AT = datetime(2013, 3, 1, 12, 30, 0, 250, tzinfo=UTC)
ROWS = [
    {"name": "a,b", "at": AT, "value": 0.1 + 0.2, "final": True, "more": {"x": [1, 2]}},
    {"name": 'say "x"\nagain', "at": AT, "value": None, "final": False, "more": None},
]
KEYS = tuple(ROWS[0])
COLUMNS = [
    Column("name", lambda row: row["name"], wraps=True),
    Column("value", lambda row: f"{row['value'] or 0:.1f}", is_number=True),
]


@pytest.fixture
def written(capsys):
    """Give a function that prints rows in a form and returns how many, stdout and stderr."""

    def call(rows, form):
        count = write(iter(rows), form, keys=KEYS, columns=COLUMNS, empty="Nothing here.", hint="Go on.")
        return count, *capsys.readouterr()

    return call


def test_json_keeps_every_digit(written):
    """JSON is one array, with every key, every digit, and times in ISO 8601 with Z."""
    count, out, err = written(ROWS, "json")
    assert json.loads(out) == [row | {"at": "2013-03-01T12:30:00.000250Z"} for row in ROWS]
    assert (count, err) == (2, "")


def test_ndjson_is_one_object_a_line(written):
    """NDJSON is one object a line, the same ones."""
    _, out, _ = written(ROWS, "ndjson")
    assert [json.loads(line)["name"] for line in out.splitlines()] == [row["name"] for row in ROWS]


def test_csv_reads_back(written):
    """CSV has a heading, and text with commas, quotes and line ends reads back as it was."""
    _, out, _ = written(ROWS, "csv")
    first, second = csv.DictReader(io.StringIO(out))
    assert (first["name"], second["name"]) == ("a,b", 'say "x"\nagain')
    assert float(first["value"]) == 0.1 + 0.2
    assert (first["at"], first["final"], first["more"]) == (
        "2013-03-01T12:30:00.000250Z",
        "true",
        '{"x":[1,2]}',
    )
    assert (second["value"], second["final"]) == ("", "false")


@pytest.mark.parametrize(
    ("form", "out"), [("json", "[]\n"), ("ndjson", ""), ("csv", ",".join(KEYS) + "\n"), ("table", "")]
)
def test_nothing_is_said(written, form, out):
    """Without a row the machine's forms are empty ones of their kind, and the person is told on stderr."""
    assert written([], form) == (0, out, "Nothing here.\n")


def test_a_table_rounds_and_hints(written, monkeypatch):
    """A table shows what its columns make of a row, and what to do next on stderr."""
    monkeypatch.setenv("COLUMNS", "80")
    _, out, err = written(ROWS, "table")
    assert out.splitlines()[0].split() == ["name", "value"]
    assert "0.3" in out
    assert err == "Go on.\n"


def test_a_long_table_is_cut_and_says_so(written):
    """A table ends after some hundred rows and says how many are left."""
    count, out, err = written([ROWS[0]] * 700, "table")
    assert count == 700
    assert len(out.splitlines()) == 502
    assert err.startswith("200 more rows are not shown.")
