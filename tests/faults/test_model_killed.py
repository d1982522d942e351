"""A model process that is killed, and the next one, which ships to a real collector."""

import time

import pytest

WINDOW_S = 1.0
"""The promise is 50 ms for a process that gets its share of the machine; here others take theirs."""


def kill_after(process, seconds: float, window_s: float) -> int:
    """Kill a model process; gives the number of the last event logged a window before its death."""
    lines = process.lines()
    told = [next(lines)]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        told.append(next(lines))
    killed_at = time.monotonic()
    told += process.kill()
    pairs = [line.split() for line in told]
    return max(int(pair[0]) for pair in pairs if len(pair) == 2 and float(pair[1]) < killed_at - window_s)


@pytest.mark.parametrize("is_up", [True, False], ids=["sink-up", "sink-down"])
@pytest.mark.parametrize("pause_s", [0.0, 0.005], ids=["burst", "200/s"])
def test_what_a_killed_process_spooled_is_stored(make_collector, model, ledger, tmp_path, is_up, pause_s):
    """After kill -9 the next process delivers the rest: what it had written is all there, without a gap."""
    collector = make_collector()
    spool = tmp_path / "spool"
    if is_up:
        collector.start()
    killed = model(ship=collector.http, spool=spool, count=10**9, pause_s=pause_s, is_told=True)
    promised = kill_after(killed, 1.5, WINDOW_S)
    if not is_up:
        collector.start()
    [told] = model(ship=collector.http, spool=spool, count=3).told()
    assert told.is_all
    assert told.dropped in ({}, {"spool_damaged": 1}), "at most the record that the kill tore"
    collector.stop()
    found = ledger(collector.store)
    found.check(told)
    [dead] = found.stored.keys() - {told.producer}
    [(first, last)] = found.of(dead)
    assert first == 0
    assert last >= promised > 0
    assert list(spool.rglob("*.seg")) == []


def test_in_sync_mode_a_killed_process_loses_nothing(collector, model, ledger, tmp_path):
    """What a call returned from before kill -9 is stored, to the last event."""
    spool = f"{tmp_path / 'spool'}?mode=sync"
    killed = model(ship="http://127.0.0.1:1", spool=spool, count=10**9, pause_s=0.001, is_told=True)
    promised = kill_after(killed, 0.5, 0.0)
    [told] = model(ship=collector.http, spool=spool, count=1).told()
    collector.stop()
    found = ledger(collector.store)
    found.check(told)
    [dead] = found.stored.keys() - {told.producer}
    [(first, last)] = found.of(dead)
    assert (first, last >= promised) == (0, True)


def test_two_processes_adopt_one_spool(collector, model, ledger, accounting, tmp_path):
    """Of two processes one adopts what a dead one left; of all three nothing is missing."""
    spool = tmp_path / "spool"
    killed = model(ship="http://127.0.0.1:1", spool=spool, count=10**9, pause_s=0.001, is_told=True)
    promised = kill_after(killed, 1.3, WINDOW_S)
    both = [model(ship=collector.http, spool=spool, count=2_000) for _ in range(2)]
    reports = [told for process in both for told in process.told()]
    assert sorted(told.adopted > 0 for told in reports) == [False, True]
    collector.stop()
    found = ledger(collector.store)
    found.check(*reports)
    [dead] = found.stored.keys() - {told.producer for told in reports}
    [(first, last)] = found.of(dead)
    assert (first, last >= promised) == (0, True)
    said = accounting(collector.store)
    assert (said["unknown"], said["stored"]) == (0, found.documents)
