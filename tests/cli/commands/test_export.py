import csv
import json

import duckdb
import pytest

from mlmon.core import schema


def asked(sql):
    """The rows of a question to DuckDB."""
    with duckdb.connect() as connection:
        return connection.execute(sql).fetchall()


def test_parquet(run, store):
    """Parquet has one row an evaluation, with typed columns, and members of families as columns."""
    shown = run("export", "evaluations", "--out", "e.parquet")
    assert shown.exit_code == 0, shown.stderr
    assert shown.stdout.startswith("2,160 evaluations in e.parquet")
    path = store.parent / "e.parquet"
    sql = f"SELECT count(*), sum(\"{schema.EVALUATION_CORRECT}\"::int) FROM '{path}'"
    [(count, correct)] = asked(sql)
    assert count == 2160
    assert 0 < correct < count
    kinds = {name: kind for name, kind, *_ in asked(f"DESCRIBE SELECT * FROM '{path}'")}
    assert kinds[schema.TIMESTAMP] == "TIMESTAMP WITH TIME ZONE"
    assert kinds[schema.member(schema.SEGMENT, "carrier")] == "VARCHAR"


def test_csv_and_ndjson_agree(run, store):
    """CSV and NDJSON hold the same documents in the same order."""
    for form in ("csv", "ndjson"):
        assert run("export", "inferences", "--until", "2013-03-11", "--out", f"i.{form}").exit_code == 0
    with (store.parent / "i.csv").open() as file:
        of_csv = list(csv.DictReader(file))
    of_ndjson = [json.loads(line) for line in (store.parent / "i.ndjson").read_text().splitlines()]
    assert len(of_csv) == len(of_ndjson) == 400
    for left, right in zip(of_csv, of_ndjson, strict=True):
        assert left[schema.EVENT_ID] == right[schema.EVENT_ID]
        assert float(left[schema.PREDICTION_SCORE]) == right[schema.PREDICTION_SCORE]
        assert (
            float(left[schema.member(schema.FEATURES_NUMERIC, "temp")])
            == right[schema.FEATURES_NUMERIC]["temp"]
        )


@pytest.mark.parametrize(("what", "count"), [("events", 4570), ("logs", 10), ("outcomes", 2160)])
def test_what(run, store, what, count):
    """Events are inferences, outcomes and logs together; each can be had alone."""
    run("export", what, "--out", "x.ndjson")
    assert len((store.parent / "x.ndjson").read_text().splitlines()) == count


def test_metrics_of_one_size(run, store):
    """--window picks metrics of one size; events have none."""
    run("export", "metrics", "--window", "month", "--out", "m.ndjson")
    sizes = {
        json.loads(line)[schema.WINDOW_SIZE] for line in (store.parent / "m.ndjson").read_text().splitlines()
    }
    assert sizes == {"month"}
    shown = run("export", "events", "--window", "month", "--out", "m.ndjson")
    assert shown.exit_code == 2


def test_nothing_to_export(run, empty):
    """Without documents the file is an empty one of its form, and that is said."""
    for form in ("parquet", "csv", "ndjson"):
        shown = run("export", "metrics", "--out", f"m.{form}")
        assert (shown.exit_code, shown.stdout) == (0, ""), shown.stderr
        assert "There are no metrics" in shown.stderr
        assert (empty.parent / f"m.{form}").exists()
    assert asked(f"SELECT count(*) FROM '{empty.parent / 'm.parquet'}'") == [(0,)]


def test_a_wrong_suffix_and_a_missing_folder(run, store):
    """A suffix that is no form and a folder that is not there are wrong usage."""
    assert run("export", "metrics", "--out", "m.xlsx").exit_code == 2
    shown = run("export", "metrics", "--out", "nowhere/m.csv")
    assert shown.exit_code == 2
    assert "nowhere" in shown.stderr


def test_a_failed_export_leaves_what_was_there(run, store):
    """A file that is there stays as it was until the new one is whole, and no other file is left."""
    (store.parent / "m.csv").write_text("old")
    assert run("export", "metrics", "--model", "nonesuch", "--out", "m.csv").exit_code == 2
    assert (store.parent / "m.csv").read_text() == "old"
    assert run("export", "metrics", "--out", "m.csv").exit_code == 0
    assert sorted(path.name for path in store.parent.iterdir()) == ["m.csv", "mlmon-data"]
