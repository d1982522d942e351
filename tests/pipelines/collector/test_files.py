"""The same lines of a file give the same documents, whoever read the file and by whichever door they came."""

import gzip
import urllib.request
from collections.abc import Callable
from pathlib import Path
from threading import Event

import msgspec
import pytest
from pylogbeat import PyLogBeatClient

from mlmon.core import schema
from mlmon.core.query import Scan
from mlmon.core.schema import Dataset
from mlmon.logging_sdk import ModelLogger
from mlmon.pipelines import deadletter
from mlmon.pipelines.tail.offsets import Offsets
from mlmon.pipelines.tail.tail import Tail
from mlmon.pipelines.validate import Validator
from mlmon.pipelines.wrapped import MARK

FOREIGN = (
    '{"timestamp": "2013-03-01T10:00:00.123456Z", "level": "WARN", "msg": "cold", "shard": 9007199254740993}',
    '{"@timestamp":"2013-03-01T10:00:01Z","log":{"level":"info","logger":"a"},"message":"nested \\u00e9"}',
    '{"@timestamp": "2013-03-01T10:00:02Z", "message": "twice"}',
    '{"@timestamp": "2013-03-01T10:00:02Z", "message": "twice"}',
    '{"@timestamp": "2013-03-01T10:00:03Z", "message": "typed", "type": "x", "host": "h", "agent": {"a": 1}}',
)
BAD = ("no json", '{"event.dataset": "mlmon.inference", "event.id": "x-1"}')
APP_FIELDS = (
    schema.TIMESTAMP,
    schema.LOG_LEVEL,
    schema.MESSAGE,
    schema.LOG_LOGGER,
    schema.HOST_NAME,
    schema.LABELS,
)
OWN_FIELDS = (
    schema.EVENT_ID, schema.TIMESTAMP, schema.EVENT_SEQUENCE, schema.EVENT_DURATION, schema.MODEL_NAME,
    schema.PREDICTION_SCORE, schema.PREDICTION_LABEL, schema.FEATURES_NUMERIC, schema.FEATURES_CATEGORICAL,
    schema.HOST_NAME, schema.PROCESS_PID,
)  # fmt: skip


@pytest.fixture
def path(tmp_path) -> Path:
    """Give a log file: inferences that the SDK wrote, lines of another tool, and bad ones."""
    file = tmp_path / "logs" / "events.log"
    log = ModelLogger("flights", version="1", ship=f"file:{file}")
    for number in range(20):
        log.predicted({"temp": 0.1 + number, "whole": 1.0, "carrier": "UA"}, score=1 / (number + 3))
    log.close()
    with file.open("a") as opened:
        opened.write("".join(f"{line}\n" for line in (*FOREIGN, *BAD)))
    return file


def by_tail(path: Path, collector, pipeline) -> None:
    """Let the collector follow the file."""
    tail = Tail([str(path)], pipeline, Offsets(path.parent / "state"), max_line_bytes=1 << 20)
    while tail.round(Event()):
        pass
    tail.close()


def by_vector(path: Path, collector, pipeline) -> None:
    """Post the lines as they are."""
    _post(collector, path.read_bytes())


def by_fluent_bit(path: Path, collector, pipeline) -> None:
    """Post records as Fluent Bit's http output makes them: the time of reading, the line, and its place."""
    body, offset = [], 0
    for line in path.read_bytes().splitlines():
        record = {
            "read": "2026-01-01T00:00:00.000001Z", "file": str(path), "offset": offset,
            schema.MESSAGE: line.decode(), MARK: "true",
        }  # fmt: skip
        body.append(msgspec.json.encode(record))
        offset += len(line) + 1
    _post(collector, b"\n".join(body) + b"\n")


def by_filebeat(path: Path, collector, pipeline) -> None:
    """Send events as Filebeat's filestream makes them."""
    events, offset = [], 0
    for line in path.read_bytes().splitlines():
        record = {
            schema.TIMESTAMP: "2026-01-01T00:00:00.000Z",
            "@metadata": {"beat": "filebeat", "type": "_doc", "version": "9.0.0"},
            "log": {"offset": offset, "file": {"path": str(path), "inode": "7", "fingerprint": "ab"}},
            "input": {"type": "filestream"},
            "agent": {"id": "a", "name": "h", "type": "filebeat", "version": "9.0.0"},
            "ecs": {"version": "8.0.0"}, "host": {"name": "agent-host"},
            schema.MESSAGE: line.decode(), MARK: True,
        }  # fmt: skip
        events.append(msgspec.json.encode(record).decode())
        offset += len(line) + 1
    host, port = collector.address("beats")
    client = PyLogBeatClient(host, port, ssl_enable=False, ssl_verify=False)
    client.send(events)
    client.close()


def _post(collector, body: bytes) -> None:
    request = urllib.request.Request(
        f"{collector.doors.http}/v1/events", data=gzip.compress(body), headers={"Content-Encoding": "gzip"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200


@pytest.fixture
def stored(store) -> Callable[..., list[bytes]]:
    """Give a function that reads some fields of each document of a dataset, as sorted JSON."""

    def read(dataset: Dataset, fields: tuple[str, ...]) -> list[bytes]:
        scan = Scan(dataset=dataset, fields=fields)
        return sorted(msgspec.json.encode(row, order="sorted") for batch in store.scan(scan) for row in batch)

    return read


def _expected(path: Path, dataset: Dataset, fields: tuple[str, ...]) -> list[bytes]:
    """What the validator makes of the lines of a file, in the form of `stored`."""
    found = []
    for line in path.read_bytes().splitlines()[: -len(BAD)]:
        event = Validator()(line)
        if event.dataset is dataset:
            document = msgspec.json.decode(event.body)
            row = {name: document[name] for name in fields if name in document}
            found.append(row | {schema.TIMESTAMP: event.timestamp})
    return sorted(msgspec.json.encode(row, order="sorted") for row in found)


@pytest.mark.parametrize("way", [by_tail, by_vector, by_fluent_bit, by_filebeat])
def test_the_same_lines_give_the_same_documents(collector, pipeline, stored, path, dead_folder, way):
    """Each line is the document that it is as it stands in the file, to the last digit."""
    way(path, collector, pipeline)
    assert stored(Dataset.INFERENCE, OWN_FIELDS) == _expected(path, Dataset.INFERENCE, OWN_FIELDS)
    assert stored(Dataset.APP, APP_FIELDS) == _expected(path, Dataset.APP, APP_FIELDS)
    assert [len(stored(it, (schema.EVENT_ID,))) for it in (Dataset.INFERENCE, Dataset.APP)] == [20, 5]
    letters = list(deadletter.read(dead_folder))
    assert [(letter.reason, letter.body) for letter in letters] == [
        ("not_json", BAD[0]),
        ("not_valid", BAD[1]),
    ]


@pytest.mark.parametrize("way", [by_tail, by_fluent_bit, by_filebeat])
def test_sent_again_they_are_known(collector, pipeline, stored, path, tmp_path, way):
    """What an agent sends again after a failure is stored once, also the lines that have no id."""
    way(path, collector, pipeline)
    before = stored(Dataset.APP, (schema.EVENT_ID,))
    way(path, collector, pipeline)
    assert stored(Dataset.APP, (schema.EVENT_ID,)) == before
    assert len(stored(Dataset.INFERENCE, (schema.EVENT_ID,))) == 20
