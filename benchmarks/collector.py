"""What it costs to take events in by http and make them durable, against only reading and parsing them.

A client in a process of its own plays several services: each has a connection, posts batches to the http door
and waits for each answer. The collector checks every line and each id, and writes to an embedded
store on disk, which is synced before it answers. The peer reads the same file and parses it.
"""

import asyncio
import http.client
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import orjson

from mlmon.core import schema
from mlmon.core.clock import to_text
from mlmon.core.config import CollectorConfig
from mlmon.core.schema import Dataset
from mlmon.pipelines.collector.http import EVENTS_PATH
from mlmon.pipelines.collector.server import running
from mlmon.pipelines.deadletter import Folder
from mlmon.pipelines.pipeline import Pipeline
from mlmon.stores.embedded import open_store

NAME = "collector"
PEER = "read, split, orjson.loads of each line"
GOAL = 2.0

EVENTS = 150_000
BATCH = 5_000
SERVICES = 5
ROUNDS = 3


def run() -> tuple[float, str]:
    """Interleave both in one run; the ratio is of the best round of each, since other programs only add."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "events.ndjson"
        file.write_bytes(b"".join(event(number) + b"\n" for number in range(EVENTS)))
        ours, cpu, floor = [], [], []
        for number in range(ROUNDS):
            floor.append(parsed(file))
            wall_s, cpu_s = asyncio.run(collected(file, Path(folder) / f"store-{number}"))
            ours.append(wall_s)
            cpu.append(cpu_s)
        size = file.stat().st_size / EVENTS
    note = (
        f"{EVENTS / min(ours):,.0f} events/s of {size:.0f} bytes, durable, over {SERVICES} connections; "
        f"collector and store use {min(cpu) / EVENTS * 1e6:.1f} us of CPU an event, "
        f"the peer takes {min(floor) / EVENTS * 1e6:.1f}"
    )
    return min(ours) / min(floor), note


def event(number: int) -> bytes:
    """Make one inference with 21 values; each service sends its share, numbered from 0."""
    service, sequence = divmod(number, EVENTS // SERVICES)
    producer = f"6f1d2c3b4a5{service}"
    return msgspec.json.encode(
        {
            schema.TIMESTAMP: to_text(1_362_096_000_000_000_000 + number * 100_000_000),
            schema.LOG_LEVEL: "info",
            schema.EVENT_ID: f"{producer}-{sequence}",
            schema.EVENT_SEQUENCE: sequence,
            schema.PRODUCER_ID: producer,
            schema.EVENT_DATASET: str(Dataset.INFERENCE),
            schema.EVENT_OUTCOME: "success",
            schema.EVENT_DURATION: 1_234_560,
            schema.MODEL_NAME: "flight-delay",
            schema.MODEL_VERSION: "2013.03",
            schema.INFERENCE_ID: f"{number:016x}",
            schema.PREDICTION_LABEL: "late",
            schema.PREDICTION_SCORE: 0.8123,
            schema.FEATURES_NUMERIC: {
                "temp": number / 7, "wind": 10.5, "distance": 1400, "humid": 78.1, "visib": 10.0,
            },
            schema.FEATURES_CATEGORICAL: {"origin": "JFK", "carrier": "UA", "dest": "LAX"},
        }
    )  # fmt: skip


def parsed(file: Path) -> float:
    """The seconds that reading and parsing takes."""
    started = time.perf_counter()
    lines = file.read_bytes().split(b"\n")
    count = sum(1 for line in lines if line and orjson.loads(line))
    taken_s = time.perf_counter() - started
    assert count == EVENTS
    return taken_s


async def collected(file: Path, folder: Path) -> tuple[float, float]:
    """The seconds from the first request to the last answer, and the CPU seconds of the collector."""
    store = open_store(folder)
    pipeline = Pipeline(store, Folder(folder / "deadletter"))
    async with running(CollectorConfig(http_port=0, tcp_port=None, beats_port=None), pipeline) as doors:
        before_s = time.process_time()
        client = await asyncio.create_subprocess_exec(
            sys.executable, __file__, str(doors.http), str(file), stdout=subprocess.PIPE
        )
        told, _ = await client.communicate()
        cpu_s = time.process_time() - before_s
    pipeline.close()
    assert pipeline.counters().stored == EVENTS
    assert sum(holding.count for holding in store.holdings()) == EVENTS
    store.close()
    return float(told), cpu_s


def send(url: str, file: Path) -> float:
    """Post the file, a share a service, and return the seconds from the first request to the last answer."""
    lines = file.read_bytes().splitlines(keepends=True)
    batches = [b"".join(lines[first : first + BATCH]) for first in range(0, EVENTS, BATCH)]
    share = len(batches) // SERVICES
    with ThreadPoolExecutor(SERVICES) as services:
        started = time.perf_counter()
        shares = [batches[first : first + share] for first in range(0, len(batches), share)]
        list(services.map(lambda own: post(url, own), shares))
        return time.perf_counter() - started


def post(url: str, batches: list[bytes]) -> None:
    """Send the batches of one service, each after the answer to the one before."""
    address = urlsplit(url)
    assert address.hostname
    connection = http.client.HTTPConnection(address.hostname, address.port)
    for batch in batches:
        connection.request("POST", EVENTS_PATH, batch, {"Content-Type": "application/x-ndjson"})
        answer = connection.getresponse()
        assert answer.status == http.client.OK
        answer.read()


if __name__ == "__main__":
    print(send(sys.argv[1], Path(sys.argv[2])))  # noqa: T201 - its answer to the process that started it
