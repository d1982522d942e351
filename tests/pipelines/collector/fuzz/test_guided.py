"""A coverage-guided search for bytes that break a door; `MLMON_TEST_FUZZ_S` gives each door more seconds."""

import os
import subprocess
import sys
import zlib
from pathlib import Path

import msgspec
import pytest

from mlmon.core import schema

SECONDS = int(os.environ.get("MLMON_TEST_FUZZ_S", "5"))
DOORS = ("http", "http-alone", "tcp", "beats", "beats-alone")
SCRIPT = Path(__file__).with_name("guided.py")
FOREIGN = b'{"@timestamp":"2013-03-01T00:00:00+01:00","level":"WARN","log":{"level":"info"},"a":{"b":[1]}}'
JSON = ("{", "}", "[", "]", ":", ",", "null", "true", "1e999", "-0", "2W", "2J", "2C", "1D")
BYTES = ("\\x00", "\\x0a", "\\xff", "\\x22", "\\x5cud800")


@pytest.fixture
def seeds(tmp_path, line_of):
    """Give the folder of inputs that the search begins with: sound lines, broken ones, frames."""
    folder = tmp_path / "seeds"
    folder.mkdir()
    line = line_of(1)
    packed = zlib.compress(b"2J\x00\x00\x00\x01\x00\x00\x00\x02{}")
    inputs = [
        *(line, line[:-1], b"[" + line + b"]", b"[" + line, FOREIGN, line + b"\n" + FOREIGN),
        *(b"[" * 2000, b"\xff" * 40, msgspec.json.encode({schema.EVENT_ID: 1})),
        *(b"2W\x00\x00\x00\x05", b"2C" + len(packed).to_bytes(4) + packed),
        b"1D\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01a\x00\x00\x00\x01b",
    ]
    for number, each in enumerate(inputs):
        (folder / str(number)).write_bytes(b"\x07" + each)
    return folder


@pytest.fixture
def words(tmp_path):
    """Give the dictionary of the search: names of fields, and pieces of JSON and of frames."""
    file = tmp_path / "words"
    file.write_text("".join(f'"{text}"\n' for text in (*JSON, *BYTES, *schema.FIELDS)))
    return file


def search(door, seeds, words, seconds):
    """Run the search in a process of its own, which libFuzzer ends at a crash, a hang or 1 GiB.

    A shell starts it: a process begins with the peak memory of the one that starts it, and pytest is large.
    """
    options = (f"-max_total_time={seconds}", "-rss_limit_mb=1024", "-timeout=10", "-max_len=4096", "-seed=1")
    command = [sys.executable, str(SCRIPT), door, *options, f"-dict={words}", str(seeds)]
    return subprocess.run(
        ["sh", "-c", '"$@"; exit $?', "sh", *command],
        cwd=seeds, capture_output=True, text=True, timeout=seconds + 60, check=False,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("door", DOORS)
def test_no_bytes_are_found_that_break_a_door(door, require, seeds, words):
    """Nothing crashes, hangs or grows, and the good events around any bytes are stored."""
    require("atheris")
    done = search(door, seeds, words, SECONDS)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Done " in done.stderr


def test_the_search_finds_a_planted_fault(require, seeds, words):
    """A door that loses an event behind a certain byte is found out."""
    require("atheris")
    done = search("stub-that-loses", seeds, words, 20)
    assert done.returncode != 0
    assert "the event after is lost" in done.stderr + done.stdout
