import logging
import os
import shutil
import tempfile
import threading
from pathlib import Path
from time import monotonic

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlmon.logging_sdk.disk import DiskSpool, Mode, folder
from mlmon.logging_sdk.disk.frames import HEAD_BYTES
from mlmon.logging_sdk.disk.segment import SUFFIX
from mlmon.logging_sdk.spool import LEVELS

INFO, DEBUG, ERROR = logging.INFO, logging.DEBUG, logging.ERROR
ALL = (10**6, 10**9)


def _die(spool: DiskSpool) -> None:
    """Let go of everything as the death of the process does: what was written stays, nothing else is done."""
    with spool._lock:
        spool.persist()
        spool._is_closed = spool._is_released = True
        spool.let_go()
        spool._own = None
        spool._adopted.clear()
    spool._wanted.set()


def _left(root: Path) -> list[Path]:
    return sorted(root.glob(f"[!.]*/*{SUFFIX}"))


def _drain(spool: DiskSpool) -> list[bytes]:
    records: list[bytes] = []
    while (batch := spool.take(7, 10**6)).records:
        records += batch.records
        spool.ack(batch)
    return records


def test_records_come_in_order_and_leave_nothing(tmp_path):
    """Records of all levels are taken in the order they came; acknowledged and closed, no file is left."""
    spool = DiskSpool(tmp_path)
    expected = [b"%d" % index for index in range(100)]
    for index, record in enumerate(expected):
        spool.append(record, LEVELS[index % 5])
    batch = spool.take(10, 1000)
    assert batch.records == expected[:10]
    assert (len(spool), spool.waiting) == (100, 90)
    spool.ack(batch)
    assert _drain(spool) == expected[10:]
    spool.close()
    assert list(tmp_path.iterdir()) == []


def test_the_next_process_delivers_what_was_not_acknowledged(tmp_path):
    """What a dead process had written and nobody acknowledged is adopted; what was acknowledged is not."""
    first = DiskSpool(tmp_path)
    first.extend([b"%d" % index for index in range(20)], INFO)
    first.ack(first.take(5, 1000))
    assert len(first.take(5, 1000).records) == 5
    _die(first)
    second = DiskSpool(tmp_path)
    second.append(b"new", INFO)
    assert _drain(second) == [*(b"%d" % index for index in range(5, 20)), b"new"]
    assert (second.adopted, second.dropped) == (15, 0)
    second.close()
    assert list(tmp_path.iterdir()) == []


def test_a_living_process_is_not_robbed(tmp_path):
    """The folder of a process that lives is left alone, also by spools of the same process."""
    first, second = DiskSpool(tmp_path), DiskSpool(tmp_path)
    first.append(b"1", INFO)
    first.persist()
    assert second.take(*ALL).records == []
    assert first.take(*ALL).records == [b"1"]


def test_a_folder_is_adopted_once(tmp_path):
    """Of many that look for folders of the dead at the same time, each folder is given to one."""
    for index in range(5):
        dead = DiskSpool(tmp_path)
        dead.append(b"%d" % index, INFO)
        _die(dead)
    found: list[Path] = []
    barrier = threading.Barrier(8)

    def look() -> None:
        barrier.wait()
        found.extend(one.path for one in folder.adopt(tmp_path))

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == len(set(found)) == 5


def test_closing_keeps_what_is_left(tmp_path):
    """A spool that closes with records in it leaves them to the next, and writes what was in memory."""
    first = DiskSpool(tmp_path)
    first.extend([b"1", b"2"], INFO)
    first.close()
    assert len(first) == 2
    assert _drain(DiskSpool(tmp_path)) == [b"1", b"2"]


def test_in_sync_mode_a_record_is_on_disk_when_the_call_returns(tmp_path):
    """With `SYNC` nothing is in memory alone after a call."""
    spool = DiskSpool(tmp_path, mode=Mode.SYNC)
    spool.append(b"abc", ERROR)
    assert b"abc" in _left(tmp_path)[0].read_bytes()


def test_the_writer_writes_by_itself(tmp_path):
    """Nobody has to take records for them to reach the disk."""
    spool = DiskSpool(tmp_path)
    spool.append(b"abc", INFO)
    deadline = monotonic() + 60
    while not any(path.stat().st_size > HEAD_BYTES for path in _left(tmp_path)) and monotonic() < deadline:
        threading.Event().wait(0.01)
    assert b"abc" in _left(tmp_path)[0].read_bytes()
    spool.close()


def test_taking_over_much_does_not_keep_the_writer_from_writing(tmp_path, monkeypatch):
    """While what a dead process left is being opened, new records reach the disk all the same."""
    first = DiskSpool(tmp_path)
    first.extend([b"old"], INFO)
    _die(first)
    adopt, is_opening, go_on = folder.adopt, threading.Event(), threading.Event()

    def stub_of_a_slow_disk(root):
        is_opening.set()
        assert go_on.wait(60)
        yield from adopt(root)

    monkeypatch.setattr(folder, "adopt", stub_of_a_slow_disk)
    second = DiskSpool(tmp_path)
    second.append(b"new", INFO)
    taken: list[bytes] = []
    taker = threading.Thread(target=lambda: taken.extend(_drain(second)))
    taker.start()
    assert is_opening.wait(60)
    second.persist()
    assert any(b"new" in path.read_bytes() for path in _left(tmp_path))
    go_on.set()
    taker.join(60)
    assert taken == [b"old", b"new"]
    second.close()


