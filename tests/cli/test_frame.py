import math

import pytest

from mlmon.cli import frame
from mlmon.core.errors import UsageError

CSV = """x,y,k,at,b,big,mixed,none
1,NA,"a,b",2020-01-01,True,inf,1,
2,3.5,b,2020-01-02T06:00Z,False,-inf,x,
,4,,2020-01-03,,1,2,
"""


def test_a_csv_is_typed_by_all_its_cells(tmp_path):
    """Numbers, times and text are told apart; missing is NaN or None, and infinity stays one."""
    path = tmp_path / "a.csv"
    path.write_text(CSV)
    found = frame.read(str(path))
    assert found.rows == 3
    assert found.kinds == {
        "x": "number", "y": "number", "k": "text", "at": "time", "b": "text", "big": "number",
        "mixed": "text", "none": "text",
    }  # fmt: skip
    assert found.values["x"].tolist()[:2] == [1.0, 2.0]
    assert math.isnan(found.values["x"][2])
    assert found.values["k"].tolist() == ["a,b", "b", None]
    assert found.values["b"].tolist() == ["true", "false", None]
    assert found.values["big"].tolist() == [math.inf, -math.inf, 1.0]
    assert str(found.values["at"][1]).startswith("2020-01-02T06:00:00")
    assert frame.is_empty(found, "none")
    assert not frame.is_empty(found, "k")


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separators_and_line_ends(tmp_path, separator, ending):
    """The header tells the separator; both ends of lines are read, and the last may lack one."""
    path = tmp_path / "a.csv"
    path.write_bytes(ending.join(["x,y", "1,a", "2,b"]).replace(",", separator).encode())
    found = frame.read(str(path))
    assert found.values["x"].tolist() == [1.0, 2.0]
    assert found.values["y"].tolist() == ["a", "b"]


def test_ndjson_takes_the_names_of_all_its_objects(tmp_path):
    """A column that only a later object has is missing in the others."""
    path = tmp_path / "a.ndjson"
    path.write_text('{"x": 1, "k": "a"}\n{"x": null, "k": null, "late": 3}\n')
    found = frame.read(str(path))
    assert found.kinds == {"x": "number", "k": "text", "late": "number"}
    assert found.values["late"].tolist()[1] == 3.0
    assert found.values["k"].tolist() == ["a", None]


def test_only_some_columns_in_the_order_asked_for(tmp_path):
    """Columns come in the order they are named, and as text where that is asked for."""
    path = tmp_path / "a.csv"
    path.write_text(CSV)
    found = frame.read(str(path), only=("y", "x"), as_text=("x",))
    assert list(found.values) == ["y", "x"]
    assert found.values["x"].tolist() == ["1", "2", None]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", "x,y\n1,2\n1,2,3\n", "a.csv:3: It has 3 cells"),
        ("a.csv", "", "holds no columns"),
        ("a.csv", "x,x\n1,2\n", "twice: x"),
        ("a.csv", "x,X\n1,2\n", "capitals alone: x, X"),
        ("a.ndjson", "", "holds no objects"),
        ("a.json", "[]", "holds no objects"),
        ("a.parquet", "no", "cannot be read"),
        ("a.ndjson", '{"x": 1}\n{', "a.ndjson:2: It is no JSON"),
        ("a.txt", "x", "Allowed are"),
    ],
)
def test_what_cannot_be_read_is_told(tmp_path, name, text, said):
    """A file that cannot be read is an error that says where or why."""
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(UsageError, match=said):
        frame.read(str(path))


def test_a_late_cell_decides_too(tmp_path):
    """Far below the first rows a word makes text of numbers, and a number makes numbers of nothing."""
    path = tmp_path / "a.csv"
    path.write_text("x,y,z\n" + "1,,2024-01-01\n" * 5_000 + "word,3,\n")
    assert frame.read(str(path)).kinds == {"x": "text", "y": "number", "z": "time"}
