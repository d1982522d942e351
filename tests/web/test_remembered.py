from collections.abc import Iterator
from datetime import timedelta

import pytest

from mlmon.core import schema
from mlmon.core.event import Document
from mlmon.core.query import Answer, Count, Max, Query, Scan, Terms
from mlmon.core.schema import Dataset
from mlmon.core.store import Reader, Versioned
from mlmon.stores.embedded import open_store
from mlmon.web.remembered import Remembered

QUESTION = Query(dataset=Dataset.INFERENCE, by={"model": Terms(schema.MODEL_NAME)}, measures={"n": Count()})


class Unversioned:
    """A reader that counts what it is asked."""

    def __init__(self, store: Reader) -> None:
        """Wrap a store; what is not counted is the store's own."""
        self.store = store
        self.count = 0
        self.url, self.settling, self.close = store.url, store.settling, store.close
        self.members, self.holdings = store.members, store.holdings
        self.read_blob, self.list_blobs = store.read_blob, store.list_blobs

    def query(self, query: Query) -> Answer:
        """Count a question and pass it on."""
        self.count += 1
        return self.store.query(query)

    def scan(self, scan: Scan) -> Iterator[list[Document]]:
        """Count a scan and pass it on."""
        self.count += 1
        return self.store.scan(scan)


class Counting(Unversioned):
    """The same of a store that says its version."""

    def version(self, dataset: Dataset) -> str:
        """Say the store's version."""
        assert isinstance(self.store, Versioned)
        return self.store.version(dataset)


@pytest.fixture
def store(tmp_path):
    """Give a store to write to."""
    opened = open_store(tmp_path / "store")
    yield opened
    opened.close()


def served(example, place: int):
    """Give the event of an inference."""
    document = example._base("m", Dataset.INFERENCE, place, example.NOW - timedelta(hours=1))
    return example.to_event(document | {schema.INFERENCE_ID: f"i{place}"})


def test_a_question_is_asked_once_until_something_is_stored(store, example):
    """The same answer comes from memory, and a new event is counted in the next one."""
    counting = Counting(store)
    remembered = Remembered(counting)
    for place in range(3):
        store.write([served(example, place)])
        assert [remembered.query(QUESTION).rows for _ in range(4)] == [[{"model": "m", "n": place + 1}]] * 4
        assert counting.count == place + 1


def test_another_process_sees_what_was_stored(store, example):
    """A reader of the same folder that remembers notices what another one writes and rolls."""
    reader = open_store(store.url, read_only=True)
    remembered = Remembered(reader)
    for place in range(4):
        store.write([served(example, place)])
        if place % 2:
            store.compact()
        assert remembered.query(QUESTION).rows[0]["n"] == place + 1
    reader.close()


def test_what_is_stored_of_results_leaves_the_answers_over_events(store, example):
    """Metrics written again cost the questions over inferences nothing."""
    counting = Counting(store)
    remembered = Remembered(counting)
    store.write([served(example, 0)])
    remembered.query(QUESTION)
    store.put(list(example.results(example.BAGS, example.random.Random(1)))[:10])
    remembered.query(QUESTION)
    assert counting.count == 1


def test_questions_that_differ_are_told_apart(store, example):
    """Two questions that differ in one measure have two answers."""
    remembered = Remembered(store)
    store.write([served(example, 0)])
    other = Query(dataset=Dataset.INFERENCE, measures={"last": Max(schema.TIMESTAMP)})
    assert set(remembered.query(QUESTION).rows[0]) == {"model", "n"}
    assert set(remembered.query(other).rows[0]) == {"last"}


def test_scans_with_a_limit_are_remembered_and_others_are_not(store, example):
    """A page of lines is read once; a scan over all is never held."""
    counting = Counting(store)
    remembered = Remembered(counting)
    store.write([served(example, place) for place in range(3)])
    for limit, asked in ((2, 1), (None, 3)):
        scan = Scan(dataset=Dataset.INFERENCE, limit=limit)
        found = [[one for batch in remembered.scan(scan) for one in batch] for _ in range(2)]
        assert [len(documents) for documents in found] == [limit or 3] * 2
        assert counting.count == asked


def test_memory_is_bounded(store, example):
    """Of many answers those that were used last are kept."""
    counting = Counting(store)
    remembered = Remembered(counting, most_rows=6)
    store.write([served(example, 0)])
    several = [Query(dataset=Dataset.INFERENCE, measures={f"n{place}": Count()}) for place in range(10)]
    for question in several:
        remembered.query(question)
    assert remembered._rows <= 6
    remembered.query(several[-1])
    assert counting.count == 10
    remembered.query(several[0])
    assert counting.count == 11


def test_nothing_is_remembered_of_a_store_without_versions(store, example):
    """A store that cannot say whether it changed is asked each time."""
    counting = Unversioned(store)
    remembered = Remembered(counting)
    store.write([served(example, 0)])
    for _ in range(3):
        remembered.query(QUESTION)
    assert counting.count == 3
