"""Spools that were damaged before the next process found them."""

import os

import pytest

from mlmon.core import sequences

COUNT = 2_000


@pytest.fixture
def left(make_collector, model, tmp_path):
    """Give the files and the report of a process that ended with the sink down, and a collector to start."""
    collector = make_collector()
    spool = tmp_path / "spool"
    [told] = model(ship=collector.http, spool=spool, count=COUNT, close_s=0.2).told()
    assert told.queued == COUNT
    files = sorted(spool.rglob("*.seg"))
    assert files
    return collector, spool, files, told


@pytest.mark.parametrize("harm", ["flipped", "truncated", "both"])
def test_damage_costs_the_records_it_stands_in(left, model, ledger, harm):
    """What a damaged spool still has is stored, and what it lost is counted, one by one."""
    collector, spool, files, dead = left
    data = bytearray(files[-1].read_bytes())
    flipped = 0
    if harm != "truncated":
        for at in range(len(data) // 10, len(data) * 8 // 10, len(data) // 10):
            data[at] ^= 0x55
            flipped += 1
    files[-1].write_bytes(data)
    if harm != "flipped":
        os.truncate(files[-1], len(data) * 9 // 10 - 7)
    collector.start()
    [told] = model(ship=collector.http, spool=spool, count=1).told()
    collector.stop()
    found = ledger(collector.store)
    missing = COUNT - sequences.count(found.stored[dead.producer])
    damaged = told.dropped["spool_damaged"]
    if harm == "flipped":
        assert missing == damaged
        assert 1 <= missing <= flipped
    else:  # of what a cut took away only the record that it stands in can still be seen
        assert flipped < missing <= COUNT * 2 // 10
        assert 1 <= damaged <= flipped + 1
    assert list(spool.rglob("*.seg")) == []


def test_a_file_of_noise_stops_nobody(left, model, ledger):
    """A file that is no spool at all in the folder of the dead one leaves the others to be delivered."""
    collector, spool, files, dead = left
    (files[0].parent / "10-00000000ffff.seg").write_bytes(os.urandom(50_000))
    (files[0].parent / "garbage.seg").write_bytes(b"x" * 1_000)
    collector.start()
    [told] = model(ship=collector.http, spool=spool, count=1).told()
    collector.stop()
    found = ledger(collector.store)
    assert sequences.count(found.stored[dead.producer]) == COUNT
    assert told.is_all
