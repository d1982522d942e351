"""A collector that is away for longer than any retry waits."""

import time

import pytest

from mlmon.core import sequences


@pytest.mark.slow
def test_a_sink_that_was_down_for_long_gets_everything(make_collector, model, ledger, tmp_path):
    """Events of a process that lived through it and of one that ended meanwhile arrive, each once."""
    collector = make_collector()
    spool = tmp_path / "spool"
    ended = model(ship=collector.http, spool=spool, count=3_000, close_s=0.3)
    [gone] = ended.told()
    assert (gone.is_all, gone.queued, gone.dropped) == (False, 3_000, {})
    waiting = model(ship=collector.http, spool=tmp_path / "other", count=3_000)
    time.sleep(4)  # the outage itself: five tries fail, and the sixth waits for seconds
    collector.start()
    [kept] = waiting.told()
    [after] = model(ship=collector.http, spool=spool, count=10).told()
    assert after.adopted == 3_000
    collector.stop()
    found = ledger(collector.store)
    found.check(kept, after)
    for told in (gone, kept):
        assert sequences.count(found.stored[told.producer]) == 3_000
    assert kept.dropped == {}
