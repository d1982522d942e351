import json


def test_table(run, store, golden):
    """The table names what was found, newest first, within 80 columns."""
    shown = run("findings", "--window", "month")
    assert shown.exit_code == 0
    assert max(map(len, shown.stdout.splitlines())) <= 80
    golden("cli/tables/findings.txt", shown.stdout)


def test_the_table_has_a_line_a_thing(run, store):
    """A thing that is wrong in many windows has one line, which counts them and says since when."""
    found = json.loads(run("findings", "--format", "json").stdout)
    things = {(row["metric"], row["segment"], row["version"]) for row in found}
    assert len(things) < len(found)
    shown = run("findings").stdout
    assert shown.count("critical") + shown.count("warning") == len(things)
    windows = [
        row for row in found if (row["metric"], row["segment"], row["version"]) == ("psi[temp]", "", "")
    ]
    assert f"{len(windows)} windows" in shown
    assert min(row["window_start"] for row in windows)[:10] in shown


def test_json(run, store):
    """JSON carries the evidence, newest window first."""
    found = json.loads(run("findings", "--format", "json").stdout)
    assert "psi[temp]" in {row["metric"] for row in found}
    assert all(row["evidence"] for row in found)
    starts = [row["window_start"] for row in found]
    assert starts == sorted(starts, reverse=True)


def test_fail(run, store):
    """--fail gives exit code 1 if there are findings, and 0 if none fit."""
    assert run("findings").exit_code == 0
    assert run("findings", "--fail").exit_code == 1
    assert (
        run(
            "findings", "--fail", "--until", "2013-03-02", "--window", "month", "--state", "resolved"
        ).exit_code
        == 0
    )


def test_sides(run, store):
    """--by keeps the findings of single versions, or of one feature."""
    by_version = json.loads(run("findings", "--by", "version", "--format", "json").stdout)
    assert by_version
    assert all(row["version"] for row in by_version)
    by_feature = json.loads(run("findings", "--by", "temp", "--format", "json").stdout)
    assert by_feature
    assert all(row["metric"].endswith("[temp]") for row in by_feature)


def test_open_ones(run, store):
    """Open findings are those that fire in the newest window of their size, whatever fired before."""
    found = json.loads(run("findings", "--state", "open", "--format", "json").stdout)
    assert found
    assert {row["window_start"] for row in found if row["window"] == "month"} == {"2013-04-01T00:00:00Z"}
    fired = json.loads(run("findings", "--format", "json").stdout)
    assert len(fired) > len(found)


def test_nothing_found(run, empty):
    """Without findings it says so, and ends well even with --fail."""
    shown = run("findings", "--fail", "--format", "json")
    assert (shown.exit_code, shown.stdout) == (0, "[]\n")
    assert "no inferences yet" in shown.stderr
