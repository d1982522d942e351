import json

import duckdb
import pytest

from mlmon.core import schema
from mlmon.core.query import Count, Equals, Query
from mlmon.core.schema import Dataset
from mlmon.pipelines import deadletter
from mlmon.stores.embedded import open_store


def loaded(store):
    """How many outcomes the store has that came from a file."""
    reader = open_store(store, read_only=True)
    query = Query(
        dataset=Dataset.OUTCOME, where=Equals(schema.OUTCOME_SOURCE, "file"), measures={"n": Count()}
    )
    [row] = reader.query(query)
    reader.close()
    return row["n"]


def test_loading_twice_changes_nothing(run, store):
    """A file that is loaded again is all duplicates, and what is stored stays the same."""
    (store.parent / "truth.csv").write_text("id,label\nflight-A0,late\nflight-A10,on_time\n")
    first = run("outcomes", "load", "truth.csv")
    assert first.exit_code == 0, first.stderr
    assert first.stdout == "2 outcomes loaded, 0 there already, 0 bad rows.\n"
    assert "2 of 2 ids match" in first.stderr
    again = run("outcomes", "load", "truth.csv")
    assert again.stdout == "0 outcomes loaded, 2 there already, 0 bad rows.\n"
    assert loaded(store) == 2


def test_bad_rows_are_kept_apart(run, store):
    """A bad row is told with its line and kept with the dead letters; the others are loaded."""
    (store.parent / "truth.csv").write_text("id,label\nflight-A0,late\n,late\nflight-A10,\nflight-A20,late\n")
    shown = run("outcomes", "load", "truth.csv")
    assert shown.exit_code == 0
    assert shown.stdout == "2 outcomes loaded, 0 there already, 2 bad rows.\n"
    assert "truth.csv:3: Column 'id' is empty." in shown.stderr
    assert "truth.csv:4: Column 'label' is empty." in shown.stderr
    letters = list(deadletter.read(store / deadletter.FOLDER))
    assert [(letter.reason, letter.body) for letter in letters] == [
        ("no_id", ",late"),
        ("no_outcome", "flight-A10,"),
    ]


def test_ids_that_match_nothing_are_compared(run, store):
    """When no id matches, an id of the file is shown beside one of the store."""
    (store.parent / "truth.csv").write_text("id,label\nA1,late\nA2,late\n")
    shown = run("outcomes", "load", "truth.csv")
    assert "0 of 2 ids match an inference of flight-delay" in shown.stderr
    assert "look like 'A1', in the store like 'flight-A2399'" in shown.stderr


@pytest.mark.parametrize("suffix", ["parquet", "ndjson"])
def test_other_forms(run, store, suffix):
    """Parquet and NDJSON are loaded as CSV is, with columns by name."""
    path = store.parent / f"truth.{suffix}"
    if suffix == "parquet":
        duckdb.sql(f"COPY (SELECT 'flight-A0' AS flight, 1.5 AS delay) TO '{path}' (FORMAT parquet)")
    else:
        path.write_text(json.dumps({"flight": "flight-A0", "delay": 1.5}) + "\n")
    shown = run("outcomes", "load", path.name, "--id-column", "flight", "--value-column", "delay")
    assert shown.stdout == "1 outcome loaded, 0 there already, 0 bad rows.\n", shown.stderr


def test_columns_that_cannot_be_guessed(run, store):
    """Where no column has a usual name, it asks which are meant and lists them."""
    (store.parent / "truth.csv").write_text("flight,was\nflight-A0,late\n")
    shown = run("outcomes", "load", "truth.csv")
    assert shown.exit_code == 2
    assert "Name --id-column" in shown.stderr
    assert "flight, was" in shown.stderr


def test_a_first_line_that_cannot_be_read(run, store):
    """A broken first line costs itself alone; a file of broken lines alone is said to be one."""
    file = store.parent / "truth.ndjson"
    file.write_text('{"id": \n{"id": "flight-A0", "label": "late"}\n')
    shown = run("outcomes", "load", str(file))
    assert shown.stdout.startswith("1 outcome loaded, 0 there already, 1 bad row."), shown.stderr
    file.write_text('{"id": \n')
    shown = run("outcomes", "load", str(file))
    assert shown.exit_code == 2
    assert "no row that can be read" in shown.stderr


@pytest.mark.parametrize("url", ["127.0.0.1:5959", "http://127.0.0.1:595900", "http://["])
def test_what_is_no_address_of_a_collector(run, store, url):
    """A mistyped address is wrong usage, and an example is given."""
    (store.parent / "truth.csv").write_text("id,label\nflight-A0,late\n")
    shown = run("outcomes", "load", "truth.csv", "--ship", url)
    assert shown.exit_code == 2
    assert "is no address of a collector. Write it as http://127.0.0.1:5959." in shown.stderr


def test_a_file_that_is_bad_throughout(run, store):
    """A file without a good row ends with exit code 1."""
    (store.parent / "truth.csv").write_text("id,label\n,late\n")
    assert run("outcomes", "load", "truth.csv").exit_code == 1


def test_no_collector_there(run, store):
    """A collector that does not answer is told with exit code 3."""
    (store.parent / "truth.csv").write_text("id,label\nflight-A0,late\n")
    shown = run("outcomes", "load", "truth.csv", "--ship", "http://127.0.0.1:9")
    assert shown.exit_code == 3
    assert "cannot be reached" in shown.stderr


def test_status(run, store, golden):
    """The status counts the inferences that have an outcome, and what became of all outcomes."""
    shown = run("outcomes", "status")
    assert shown.exit_code == 0
    golden("cli/tables/outcomes-status.txt", shown.stdout)
    assert "2,160 joined" in shown.stderr
    [row] = json.loads(run("outcomes", "status", "--format", "json").stdout)
    assert (row["inferences"], row["with_outcome"]) == (2400, 2160)


def test_status_of_an_empty_store(run, empty):
    """Without events the status is empty and says what to do."""
    shown = run("outcomes", "status", "--format", "json")
    assert (shown.exit_code, shown.stdout) == (0, "[]\n")
    assert "no inferences yet" in shown.stderr
