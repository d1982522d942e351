import json
import time


def test_table(run, store, golden):
    """The newest lines are shown, the oldest of them first, with their labels."""
    shown = run("logs", "--limit", "3")
    assert shown.exit_code == 0
    golden("cli/tables/logs.txt", shown.stdout)


def test_level_and_search(run, store):
    """--level keeps what is at least as severe, --search what holds the words, in any case."""
    found = json.loads(run("logs", "--level", "warning", "--format", "json").stdout)
    assert {row["level"] for row in found} == {"warning", "error"}
    assert len(json.loads(run("logs", "--search", "WEATHER", "--format", "json").stdout)) == 10
    shown = run("logs", "--search", "sunshine")
    assert (shown.exit_code, shown.stdout) == (0, "")
    assert "No line fits." in shown.stderr


def test_limit(run, store):
    """--limit keeps the newest, 0 means all, and both go from old to new."""
    few = [row["timestamp"] for row in json.loads(run("logs", "--limit", "2", "--format", "json").stdout)]
    every = [row["timestamp"] for row in json.loads(run("logs", "--limit", "0", "--format", "json").stdout)]
    assert few == every[-2:]
    assert every == sorted(every)
    assert len(every) == 10


def test_no_line_is_shown_twice(run, store, monkeypatch):
    """A line stored after --follow began and before the first lines were read is shown once."""

    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupted)
    shown = run("logs", "--follow", "--format", "ndjson")  # the store's own clock stands at this moment
    assert shown.exit_code == 130
    lines = shown.stdout.splitlines()
    assert len(lines) == len(set(lines)) == 10


def test_an_empty_store(run, empty):
    """Without a line it says how to write one."""
    shown = run("logs", "--format", "json")
    assert (shown.exit_code, shown.stdout) == (0, "[]\n")
    assert "log.info" in shown.stderr