def test_a_disk_that_takes_its_time_to_sync_does_not_keep_the_writer_from_writing(tmp_path, monkeypatch):
    """While a sync hangs, new records reach their file all the same."""
    is_syncing, go_on = threading.Event(), threading.Event()

    def stub_of_a_busy_disk(_file):
        is_syncing.set()
        assert go_on.wait(60)

    monkeypatch.setattr(os, "fdatasync", stub_of_a_busy_disk)
    spool = DiskSpool(tmp_path)
    spool.append(b"before", INFO)
    assert is_syncing.wait(60)
    spool.append(b"meanwhile", INFO)
    deadline = monotonic() + 60
    while not any(b"meanwhile" in path.read_bytes() for path in _left(tmp_path)):
        assert monotonic() < deadline
        threading.Event().wait(0.01)
    go_on.set()
    spool.close()


def test_room_is_made_by_the_lowest_level(tmp_path):
    """Above the cap the oldest debug lines go, then other lines; errors stay, and all are counted."""
    spool = DiskSpool(tmp_path, max_bytes=64 * 1024)
    spool.extend([b"e" * 100] * 20, ERROR)
    for _ in range(40):
        spool.extend([b"d" * 100] * 50, DEBUG)
        spool.extend([b"i" * 100] * 5, INFO)
        spool.persist()
    size = sum(path.stat().st_size for path in _left(tmp_path))
    records = _drain(spool)
    assert size <= 64 * 1024
    assert (records.count(b"e" * 100), records.count(b"i" * 100)) == (20, 200)
    assert 0 < records.count(b"d" * 100) < 2000
    assert spool.losses == {"spool_full": 2220 - len(records)}


def test_old_files_go_and_are_counted(tmp_path):
    """What is older than the cap is dropped as expired."""
    first = DiskSpool(tmp_path)
    first.extend([b"1", b"2"], INFO)
    _die(first)
    second = DiskSpool(tmp_path, max_age_s=0)
    second.append(b"new", INFO)
    assert _drain(second) == [b"new"]
    assert second.losses == {"spool_expired": 2}


@pytest.mark.parametrize("root", ["file", "/proc/nowhere"])
def test_a_disk_that_fails_makes_it_a_spool_in_memory(tmp_path, root, caplog):
    """Where the folder cannot be written, records go on from memory, in order, and it is said once."""
    (tmp_path / "file").touch()
    spool = DiskSpool(tmp_path / root)
    spool.extend([b"1", b"2"], INFO)
    spool.append(b"3", INFO)
    assert _drain(spool) == [b"1", b"2", b"3"]
    assert len(spool) == 0
    assert len(caplog.records) == 1


def _spoil(root: Path, records: list[bytes]) -> Path:
    spool = DiskSpool(root)
    spool.extend(records, INFO)
    _die(spool)
    return _left(root)[0]


RECORDS = st.lists(
    st.binary(min_size=1, max_size=60).map(lambda raw: raw.hex().encode()), min_size=1, max_size=30
)


@settings(deadline=None, max_examples=150)
@given(RECORDS, st.data())
def test_a_flipped_byte_costs_one_record(records, data):
    """Whatever byte of a file changes, at most the record it stands in is lost, and it is counted."""
    root = Path(tempfile.mkdtemp(prefix="mlmon-spool-"))
    try:
        path = _spoil(root, records)
        raw = bytearray(path.read_bytes())
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at] ^= data.draw(st.integers(1, 255))
        path.write_bytes(raw)
        spool = DiskSpool(root)
        kept = _drain(spool)
        lost = len(records) - len(kept)
        assert lost <= 1
        assert kept in (records, *(records[:index] + records[index + 1 :] for index in range(len(records))))
        assert spool.losses == ({"spool_damaged": 1} if lost else {})
        assert _left(root) == []
    finally:
        shutil.rmtree(root)


@settings(deadline=None, max_examples=100)
@given(RECORDS, st.data())
def test_a_truncated_file_costs_its_end(records, data):
    """Wherever a file ends, the records before are delivered, and a torn one is counted once."""
    root = Path(tempfile.mkdtemp(prefix="mlmon-spool-"))
    try:
        path = _spoil(root, records)
        raw = path.read_bytes()
        end = data.draw(st.integers(0, len(raw)))
        path.write_bytes(raw[:end])
        whole = raw[:end].count(b"\n", HEAD_BYTES)
        spool = DiskSpool(root)
        kept = _drain(spool)
        assert kept == records[: len(kept)]
        assert len(kept) in (whole, whole + 1)  # a record that lacks nothing but the line's end is whole
        assert spool.dropped <= 1
    finally:
        shutil.rmtree(root)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("append"), st.sampled_from(LEVELS)),
            st.tuples(st.sampled_from(("take", "persist", "die", "close")), st.just(0)),
        ),
        max_size=40,
    )
)
def test_nothing_is_lost_or_changes_places(actions):
    """However processes write, deliver, die and end, each record comes at least once and in its order."""
    root = Path(tempfile.mkdtemp(prefix="mlmon-spool-"))
    try:
        spool = DiskSpool(root)
        appended: list[bytes] = []
        delivered: list[bytes] = []
        for index, (action, level) in enumerate(actions):
            if action == "append":
                appended.append(b"%d" % index)
                spool.append(appended[-1], level)
            elif action == "take":
                batch = spool.take(2, 100)
                delivered += batch.records
                spool.ack(batch)
            elif action == "persist":
                spool.persist()
            else:
                _die(spool) if action == "die" else spool.close()
                spool = DiskSpool(root)
        delivered += _drain(spool)
        assert list(dict.fromkeys(delivered)) == delivered == appended
        spool.close()
    finally:
        shutil.rmtree(root)
