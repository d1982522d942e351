import json

import pytest

GOOD = 400


def lines(**columns):
    """Give the text of a CSV of columns."""
    rows = zip(*columns.values(), strict=True)
    return "\n".join([",".join(columns), *(",".join(map(str, row)) for row in rows)]) + "\n"


def good(n=GOOD):
    """Give columns without a fault: numbers, a category, an id of its own for each row."""
    return {
        "row": [f"r{k}" for k in range(n)],
        "temp": [k * 37 % 101 for k in range(n)],
        "origin": [("EWR", "JFK", "LGA", "EWR")[k % 4] for k in range(n)],
    }


@pytest.fixture
def checked(run, tmp_path, monkeypatch):
    """Give a function that checks columns and gives the broken rules by column."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reference.csv").write_text(lines(**good()))

    def check(columns, *options):
        (tmp_path / "today.csv").write_text(lines(**columns))
        shown = run("try", "quality", "today.csv", *options, "--format", "json")
        assert shown.exit_code == 0, shown.stderr
        return {
            row["column"]: [problem["check"] for problem in row["problems"]]
            for row in json.loads(shown.stdout)
            if row["problems"]
        }

    return check


AGAINST = ("--reference", "reference.csv")


def test_a_table_as_the_reference_has_no_problem(checked):
    """The same data, in another order and fewer of it, break no rule."""
    assert checked({name: values[::-1] for name, values in good().items()}, *AGAINST) == {}
    assert checked(good(GOOD // 2), *AGAINST) == {}


@pytest.mark.parametrize(
    ("name", "change", "broken"),
    [
        ("temp", lambda k, x: "" if k % 5 == 0 else x, ["missing"]),
        ("temp", lambda k, x: "hot" if k % 2 else x, ["type"]),
        ("temp", lambda k, x: x + 500 if k % 10 == 0 else x, ["range"]),
        ("temp", lambda k, x: "inf" if k == 7 else x, ["infinite"]),
        ("temp", lambda _k, _x: 3, ["constant"]),
        ("origin", lambda k, x: "BOS" if k % 20 == 0 else x, ["new categories"]),
        ("origin", lambda _, x: "EWR" if x == "LGA" else x, ["vanished categories"]),
        ("origin", lambda k, x: f"{x}{k}", ["new categories", "vanished categories", "cardinality"]),
        ("origin", lambda _k, _x: "", ["missing"]),
    ],
)
def test_each_fault_breaks_its_rule(checked, name, change, broken):
    """A fault in one column breaks the rule that is meant for it, and no other column's."""
    columns = good()
    columns[name] = [change(k, x) for k, x in enumerate(columns[name])]
    assert checked(columns, *AGAINST) == {name: broken}


def test_the_whole_table(checked):
    """Rows that repeat, columns that came or went: rules of the whole table."""
    assert checked({name: [*values[:300], *values[:100]] for name, values in good().items()}, *AGAINST) == {
        "": ["duplicates"]
    }
    columns = good()
    columns["heat"] = columns.pop("temp")
    assert checked(columns, *AGAINST) == {"": ["schema", "schema"]}


def test_by_itself(checked):
    """Without a reference a file is told what no file should be."""
    columns = good() | {"one": ["x"] * GOOD, "none": [""] * GOOD}
    assert checked(columns) == {"row": ["cardinality"], "one": ["constant"], "none": ["missing"]}
    mixed = good() | {"temp": ["hot" if k % 9 == 0 else k for k in range(GOOD)]}
    assert checked(mixed)["temp"] == ["type"]


def test_what_is_declared(checked, tmp_path):
    """What mlmon.yaml expects of a feature is exact: one value beyond it breaks the rule."""
    (tmp_path / "mlmon.yaml").write_text(
        "models:\n  m:\n    expect:\n      temp: {type: number, low: 0, high: 99, missing: 0}\n"
        "      origin: {categories: [EWR, JFK]}\n      wind: {missing: 0.1}\n"
    )
    assert checked(good(), "--model", "m") == {
        "": ["schema", "schema"], "row": ["cardinality"], "temp": ["range"], "origin": ["new categories"],
    }  # fmt: skip


def test_times(checked):
    """The newest row may be too old, and the last whole day too thin."""
    days = [f"2013-05-{day:02d}T{hour:02d}:00:00" for day in range(1, 12) for hour in range(24)]
    thin = [one for one in days if not one.startswith("2013-05-10") or one.endswith("T00:00:00")]
    columns = {"at": thin, "x": [k * 37 % 101 for k in range(len(thin))]}
    assert checked(columns, "--time", "at", "--fresh", "1d") == {"": ["freshness", "volume"]}
    assert checked(columns, "--time", "at", "--fresh", "30d") == {"": ["volume"]}


@pytest.mark.parametrize("text", ["x\n", "x\n1\n", "x\n\n", "x,y\n,\n", "x\ninf\n"])
def test_small_files_have_an_answer(run, tmp_path, text):
    """No row, one row, nothing in it: each has a defined answer."""
    path = tmp_path / "a.csv"
    path.write_text(text)
    for options in ((), ("--reference", str(path))):
        shown = run("try", "quality", str(path), *options, "--format", "json")
        assert shown.exit_code == 0, shown.stderr
        whole = json.loads(shown.stdout)[0]
        assert whole["kind"] == "table"
        assert ("has no rows" in str(whole["problems"])) == (whole["rows"] == 0)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--fresh", "1d"), "--time"),
        (("--time", "k"), "a.csv:2: 'a' in column 'k' is no time"),
        (("--model", "z"), "no model 'z'"),
    ],
)
def test_wrong_usage_is_told(run, tmp_path, monkeypatch, options, said):
    """What cannot be done is said, with what to do."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text("x,k\n1,a\n")
    shown = run("try", "quality", "a.csv", *options)
    assert shown.exit_code == 2
    assert said in shown.stderr


@pytest.mark.parametrize("written", ["2013-05-{:02d}", "{:02d}.05.2013", "201305{:02d}"])
def test_times_that_are_missing(checked, written):
    """A time may be missing, and may be written as is usual elsewhere or in digits."""
    days = [written.format(day) if day != 3 else "" for day in range(1, 12) for _ in range(24)]
    columns = {"at": days, "x": [k * 37 % 101 for k in range(len(days))]}
    assert checked(columns, "--time", "at", "--fresh", "1d") == {"": ["freshness"]}
    assert checked(columns, "--time", "at", "--fresh", "30d") == {}
