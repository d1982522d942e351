import json

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import feather, ipc

from mlmon.cli import frame, parquet, rows
from mlmon.core.errors import UsageError


def test_a_bad_line_is_told_and_its_neighbours_read(tmp_path):
    """A CSV row with too few cells, or bytes that are not UTF-8, is a problem of its line alone."""
    file = tmp_path / "truth.csv"
    file.write_bytes(b"id,label\na,late\nb\n\xff,late\n\nc,on_time\n")
    read = list(rows.read(str(file)))
    assert [(row.line, row.values.get("id")) for row in read if row.problem is None] == [(2, "a"), (6, "c")]
    assert [row.line for row in read if row.problem is not None] == [3, 4]


def test_lines_are_those_of_the_file(tmp_path):
    """A cell with line ends in it does not shift the lines of the rows after it."""
    file = tmp_path / "truth.csv"
    file.write_text('id,label\n"a\nb",late\nc,late\n')
    assert [(row.line, row.values["id"]) for row in rows.read(str(file))] == [(2, "a\nb"), (4, "c")]


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path):
    """A CSV file from a spreadsheet may start with a byte order mark."""
    file = tmp_path / "truth.csv"
    file.write_bytes(b"\xef\xbb\xbfid,label\na,late\n")
    assert rows.columns_of(str(file)) == ["id", "label"]
    assert [row.values for row in rows.read(str(file))] == [{"id": "a", "label": "late"}]


def test_ndjson_lines(tmp_path):
    """NDJSON gives objects with their lines; what is no object is a problem."""
    file = tmp_path / "truth.ndjson"
    file.write_text('{"id": "a"}\n\n[1]\n{"id":\n{"id": "b"}\n')
    read = list(rows.read(str(file)))
    assert [(row.line, row.problem is None) for row in read] == [(1, True), (3, False), (4, False), (5, True)]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.text(min_size=1), st.floats(allow_nan=False)), min_size=1, max_size=20))
def test_parquet_reads_back(tmp_path_factory, pairs):
    """Rows written as Parquet are read back as they were."""
    file = tmp_path_factory.mktemp("parquet") / "rows.parquet"
    clean = [(text.encode("utf-8", "replace").decode().replace("\0", ""), number) for text, number in pairs]
    finite = [(text, number if abs(number) < 1e300 else 0.0) for text, number in clean]
    lines = (json.dumps({"id": text, "value": number}).encode() + b"\n" for text, number in finite)
    parquet.write(file, lines, {"id": "VARCHAR", "value": "DOUBLE"})
    assert [(row.values["id"], row.values["value"]) for row in rows.read(str(file))] == finite
    assert [entry.name for entry in file.parent.iterdir()] == ["rows.parquet"]


def test_an_unknown_suffix_is_refused():
    """A file of a form that is not known is refused with the forms that are."""
    with pytest.raises(UsageError, match=r"\.csv, .*\.ndjson.*\.parquet"):
        rows.kind_of("truth.xlsx")


def test_no_parquet(tmp_path):
    """A file that only claims to be Parquet is told as such."""
    (tmp_path / "x.parquet").write_text("no")
    with pytest.raises(UsageError, match="cannot be read as Parquet"):
        rows.columns_of(str(tmp_path / "x.parquet"))


def test_a_column_that_is_not_there():
    """A column that the file lacks is named with the nearest one."""
    with pytest.raises(UsageError, match="Did you mean 'label'"):
        rows.column("f.csv", "lable", ["id", "label"], what="label")


def test_parquet_columns(tmp_path):
    """Only the columns asked for are read."""
    file = tmp_path / "x.parquet"
    duckdb.sql(f"COPY (SELECT 1 AS a, 2 AS b) TO '{file}' (FORMAT parquet)")
    assert [row.values for row in rows.read(str(file), ["b"])] == [{"b": 2}]


@pytest.mark.parametrize("form", ["arrow", "stream", "feather"])
def test_arrow_is_read_in_its_three_forms(tmp_path, form):
    """An IPC file, an IPC stream and a Feather file give their rows, with None where one is missing."""
    wanted = {"temp": [1.5, None], "origin": ["EWR", "JFK"]}
    table, path = pa.table(wanted), tmp_path / f"a.{'arrow' if form != 'feather' else form}"
    if form == "feather":
        feather.write_feather(table, path)
    else:
        make = ipc.new_file if form == "arrow" else ipc.new_stream
        with make(path, table.schema) as writer:
            writer.write_table(table)
    assert rows.columns_of(str(path)) == ["temp", "origin"]
    assert [row.values for row in rows.read(str(path))] == [
        {"temp": 1.5, "origin": "EWR"}, {"temp": None, "origin": "JFK"},
    ]  # fmt: skip
    found = frame.read(str(path))
    assert found.kinds == {"temp": "number", "origin": "text"}


def test_what_is_no_arrow_is_told(tmp_path):
    """A file of another kind under that suffix is wrong usage, and nothing is exported as Arrow."""
    path = tmp_path / "a.arrow"
    path.write_text("x\n1\n")
    with pytest.raises(UsageError, match="cannot be read as Arrow"):
        rows.columns_of(str(path))
