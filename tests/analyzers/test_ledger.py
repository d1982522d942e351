"""What an entry knows is bounded, and adds up whatever is told in whatever order."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mlmon.analyzers import ledger
from mlmon.analyzers.account import of_entry
from mlmon.analyzers.ledger import Arrival, Entry, Ledger, Said
from mlmon.core.sequences import count, runs

NOW = datetime(2030, 1, 1, tzinfo=UTC)
NUMBERS = st.sets(st.integers(0, 40), min_size=1)


def arrival(numbers) -> Arrival:
    """The arrival of some numbers."""
    return Arrival(numbers=runs(numbers), model="m", first=NOW, last=NOW, heard=NOW)


def report(**counters) -> Said:
    """What a producer says of itself."""
    return Said(last=NOW, heard=NOW, **counters)


@given(st.lists(st.tuples(NUMBERS, st.booleans()), min_size=1), NUMBERS)
def test_the_order_of_arrivals_and_letters_does_not_matter(steps, letters):
    """Numbers that are stored count once and as stored, the other letters as letters, the rest is missing."""
    entry = None
    for numbers, is_settled in steps:
        entry = ledger.arrived(entry, arrival(numbers), is_settled=is_settled)
        entry = ledger.refused(entry, runs(letters))
    assert entry is not None
    stored = set().union(*(numbers for numbers, _ in steps))
    account = of_entry(entry)
    total = max(stored | letters) + 1
    assert account.emitted == total
    assert account.stored == len(stored)
    assert account.dead_lettered == len(letters - stored)
    assert count(ledger.gaps(entry)) == total - len(stored | letters)


@given(st.lists(st.integers(0, 60), unique=True, min_size=1), st.integers(1, 5))
def test_a_shortened_entry_counts_the_same(numbers, most):
    """However few stretches are kept, each number that is told once counts once."""
    entry = None
    for number in numbers:
        entry = ledger.arrived(entry, arrival([number]), is_settled=True)
        entry = ledger.shortened(entry, most)
        assert len(entry.seen) <= most
    assert entry is not None
    account = of_entry(entry)
    assert account.stored == len(numbers)
    assert account.emitted == max(numbers) + 1
    assert account.unknown + account.on_the_way == max(numbers) + 1 - len(numbers)


def test_what_is_below_the_floor_counts_when_it_is_settled():
    """An old number is read several times before it is settled, and counts once."""
    entry = ledger.arrived(None, arrival(range(0, 20, 2)), is_settled=True)
    entry = ledger.shortened(entry, 4)
    before = of_entry(entry).stored
    for _ in range(3):
        entry = ledger.arrived(entry, arrival([1]), is_settled=False)
    assert of_entry(entry).stored == before
    entry = ledger.arrived(entry, arrival([1]), is_settled=True)
    assert of_entry(entry).stored == before + 1


def test_counters_only_grow():
    """A report that overtakes a later one takes nothing back."""
    entry = ledger.said(None, report(emitted=9, sampled_out=3, dropped={"spool_full": 2}), is_settled=True)
    entry = ledger.said(entry, report(emitted=5, dropped={"spool_full": 1, "http_401": 1}), is_settled=True)
    assert (entry.emitted, entry.sampled_out) == (9, 3)
    assert entry.dropped == {"spool_full": 2, "http_401": 1}


def test_drops_never_exceed_what_is_nowhere():
    """A producer may have dropped what arrived all the same; then it is stored, and not dropped."""
    entry = ledger.arrived(None, arrival(range(9)), is_settled=True)
    entry = ledger.said(entry, report(emitted=10, dropped={"spool_full": 4}), is_settled=True)
    account = of_entry(entry)
    assert (account.stored, account.dropped, account.unknown) == (9, {"spool_full": 1}, 0)


def test_what_the_producer_holds_is_on_the_way():
    """Numbers that it says are queued are not missed, however old they are; others are."""
    entry = ledger.arrived(None, arrival([0, 1, 3, 4]), is_settled=True)
    entry = ledger.said(entry, report(emitted=8), is_settled=True)
    assert of_entry(entry).unknown == 4
    account = of_entry(entry, queued=((5, 7),))
    assert (account.unknown, account.on_the_way) == (1, 3)


@given(st.lists(NUMBERS, max_size=4), NUMBERS)
def test_a_ledger_is_read_as_it_was_written(arrivals, letters):
    """Nothing is lost on the way to the store and back."""
    entry = Entry(first=NOW, last=NOW, heard=NOW, lost={"2030-01-01": 3}, drops={"2030-01-01": {"x": 1}})
    for numbers in arrivals:
        entry = ledger.arrived(entry, arrival(numbers), is_settled=True)
    whole = Ledger(until=NOW, looked=NOW, producers={"p": ledger.refused(entry, runs(letters))})
    blobs: dict[str, bytes] = {}
    store: Any = SimpleNamespace(read_blob=blobs.get, write_blob=blobs.__setitem__)
    ledger.save(store, whole)
    assert ledger.load(store) == whole
