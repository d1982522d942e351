import csv
import io
import json
import shutil

import pytest

KEYS = [
    "model", "version", "segment", "metric", "window_start", "window_end", "value", "n", "low", "high",
    "coverage", "final",
]  # fmt: skip


def rows(run, *arguments):
    """The rows of a command line as JSON."""
    shown = run("metrics", "--format", "json", *arguments)
    assert shown.exit_code == 0, shown.stderr
    return json.loads(shown.stdout)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("all", ()),
        ("month", ("--window", "month", "--metric", "recall", "--metric", "coverage")),
        ("by-carrier", ("--by", "carrier", "--window", "month", "--metric", "recall")),
        ("by-version", ("--by", "version", "--metric", "roc_auc")),
        ("by-temp", ("--by", "temp", "--window", "7d", "--metric", "psi")),
    ],
)
def test_tables(run, store, golden, name, arguments):
    """Tables fit 80 columns and show units."""
    shown = run("metrics", *arguments)
    assert shown.exit_code == 0
    assert max(map(len, shown.stdout.splitlines())) <= 80
    golden(f"cli/tables/metrics-{name}.txt", shown.stdout)


def test_keys(run, store):
    """A row has exactly the keys that were agreed, with times in ISO 8601 with Z."""
    found = rows(run, "--window", "month")
    assert {tuple(row) for row in found} == {tuple(KEYS)}
    assert found[0]["window_start"] == "2013-03-01T00:00:00Z"
    assert found[0]["window_end"] == "2013-04-01T00:00:00Z"


def test_csv_and_json_agree(run, store):
    """CSV has the same rows and digits as JSON."""
    text = run("metrics", "--window", "month", "--format", "csv").stdout
    of_csv = list(csv.DictReader(io.StringIO(text)))
    of_json = rows(run, "--window", "month")
    assert list(of_csv[0]) == KEYS
    assert [(row["metric"], row["value"]) for row in of_csv] == [
        (row["metric"], "" if row["value"] is None else repr(row["value"])) for row in of_json
    ]


def test_stored_and_computed_agree(run, store):
    """What the jobs stored of a month is what is computed for its time when asked, except for silence."""
    stored = {
        row["metric"]: row["value"]
        for row in rows(run, "--window", "month")
        if row["window_start"].startswith("2013-04")
    }
    computed = {
        row["metric"]: row["value"] for row in rows(run, "--since", "2013-04-01", "--until", "2013-05-01")
    }
    assert stored.pop("silence") is not None
    assert stored.keys() == computed.keys()
    for name, value in stored.items():
        assert computed[name] == pytest.approx(value), name


def test_segments_add_up(run, store):
    """The inferences of all carriers together are those of the model."""
    whole = rows(run, "--metric", "inferences")
    parts = rows(run, "--metric", "inferences", "--by", "carrier")
    assert {row["segment"] for row in parts} == {"carrier=UA", "carrier=AA", "carrier=DL"}
    assert sum(row["value"] for row in parts) == whole[0]["value"] == 2400


def test_versions(run, store):
    """By version there is one row a version; with --version only that one."""
    assert [
        (row["version"], row["value"]) for row in rows(run, "--metric", "inferences", "--by", "version")
    ] == [
        ("1", 1240),
        ("2", 1160),
    ]
    assert [row["value"] for row in rows(run, "--metric", "inferences", "--version", "2")] == [1160]


def test_a_feature(run, store):
    """A feature's name gives what is said of that feature."""
    found = rows(run, "--by", "temp", "--window", "month")
    assert "psi[temp]" in {row["metric"] for row in found}
    assert all(row["metric"].endswith("[temp]") for row in found)


def test_a_feature_that_could_be_a_segment(run, store):
    """A feature without a reference has no drift; it is said how to get it, and how to cut by the feature."""
    shutil.rmtree(store / "blobs")
    shown = run("metrics", "--by", "origin", "--metric", "psi")
    assert shown.exit_code == 0
    assert "mlmon reference build" in shown.stderr
    assert "segments=['origin']" in shown.stderr


@pytest.mark.parametrize("bound", ["--since=3000-01-01", "--until=1066-10-14"])
@pytest.mark.parametrize("window", ["all", "30d"])
def test_a_time_without_events(run, store, bound, window):
    """A time in which nothing was served has no metrics, however far away it is."""
    shown = run("metrics", bound, "--window", window, "--metric", "psi")
    assert (shown.exit_code, shown.stdout) == (0, "")
    assert "no metric" in shown.stderr


def test_an_unknown_field(run, store):
    """A field that is not there is wrong usage; the nearest is named, and all there are."""
    shown = run("metrics", "--by", "carier")
    assert shown.exit_code == 2
    assert "Did you mean 'carrier'?" in shown.stderr
    assert "Features: temp, origin" in shown.stderr


def test_patterns(run, store):
    """A metric is named whole, by its name without the subject, or by a pattern."""
    names = lambda *asked: {row["metric"] for row in rows(run, *asked)}  # noqa: E731 - one expression
    assert names("--metric", "latency*") == {"latency_p50", "latency_p95", "latency_p99"}
    assert names("--metric", "psi[temp]") == {"psi[temp]"}
    assert {"psi[temp]", "psi[origin]"} <= names("--metric", "psi")


def test_an_unknown_metric_says_so(run, store):
    """A name that no metric has gives no rows and says why that may be."""
    shown = run("metrics", "--metric", "nonesuch")
    assert (shown.exit_code, shown.stdout) == (0, "")
    assert "no metric nonesuch" in shown.stderr


def test_an_empty_store(run, empty):
    """An empty store gives an empty array and says what to do."""
    shown = run("metrics", "--format", "json", "--by", "carrier")
    assert (shown.exit_code, shown.stdout) == (0, "[]\n")
    assert "no inferences yet" in shown.stderr


def test_a_wrong_time(run, store):
    """A text that is no time is wrong usage, with what is allowed."""
    shown = run("metrics", "--since", "yesterday")
    assert shown.exit_code == 2
    assert "'yesterday' is no time" in shown.stderr
