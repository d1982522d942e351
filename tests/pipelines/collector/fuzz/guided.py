"""Fuzz one door of the collector, guided by coverage: `python guided.py DOOR [libFuzzer options]`.

The door runs in this process, with a real pipeline behind it whose sink keeps the ids of what was stored.
Each input stands between two good events. Whatever it is, both must be stored, nothing may raise, and every
line must be accounted for. libFuzzer ends the process at a crash, a hang or too much memory.
"""

from __future__ import annotations

import asyncio
import gzip
import struct
import sys
from asyncio import StreamReader
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import atheris

with atheris.instrument_imports(include=["mlmon"]):
    from mlmon.core import schema
    from mlmon.core.event import Event
    from mlmon.core.schema import Dataset
    from mlmon.core.store import Written
    from mlmon.pipelines.collector import http
    from mlmon.pipelines.collector.beats import Beats
    from mlmon.pipelines.collector.tcp import Tcp
    from mlmon.pipelines.deadletter import DeadLetter
    from mlmon.pipelines.pipeline import Pipeline

MOST_EVENT_BYTES = 1 << 12
MOST_BATCH_BYTES = 1 << 16
ACCEPTED = 200
REFUSED = frozenset({400, 413, 415})
BEFORE, AFTER = (
    (
        f'{{"{schema.TIMESTAMP}":"2013-03-01T00:00:00Z","{schema.LOG_LEVEL}":"info","{schema.EVENT_ID}":"{name}",'
        f'"{schema.EVENT_DATASET}":"{Dataset.APP}","{schema.MESSAGE}":"good"}}'
    ).encode()
    for name in ("good-before", "good-after")
)


class Kept:
    """A sink that keeps the ids of what was stored."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    def write(self, events: Sequence[Event]) -> Written:
        """Keep the ids."""
        self.ids += [event.id for event in events]
        return Written(stored=len(events), duplicates=0)


class Letters:
    """Dead letters that are only counted."""

    def __init__(self) -> None:
        self.count = 0

    def write(self, letters: Sequence[DeadLetter]) -> None:
        """Count them."""
        self.count += len(letters)


KEPT, LETTERS = Kept(), Letters()
PIPELINE = Pipeline(KEPT, LETTERS)
LOOP = asyncio.new_event_loop()


class Ears:
    """The side of a stream that a door answers to; a stub, for no sender is there."""

    def __init__(self) -> None:
        self.heard = b""

    def get_extra_info(self, _name: str) -> None:
        """Nobody is there."""

    def write(self, data: bytes) -> None:
        """Hear an answer."""
        self.heard += data

    async def drain(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing to free."""

    async def wait_closed(self) -> None:
        """Nothing to wait for."""


def cut(data: bytes, at: int) -> Iterator[bytes]:
    """The bytes in pieces of a size, as a network may cut them; 0 leaves them whole."""
    size = at or len(data) or 1
    return (data[start : start + size] for start in range(0, len(data), size))


def must(is_so: bool, why: str) -> None:
    """End the run where something does not hold."""
    if not is_so:
        raise AssertionError(why)


def stream_through(door: Any, chunks: Iterable[bytes]) -> bytes:
    """Send chunks through a door of streams and give what it answered."""

    async def run() -> bytes:
        reader, ears = StreamReader(), Ears()
        serving = asyncio.ensure_future(door(reader, ears))
        for chunk in chunks:
            reader.feed_data(chunk)
            await asyncio.sleep(0)
        reader.feed_eof()
        await serving
        return ears.heard

    return LOOP.run_until_complete(run())


def post(body: bytes, encoding: str, size: int) -> int:
    """Send a body through the http door, and give the status."""
    application = http.app(PIPELINE, max_batch_bytes=MOST_BATCH_BYTES)
    parts = [*cut(body, size)]
    told: list[int] = []

    async def receive() -> dict[str, Any]:
        more = parts.pop(0) if parts else b""
        return {"type": "http.request", "body": more, "more_body": bool(parts)}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            told.append(message["status"])

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": http.EVENTS_PATH, "raw_path": http.EVENTS_PATH.encode(), "query_string": b"", "root_path": "",
        "headers": [(b"content-encoding", encoding.encode())], "client": ("127.0.0.1", 1), "server": None,
    }  # fmt: skip
    LOOP.run_until_complete(application(scope, receive, send))  # type: ignore[arg-type]
    must(len(told) == 1, f"answered {len(told)} times")
    return told[0]


