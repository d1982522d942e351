import gzip
import math

import duckdb
import numpy as np
import pytest

from mlmon.cli import series
from mlmon.core.errors import UsageError


def column(tmp_path, cells, name="a.csv", separator=","):
    """Write a file of one column of interest beside a number."""
    path = tmp_path / name
    text = "\n".join(["at" + separator + "n", *(f"{cell}{separator}{row}" for row, cell in enumerate(cells))])
    path.write_text(text + "\n")
    return str(path)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-02", 86_400.0), ("1970-01-01 01:00:00", 3_600.0), ("1970-01-01T01:00+01:00", 0.0),
        ("1970-02", 31 * 86_400.0), ("1970/01/02 00:00", 86_400.0), ("12.5", 12.5),
        ("1400000000000", 1.4e9), ("1400000000000000", 1.4e9), ("1400000000000000000", 1.4e9),
        (1_871, 1_871.0), ("19700102", 86_400.0), ("19700102030405", 97_445.0), ("197002", 31 * 86_400.0),
        ("02.01.1970 00:00", 86_400.0), ("1/2/1970 1:00", 90_000.0), ("01/02/1970 12:30:00 AM", 88_200.0),
        ("13/01/1970", 12 * 86_400.0), ("Fri, 02 Jan 1970 00:00:00 GMT", 86_400.0),
        ("1970-01-02 00:00:00 UTC", 86_400.0), ("Feb 1970", 31 * 86_400.0),
        ("1970-01-02T00:00:00,500", 86_400.5),
        ("02/Jan/1970:00:00:00 +0000", 86_400.0), ("1970-01-02 00:00:00 +00:00", 86_400.0),
    ],
)  # fmt: skip
def test_times_in_many_forms(tmp_path, text, seconds):
    """ISO 8601, dates of other countries, months, digits and parts of a second are times in UTC."""
    separator = ";" if "," in str(text) else ","
    assert series.moments(column(tmp_path, [text], separator=separator), "at").tolist() == [seconds]


def test_day_and_month_are_told_apart(tmp_path):
    """What could be either is read so that time goes evenly, and the month first where nothing tells."""
    days = [f"{day:02d}/03/2024" for day in range(1, 11)]
    assert set(np.diff(series.moments(column(tmp_path, days), "at"))) == {86_400.0}
    months = [f"{month:02d}/01/{year}" for year in (2022, 2023) for month in range(1, 13)]
    assert np.diff(series.moments(column(tmp_path, months), "at")).max() == 31 * 86_400.0
    assert series.moments(column(tmp_path, ["02/01/1970"]), "at").tolist() == [31 * 86_400.0]


def test_what_is_missing_is_nan(tmp_path):
    """Cells that say nothing are NaN, in times and in numbers; truth is 1 or 0."""
    path = column(tmp_path, ["2024-01-01", "", "NA", " "])
    assert np.isnan(series.moments(path, "at")).tolist() == [False, True, True, True]
    path = column(tmp_path, ["True", "", "#N/A", "false", " 2.5 ", "inf"])
    found = series.numbers(path, "at", what="value").tolist()
    assert [each for each in found if not math.isnan(each)] == [1.0, 0.0, 2.5, math.inf]


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_decimal_commas(tmp_path, separator):
    """Where the comma separates no cells it may be the decimal one, with points between thousands."""
    path = column(tmp_path, ["1.234,5", "-0,25", "", "7", "-inf"], separator=separator)
    found = series.numbers(path, "at", what="value").tolist()
    assert (found[:2], found[3:]) == ([1234.5, -0.25], [7.0, -math.inf])


def test_what_is_no_number_is_told_by_its_line(tmp_path):
    """The first bad cell is named, with the line it stands in, whatever ends of lines are in cells."""
    path = tmp_path / "a.csv"
    path.write_text('note,x\n"a\nb",1\nc,\nd,bad\n')
    with pytest.raises(UsageError, match=r"a\.csv:5: the value 'bad' of column 'x' is no number"):
        series.numbers(str(path), "x", what="value")
    with pytest.raises(UsageError, match=r"a\.csv:2: 'a\nb' in column 'note' is no time"):
        series.moments(str(path), "note")
    assert series.moments_if_any(str(path), "note") is None


def test_packed_files(tmp_path):
    """A name that ends in .gz is unpacked; what is not packed is told."""
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"at,x\n2024-01-01,5\n"))
    assert series.numbers(str(path), "x", what="value").tolist() == [5.0]
    assert list(series.written(str(path), ("at", "x"))) == [("2024-01-01", "5")]
    whole = gzip.compress(b"at,x\n" + b"".join(b"2024-01-01,%d\n" % row for row in range(100_000)))
    for bad in (b"at,x\n2024-01-01,5\n", whole[:40], whole[: len(whole) // 2]):
        path.write_bytes(bad)
        with pytest.raises(UsageError, match=r"cannot be (unpacked|read)"):
            series.numbers(str(path), "x", what="value")


def test_ndjson_whose_first_object_lacks_a_key(tmp_path):
    """A column is there when any object has it; where it is not, it is missing."""
    path = tmp_path / "a.ndjson"
    path.write_text('{"at": "2024-01-01"}\n{"at": "2024-01-02", "x": 3}\n')
    assert np.isnan(series.numbers(str(path), "x", what="value")).tolist() == [True, False]


def test_parquet_of_many_types(tmp_path):
    """Decimals, zones and nulls of Parquet are numbers and times; times are written as ISO 8601."""
    path = tmp_path / "a.parquet"
    rows = "VALUES (1.50, TIMESTAMPTZ '2024-01-01 00:00:00-05', DATE '2024-01-01'), (NULL, NULL, NULL)"
    duckdb.sql(
        f"COPY (SELECT a::DECIMAL(9, 2) AS a, b, c FROM ({rows}) AS t(a, b, c)) TO '{path}' (FORMAT parquet)"
    )
    assert series.numbers(str(path), "a", what="value")[0] == 1.5
    assert series.moments(str(path), "b")[0] == 1_704_085_200
    assert series.moments(str(path), "c")[0] == 1_704_067_200
    written = list(series.written(str(path), ("a", "b", "c")))
    assert written == [("1.50", "2024-01-01T05:00:00Z", "2024-01-01"), (None, None, None)]


def test_a_file_without_a_header_is_told(tmp_path):
    """Data in the first line is no name; a line of bare numbers may be names, until one is asked for."""
    path = tmp_path / "a.csv"
    path.write_text("2024-01-01,10.5\n2024-01-02,10.7\n")
    with pytest.raises(UsageError, match="looks like data: '2024-01-01,"):
        series.numbers(str(path), "x", what="value")
    path.write_text("0\n1\n")
    with pytest.raises(UsageError, match="The first line has to hold the names"):
        series.numbers(str(path), "x", what="value")


def test_utf_16_is_told(tmp_path):
    """A file of another encoding says which one is read."""
    path = tmp_path / "a.csv"
    path.write_text("x\n1\n", encoding="utf-16")
    with pytest.raises(UsageError, match="Save it as UTF-8"):
        series.numbers(str(path), "x", what="value")
