"""Numbers are told exactly, from counts where these suffice."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlmon.analyzers import arrivals
from mlmon.core import schema
from mlmon.core.event import encode
from mlmon.core.schema import LOGGED
from mlmon.core.sequences import runs
from mlmon.core.window import Window
from mlmon.stores.embedded import open_store

START = datetime(2030, 1, 1, tzinfo=UTC)
ALL = Window(start=START - timedelta(days=1), end=START + timedelta(days=1))


def numbered(producer: str | None, number: int, place: int = 0):
    """The event of a number."""
    document = {
        schema.TIMESTAMP: START, schema.LOG_LEVEL: "info", schema.EVENT_ID: f"{producer}-{number}",
        schema.EVENT_DATASET: str(LOGGED[place % len(LOGGED)]), schema.MODEL_NAME: "m",
        schema.SERVICE_NAME: "s",
        schema.INFERENCE_ID: "i", schema.EVENT_OUTCOME: "success", schema.OUTCOME_OBSERVED_AT: START,
    }  # fmt: skip
    if producer is not None:
        document |= {schema.PRODUCER_ID: producer, schema.EVENT_SEQUENCE: number}
    return encode(document)


class Scans:
    """A reader that counts what is read one by one."""

    def __init__(self, inner):
        self._inner = inner
        self.read = 0

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def scan(self, scan):
        """Count the documents."""
        for batch in self._inner.scan(scan):
            self.read += len(batch)
            yield batch


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    numbers=st.dictionaries(st.sampled_from(["a", "b"]), st.sets(st.integers(0, 60), min_size=1), min_size=1),
    explained=st.sets(st.integers(0, 60)),
)
def test_the_numbers_are_those_that_were_written(new_store, numbers, explained):
    """Whatever numbers of whichever dataset are stored, those are told, and no others."""
    store = new_store()
    for name, some in numbers.items():
        store.write([numbered(name, number, number) for number in some])
    known = {name: runs(explained - some) for name, some in numbers.items()}
    window = Window(start=datetime(2000, 1, 1, tzinfo=UTC), end=datetime(2100, 1, 1, tzinfo=UTC))
    found = arrivals.arrivals(store, window, known)
    assert {name: each.numbers for name, each in found.arrivals.items()} == {
        name: runs(some) for name, some in numbers.items()
    }
    assert found.unnumbered == 0


@pytest.fixture
def store(tmp_path):
    """Give a store on disk."""
    from mlmon.core.clock import to_ns

    with_events = open_store(tmp_path / "store", clock=lambda: to_ns(START))
    yield with_events
    with_events.close()


def test_only_what_is_not_whole_is_read(store):
    """Of many events with a gap, no more are read than a bucket holds; without a gap none is."""
    gap = {9_000, 9_001}
    store.write([numbered("whole", number, number) for number in range(12_000)])
    store.write([numbered("torn", number, number) for number in range(12_000) if number not in gap])
    reader = Scans(store)
    found = arrivals.arrivals(reader, ALL).arrivals
    assert found["whole"].numbers == ((0, 11_999),)
    assert found["torn"].numbers == ((0, 8_999), (9_002, 11_999))
    assert reader.read <= 2 * arrivals.WIDTH
    reader.read = 0
    explained = arrivals.arrivals(reader, ALL, {"torn": runs(gap)}).arrivals
    assert explained["torn"].numbers == found["torn"].numbers
    assert reader.read == 0


def test_lines_of_other_tools_are_counted_apart(store):
    """An event without a producer or without a number is counted, and no arrival."""
    store.write([numbered(None, number) for number in range(3)])
    store.write([numbered("p", 0)])
    found = arrivals.arrivals(store, ALL)
    assert (found.unnumbered, list(found.arrivals)) == (3, ["p"])
    assert (found.arrivals["p"].model, found.arrivals["p"].service) == ("m", "s")