def both_are_stored() -> None:
    """The good events are there, whatever stood between them."""
    must("good-before" in KEPT.ids, "the event before is lost")
    must("good-after" in KEPT.ids, "the event after is lost")


def through_http(data: bytes) -> None:
    """As NDJSON; once as it is and once packed by gzip."""
    body = b"\n".join((BEFORE, data[1:], AFTER))
    is_packed = data[:1] > b"\x7f"
    packed = gzip.compress(body, 1) if is_packed else body
    status = post(packed, "gzip" if is_packed else "identity", data[0] % 64 if data else 0)
    must(status == ACCEPTED, f"answered {status}")
    both_are_stored()


def through_http_alone(data: bytes) -> None:
    """As the whole body, of any encoding that it claims to be."""
    encoding = ("identity", "gzip", "br", "")[data[0] % 4 if data else 0]
    status = post(data[1:], encoding, 0)
    must(status == ACCEPTED or status in REFUSED, f"answered {status}")


def through_tcp(data: bytes) -> None:
    """As lines."""
    stream = b"\n".join((BEFORE, data[1:], AFTER)) + b"\n"
    stream_through(Tcp(PIPELINE, max_event_bytes=MOST_EVENT_BYTES), cut(stream, data[0] if data else 0))
    both_are_stored()


def _record(number: int, payload: bytes) -> bytes:
    return b"2J" + struct.pack(">II", number, len(payload)) + payload


def through_beats(data: bytes) -> None:
    """As the payload of the second of three records."""
    stream = b"2W" + struct.pack(">I", 3) + _record(1, BEFORE) + _record(2, data[1:]) + _record(3, AFTER)
    door = Beats(PIPELINE, max_event_bytes=MOST_EVENT_BYTES, max_batch_bytes=MOST_BATCH_BYTES)
    heard = stream_through(door, cut(stream, data[0] if data else 0))
    must(heard.endswith(b"2A" + struct.pack(">I", 3)), "the last record was not acknowledged")
    both_are_stored()


def through_beats_alone(data: bytes) -> None:
    """As a stream that follows an acknowledged window, whatever frames it claims to have."""
    stream = b"2W" + struct.pack(">I", 1) + _record(1, BEFORE) + data[1:]
    door = Beats(PIPELINE, max_event_bytes=MOST_EVENT_BYTES, max_batch_bytes=MOST_BATCH_BYTES)
    heard = stream_through(door, cut(stream, data[0] if data else 0))
    must(heard.startswith(b"2A" + struct.pack(">I", 1)), "the first record was not acknowledged")
    must("good-before" in KEPT.ids, "the event before is lost")


def through_a_stub_that_loses(data: bytes) -> None:
    """A door with a planted fault: what the search must find."""
    PIPELINE.submit([BEFORE] if data[1:].startswith(b"{") else [BEFORE, AFTER], "stub").result()
    both_are_stored()


DOORS: dict[str, Callable[[bytes], None]] = {
    "http": through_http,
    "http-alone": through_http_alone,
    "tcp": through_tcp,
    "beats": through_beats,
    "beats-alone": through_beats_alone,
    "stub-that-loses": through_a_stub_that_loses,
}


def main() -> None:
    """Fuzz the door that the first argument names; the others are libFuzzer's."""
    door = DOORS[sys.argv.pop(1)]

    def one(data: bytes) -> None:
        KEPT.ids.clear()
        LETTERS.count = 0
        before = PIPELINE.counters()
        door(data)
        after = PIPELINE.counters()
        came = after.received - before.received
        must(came == len(KEPT.ids) + LETTERS.count, f"{came} lines came: {KEPT.ids}, {LETTERS.count} letters")
        must(after.bytes_waiting == 0, "something still waits")

    atheris.Setup(sys.argv, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
