"""A folder of log files, and a tail over it that goes round when it is told to."""

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import pytest

from mlmon.core import schema
from mlmon.core.query import Scan
from mlmon.core.schema import Dataset
from mlmon.pipelines.tail.offsets import Offsets
from mlmon.pipelines.tail.tail import Tail

MAX_LINE_BYTES = 1 << 20


@pytest.fixture
def logs(tmp_path) -> Path:
    """Give an empty folder for log files."""
    folder = tmp_path / "logs"
    folder.mkdir()
    return folder


@pytest.fixture
def begin(pipeline, tmp_path, logs) -> Iterator[Callable[..., Tail]]:
    """Give a function that starts a tail; the one before it ends then, orderly or as if it were killed."""
    running: list[Tail] = []

    def start(*patterns: str, killed: bool = False, **options) -> Tail:
        for tail in running:
            if killed:
                tail._files.close()
                tail._offsets.close()
            else:
                tail.close()
        running.clear()
        named = [str(logs / pattern) for pattern in patterns or ("app.log",)]
        offsets = Offsets(tmp_path / "state")
        running.append(Tail(named, pipeline, offsets, max_line_bytes=MAX_LINE_BYTES, **options))
        return running[0]

    yield start
    for tail in running:
        tail.close()


@pytest.fixture
def drain() -> Callable[[Tail], None]:
    """Give a function that lets a tail read what there is."""

    def run(tail: Tail) -> None:
        stop = Event()
        while tail.round(stop):
            pass

    return run


@pytest.fixture
def messages(store) -> Callable[[], list[str]]:
    """Give a function that reads the message of each stored log line, sorted."""

    def read() -> list[str]:
        scan = Scan(dataset=Dataset.APP, fields=(schema.MESSAGE,))
        return sorted(row[schema.MESSAGE] for batch in store.scan(scan) for row in batch)

    return read
