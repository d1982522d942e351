from datetime import UTC, datetime, timedelta

import pytest

from mlmon.core import query as q
from mlmon.core import schema
from mlmon.core.event import encode
from mlmon.core.query import Scan
from mlmon.core.schema import EVENTS, RESULTS, Dataset
from mlmon.core.window import Window

DAY = datetime(2013, 3, 1, tzinfo=UTC)
SCANS = {
    "all": Scan(dataset=Dataset.INFERENCE),
    "newest first": Scan(dataset=Dataset.INFERENCE, newest_first=True),
    "limited": Scan(dataset=Dataset.INFERENCE, newest_first=True, limit=7, batch_size=3),
    "small batches": Scan(dataset=Dataset.INFERENCE, batch_size=17),
    "fields": Scan(dataset=Dataset.INFERENCE, fields=(schema.EVENT_ID, schema.MODEL_VERSION)),
    "a family": Scan(dataset=Dataset.INFERENCE, fields=(schema.EVENT_ID, schema.FEATURES_NUMERIC)),
    "a member": Scan(dataset=Dataset.INFERENCE, fields=(schema.member(schema.FEATURES_NUMERIC, "Temp"),)),
    "where": Scan(dataset=Dataset.INFERENCE, where=q.Matches(schema.MESSAGE, "jfk")),
    "window": Scan(dataset=Dataset.INFERENCE, window=Window(start=DAY, end=DAY + timedelta(hours=3))),
    "unknown keys": Scan(dataset=Dataset.OUTCOME),
    "findings": Scan(dataset=Dataset.FINDING),
    "metrics": Scan(dataset=Dataset.METRIC),
    "nothing": Scan(dataset=Dataset.APP),
}


def _without_ingested(documents):
    return [{key: value for key, value in it.items() if key != schema.EVENT_INGESTED} for it in documents]


@pytest.mark.parametrize("name", SCANS)
def test_scan(store, oracle, documents, name):
    """A scan gives the documents that plain Python gives, in the same order, in batches of the size asked."""
    batches = list(store.scan(SCANS[name]))
    assert all(0 < len(batch) <= SCANS[name].batch_size for batch in batches)
    got = [document for batch in batches for document in batch]
    assert _without_ingested(got) == oracle.scan(documents, SCANS[name])


def test_ingested_is_stamped_and_ascends(store, documents):
    """Every document says when it was stored, and batches follow each other."""
    scan = Scan(dataset=Dataset.INFERENCE, time=schema.EVENT_INGESTED, fields=(schema.EVENT_INGESTED,))
    moments = [document[schema.EVENT_INGESTED] for batch in store.scan(scan) for document in batch]
    assert len(moments) == sum(it[schema.EVENT_DATASET] == Dataset.INFERENCE for it in documents)
    assert moments == sorted(moments)


def test_members_are_what_the_documents_hold(store, indexed):
    """The names of a family are those that some document has."""
    for dataset in (Dataset.INFERENCE, Dataset.OUTCOME):
        for family in (schema.FEATURES_NUMERIC, schema.SEGMENT, schema.LABELS):
            held = {n for it in indexed if it[schema.EVENT_DATASET] == dataset for n in it.get(family, {})}
            assert store.members(dataset, family) == sorted(held)


def test_holdings_count_each_document_once(store, oracle, documents):
    """A row of the holdings tells how many documents there are and from when to when."""
    rows = {it.dataset: it for it in store.holdings()}
    for dataset in (*EVENTS, *RESULTS):
        found = oracle.scan(documents, Scan(dataset=dataset))
        assert (dataset in rows) == bool(found)
        if found:
            expected = (len(found), found[0][schema.TIMESTAMP], found[-1][schema.TIMESTAMP])
            assert (rows[dataset].count, rows[dataset].first, rows[dataset].last) == expected
            assert rows[dataset].bytes > 0


def test_events_written_again_are_duplicates(store, kept_events):
    """Every event that is written again is counted as a duplicate and not stored."""
    written = store.write([encode(document) for document in kept_events])
    assert (written.stored, written.duplicates) == (0, len(kept_events))


def test_blobs(store):
    """A blob is read as it was written last, and names are listed by their start."""
    store.write_blob("cursor/a", b"1")
    store.write_blob("cursor/a", b"\x00\xff")
    store.write_blob("cursor/a/b", b"")
    assert store.read_blob("cursor/a") == b"\x00\xff"
    assert store.read_blob("cursor/a/b") == b""
    assert store.read_blob("cursor/none") is None
    assert store.list_blobs("cursor/a") == ["cursor/a", "cursor/a/b"]
