"""Disks without room, on either side: small file systems of their own, which real processes meet."""

import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from mlmon.core import sequences


class SmallDisk:
    """A file system of a few megabytes that only processes started with `prefix` see at its path."""

    def __init__(self, path: Path, megabytes: int) -> None:
        path.mkdir()
        self.path = path
        mount = f"mount -t tmpfs -o size={megabytes}m none {path} && echo mounted && exec cat"
        self._holder = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", mount],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == "mounted\n"
        self.prefix = ["nsenter", f"--target={self._holder.pid}", "--mount"]
        self.seen = Path(f"/proc/{self._holder.pid}/root{path}")
        """The path at which everybody else finds it."""

    def fill(self) -> None:
        """Leave no room."""
        with (self.seen / "filler").open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))

    def empty(self) -> None:
        """Give the room back."""
        (self.seen / "filler").unlink()

    def close(self) -> None:
        """Let go of it."""
        self._holder.kill()
        self._holder.communicate()


@pytest.fixture
def disk(require, tmp_path):
    """Give a small file system."""
    require("mount namespace")
    made = SmallDisk(tmp_path / "small", 24)
    yield made
    made.close()


def test_a_collector_without_room(make_collector, model, ledger, disk, tmp_path):
    """While its disk is full the collector acknowledges nothing, and with room again it takes everything."""
    collector = make_collector(disk.path / "store", prefix=disk.prefix)
    collector.start()
    seen = disk.seen / "store"
    running = model(ship=collector.http, spool=tmp_path / "spool", count=4_000, pause_s=0.0005)
    collector.until_stored(500)
    disk.fill()
    time.sleep(1.5)  # the model goes on while nothing can be written
    disk.empty()
    [told] = running.told()
    collector.stop()
    found = ledger(seen)
    found.check(told)
    assert told.retries > 0, "the disk was never full"
    assert (sequences.count(found.stored[told.producer]), told.dropped) == (4_000, {})


def test_letters_without_room_are_not_acknowledged(make_collector, model, ledger, disk, tmp_path):
    """Refused events wait at their sender too, until they can be kept, and each is accounted for."""
    program = """
import json, sys
from mlmon.logging_sdk import ModelLogger
asked = json.loads(sys.argv[1])
log = ModelLogger("m", ship=asked["ship"], spool=asked["spool"])
for index in range(1_000):
    log.predicted({"x": 1.0}, value=index, timestamp=32_472_144_000 * 10**9 if index % 2 else None)
log.close(40)
stats = log.stats()
print(json.dumps({"producer": log._outlet.producer.id, "emitted": stats.emitted, "dropped": stats.dropped}))
"""
    collector = make_collector(disk.path / "store", prefix=disk.prefix)
    collector.start()
    disk.fill()
    running = model(program, ship=collector.beats, spool=tmp_path / "spool")
    time.sleep(1.0)
    disk.empty()
    [told] = running.told()
    collector.stop()
    found = ledger(disk.seen / "store")
    found.check(told)
    assert sequences.count(found.stored[told.producer]) == 500
    assert sequences.count(found.lettered[told.producer]) == 500


def test_a_model_without_room_delivers_from_memory(make_collector, model, ledger, disk, tmp_path):
    """With the disk of its spool full and the sink down, events wait in memory, and all arrive."""
    collector = make_collector()
    disk.fill()
    running = model(prefix=disk.prefix, ship=collector.http, spool=disk.path / "spool", count=5_000)
    time.sleep(1.0)
    collector.start()
    [told] = running.told()
    collector.stop()
    found = ledger(collector.store)
    found.check(told)
    assert (sequences.count(found.stored[told.producer]), told.dropped) == (5_000, {})


def test_a_disk_that_fills_while_a_model_logs(make_collector, model, ledger, disk):
    """What was spooled before the disk was full and what came after arrive alike, each once."""
    collector = make_collector()
    running = model(
        prefix=disk.prefix, ship=collector.http, spool=disk.path / "spool", count=4_000, pause_s=0.0005
    )
    end = time.monotonic() + 90
    while not list(disk.seen.glob("spool/*/*/*.seg")):
        assert time.monotonic() < end
        time.sleep(0.02)
    disk.fill()
    time.sleep(1.0)
    collector.start()
    time.sleep(0.5)
    disk.empty()
    [told] = running.told()
    collector.stop()
    found = ledger(collector.store)
    found.check(told)
    assert (sequences.count(found.stored[told.producer]), told.dropped) == (4_000, {})
