"""The command line as a real process: its streams, its exit codes, and how it ends."""

import json
import os
import pty
import signal
import subprocess
import time

import pytest

from mlmon.core import schema
from mlmon.core.query import Count, Query
from mlmon.core.schema import Dataset
from mlmon.stores.embedded import open_store

DEADLINE_S = 120


@pytest.fixture
def started(command, tmp_path):
    """Give a function that starts a command line and returns the process; what still runs is ended."""
    # Tests that run in the background ignore Ctrl-C, and whom they start would inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    running = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*command, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env={name: value for name, value in os.environ.items() if not name.startswith("MLMON_")},
        )
        running.append(process)
        return process

    yield start
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate()
    signal.signal(signal.SIGINT, before)


def lines_until(process: subprocess.Popen[str], last: str) -> list[str]:
    """Read lines of a process up to the one that starts with a text."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip())
        if line.startswith(last):
            return lines
    raise AssertionError((lines, process.stderr and process.stderr.read()))


def test_data_on_stdout_the_rest_on_stderr(process, store):
    """Rows are alone on stdout, so that they can be piped; what a person reads is on stderr."""
    ended = process("metrics", "--format", "json", "--window", "month", cwd=store.parent)
    assert ended.returncode == 0
    assert json.loads(ended.stdout)
    ended = process("metrics", cwd=store.parent)
    assert "Next:" in ended.stderr
    assert "Next:" not in ended.stdout


def test_a_closed_pipe_is_quiet(started, store):
    """When the reader of the rows goes away, the command ends without a word."""
    process = started("metrics", "--window", "7d", "--format", "ndjson")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.wait(DEADLINE_S) == 141
    assert process.stderr.read() == ""


def test_ctrl_c_is_quiet(started, store):
    """Ctrl-C ends a command that waits, without a word, with exit code 130."""
    process = started("logs", "--follow", "--limit", "1", "--format", "ndjson")
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    assert process.wait(DEADLINE_S) == 130
    assert process.stderr is not None
    assert process.stderr.read() == ""


def test_a_word_that_is_no_text_is_told(command, store):
    """An argument that is not UTF-8 is wrong usage, and not a fault."""
    ended = subprocess.run([*command, "logs", "--model", b"caf\xe9"], capture_output=True, check=False)
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert ended.stderr == b"Error: 'caf\\udce9' is not UTF-8. Write it so, or rename what it names.\n"


def test_no_color(command, store):
    """On a terminal a table has colours or weights, and with NO_COLOR it has none."""
    for no_color in ("", "1"):
        leader, follower = pty.openpty()
        environ = os.environ | {"TERM": "xterm-256color", "NO_COLOR": no_color}
        process = subprocess.Popen(
            [*command, "reference", "show"], stdout=follower, env=environ, cwd=store.parent
        )
        assert process.wait(DEADLINE_S) == 0
        os.close(follower)
        shown = os.read(leader, 65536)
        os.close(leader)
        assert b"temp" in shown
        assert (b"\x1b[3" in shown) is False, shown


def test_up_takes_events_and_drains(started, tmp_path):
    """`up` prints its addresses and a service's lines; events sent are stored when SIGTERM has ended it."""
    from mlmon.logging_sdk import ModelLogger

    process = started("up", "--http-port", "0", "--tcp-port", "0", "--beats-port", "0", "--port", "0")
    lines = lines_until(process, "A pass")
    address = dict(line.split()[:2] for line in lines[:4])
    assert set(address) == {"page", "http", "tcp", "beats"}
    assert f'  log = ModelLogger("my-model", version="1", ship="{address["http"]}")' in lines
    log = ModelLogger("m", version="1", ship=address["http"])
    with log.inference(features={"x": 1.0}) as inference:
        inference.predict(label="a", score=0.7)
    log.warning("careful")
    assert log.close()
    process.send_signal(signal.SIGTERM)
    assert process.wait(DEADLINE_S) == 0
    assert process.stderr is not None
    assert "3 events stored" in process.stderr.read()  # the service's last report is one
    store = open_store(tmp_path / "mlmon-data", read_only=True)
    assert store.query(Query(dataset=Dataset.INFERENCE, measures={"n": Count()})).rows == [{"n": 1}]
    store.close()


def test_a_second_collector_is_refused(started, process, tmp_path):
    """A second collector on one folder is refused with the name of the first, and exit code 3."""
    first = started("collect", "--http-port", "0", "--tcp-port", "0", "--beats-port", "0")
    lines_until(first, "beats")
    second = process("collect", "--http-port", "0", "--tcp-port", "0", "--beats-port", "0", cwd=tmp_path)
    assert second.returncode == 3
    assert f"pid {first.pid}" in second.stderr


def test_outcomes_through_a_running_collector(started, process, store):
    """A store that a collector holds is named as such, and --ship loads through the collector."""
    first = started("collect", "--http-port", "0", "--tcp-port", "0", "--beats-port", "0")
    address = lines_until(first, "beats")[0].split()[1]
    (store.parent / "truth.csv").write_text("id,label\nflight-A0,late\nflight-A10,on_time\n,late\n")
    refused = process("outcomes", "load", "truth.csv", cwd=store.parent)
    assert refused.returncode == 3
    assert "--ship" in refused.stderr
    shipped = process("outcomes", "load", "truth.csv", "--ship", address, cwd=store.parent)
    assert shipped.returncode == 0, shipped.stderr
    assert shipped.stdout == "2 outcomes loaded, 0 there already, 1 bad row.\n"
    again = process("outcomes", "load", "truth.csv", "--ship", address, cwd=store.parent)
    assert again.stdout == "0 outcomes loaded, 2 there already, 1 bad row.\n"


def test_logs_follow_new_lines(started, store):
    """--follow prints a line that is stored after it began."""
    process = started("logs", "--follow", "--limit", "1", "--format", "ndjson")
    assert process.stdout is not None
    process.stdout.readline()
    writing = open_store(store)
    from mlmon.core.clock import isoformat, system, to_datetime
    from mlmon.core.event import encode

    writing.write(
        [
            encode(
                {
                    schema.TIMESTAMP: isoformat(to_datetime(system())),
                    schema.EVENT_ID: "new-0",
                    schema.EVENT_DATASET: str(Dataset.APP),
                    schema.LOG_LEVEL: "error",
                    schema.MESSAGE: "here I am",
                    schema.MODEL_NAME: "m",
                }
            )
        ]
    )
    began = time.monotonic()
    assert json.loads(process.stdout.readline())["message"] == "here I am"
    assert time.monotonic() - began < 30
    writing.close()
    process.send_signal(signal.SIGINT)
    assert process.wait(DEADLINE_S) == 130


def test_serve_answers(started, store):
    """`serve` prints an address that answers with the page."""
    from urllib.request import urlopen

    process = started("serve", "--port", "0")
    address = lines_until(process, "http")[-1]
    with urlopen(address, timeout=DEADLINE_S) as answer:
        assert b"flight-delay" in answer.read()
    process.send_signal(signal.SIGTERM)
    assert process.wait(DEADLINE_S) == 0
