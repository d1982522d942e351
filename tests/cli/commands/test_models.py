import json


def test_table(run, store, golden):
    """The table shows every model in one row, within 80 columns, and what to do next on stderr."""
    shown = run("models")
    assert shown.exit_code == 0
    assert max(map(len, shown.stdout.splitlines())) <= 80
    golden("cli/tables/models.txt", shown.stdout)
    assert shown.stderr.startswith("Next: ")


def test_json(run, store):
    """JSON gives each model's numbers, unrounded."""
    [row] = json.loads(run("models", "--format", "json").stdout)
    assert (row["model"], row["versions"], row["task"]) == ("flight-delay", ["1", "2"], "binary")
    assert row["inferences"] == 2400
    assert row["error_rate"] == 12 / 2400
    assert row["performance"] == "roc_auc"
    assert row["low"] < row["value"] < row["high"]
    assert row["findings"] == 2  # it drifts, and lies outside the expected range


def test_a_version(run, store):
    """With --version the numbers are those of that version."""
    [row] = json.loads(run("models", "--model", "flight-delay", "--version", "2", "--format", "json").stdout)
    assert (row["versions"], row["inferences"]) == (["2"], 1160)


def test_an_empty_store(run, empty):
    """An empty store is told with what to do; the exit code is 0 and JSON is an empty array."""
    shown = run("models", "--format", "json")
    assert (shown.exit_code, shown.stdout) == (0, "[]\n")
    assert "no inferences yet" in shown.stderr
    assert "mlmon demo" in shown.stderr


def test_an_unknown_model(run, store):
    """A model that is not there is wrong usage, and the nearest one is named."""
    shown = run("models", "--model", "flight-dealy")
    assert shown.exit_code == 2
    assert "Did you mean 'flight-delay'?" in shown.stderr


def test_an_unknown_version(run, store):
    """A version that is not there is wrong usage, and those that are are named."""
    shown = run("models", "--model", "flight-delay", "--version", "3")
    assert shown.exit_code == 2
    assert "There are: 1, 2." in shown.stderr
