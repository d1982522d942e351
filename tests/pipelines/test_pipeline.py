"""Lines go in from any thread; the receipt says what became of each, once it is durable."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from mlmon.core import schema
from mlmon.core.errors import InvalidEventError, StoreError, WireError
from mlmon.core.event import Event
from mlmon.core.query import Scan
from mlmon.core.schema import Dataset
from mlmon.pipelines import deadletter
from mlmon.pipelines.deadletter import DeadLetter, Folder, by_reason
from mlmon.pipelines.pipeline import BusyError, Pipeline, Receipt

TIMEOUT_S = 60


class StubDeadLetters:
    """Refuses to keep any letter."""

    def write(self, letters: Sequence[DeadLetter]) -> None:
        """Fail where there is one."""
        if letters:
            raise StoreError("The folder is gone.")


@pytest.fixture
def stubbed(writer, dead_folder) -> Iterator[Callable[..., Pipeline]]:
    """Give a function that starts a pipeline into the stub."""
    made: list[Pipeline] = []

    def start(**options) -> Pipeline:
        made.append(Pipeline(writer, Folder(dead_folder), **options))
        return made[-1]

    yield start
    writer.may_go.set()
    for pipeline in made:
        pipeline.close()


def done(receipt: Future[Receipt]) -> Receipt:
    """Wait for a receipt."""
    return receipt.result(TIMEOUT_S)


def test_a_receipt_counts_every_line_once(pipeline, line_of, stored_ids, dead_folder):
    """Stored, duplicates within and across submissions, and refused lines add up to what was received."""
    first = done(pipeline.submit([line_of(1), line_of(2), line_of(1), b"{"], "test"))
    second = done(pipeline.submit([line_of(2), line_of(3)], "test"))
    assert (first.received, first.stored, first.duplicates) == (4, 2, 1)
    assert [(each.index, each.reason) for each in first.refused] == [(3, "not_json")]
    assert (second.received, second.stored, second.duplicates, second.refused) == (2, 1, 1, ())
    assert stored_ids() == ["producer-1", "producer-2", "producer-3"]
    assert by_reason(dead_folder) == {"not_json": 1}


def test_counters_are_the_sums_of_the_receipts(pipeline, line_of):
    """What the page of counters says is what senders were told."""
    done(pipeline.submit([line_of(1), line_of(1), b"{", b"\xff"], "test"))
    found = pipeline.counters()
    assert (found.received, found.stored, found.duplicates) == (4, 1, 1)
    assert sum(found.dead_lettered.values()) == 2
    assert (found.failed, found.turned_away) == (0, 0)


def test_each_of_many_threads_gets_its_own_receipt(pipeline, line_of, stored_ids):
    """Eight threads that send at once, some lines twice, are each told the truth about their own."""

    def send(thread: int) -> list[Receipt]:
        return [
            done(
                pipeline.submit([line_of(thread * 1000 + n), line_of(thread * 1000 + n)], f"thread {thread}")
            )
            for n in range(40)
        ]

    with ThreadPoolExecutor(8) as threads:
        receipts = [each for found in threads.map(send, range(8)) for each in found]
    assert {(each.received, each.stored, each.duplicates) for each in receipts} == {(2, 1, 1)}
    assert len(stored_ids()) == 320
    assert pipeline.counters().stored == 320


def test_what_comes_while_a_write_is_under_way_is_written_together(stubbed, writer, line_of):
    """Small submissions share one durable write."""
    pipeline = stubbed()
    writer.may_go.clear()
    first = pipeline.submit([line_of(0)], "test")
    assert writer.entered.wait(TIMEOUT_S)
    rest = [pipeline.submit([line_of(n)], "test") for n in range(1, 2000)]
    writer.may_go.set()
    assert all(done(each).stored == 1 for each in [first, *rest])
    assert len(writer.batches[0]) == 1
    assert len(writer.batches) < 100
    written = writer.ids
    assert written == [f"producer-{n}" for n in range(2000)]


def test_no_more_is_taken_than_may_wait(stubbed, writer, line_of):
    """Beyond the bound a sender is told to come back, and once there is room it is taken."""
    pipeline = stubbed(most_bytes_waiting=len(line_of(1)) + 10)
    writer.may_go.clear()
    first = pipeline.submit([line_of(1)], "test")
    with pytest.raises(BusyError, match="wait to be written"):
        pipeline.submit([line_of(2)], "test")
    assert pipeline.counters().turned_away == 1
    writer.may_go.set()
    done(first)
    assert pipeline.counters().bytes_waiting == 0
    assert done(pipeline.submit([line_of(2)], "test")).stored == 1


def test_one_submission_above_the_bound_is_taken_when_nothing_waits(stubbed, line_of):
    """A bound smaller than one batch slows senders down and does not lock them out."""
    assert done(stubbed(most_bytes_waiting=1).submit([line_of(1)], "test")).stored == 1


def test_a_store_that_fails_counts_nothing_as_stored_and_the_thread_goes_on(stubbed, writer, line_of):
    """All who wait hear of the failure; the next submission is written."""
    pipeline = stubbed()
    writer.failures.append(StoreError("The disk is full."))
    with pytest.raises(StoreError, match="disk is full"):
        done(pipeline.submit([line_of(1), b"{"], "test"))
    failed = pipeline.counters()
    assert (failed.received, failed.stored, failed.failed) == (0, 0, 2)
    assert done(pipeline.submit([line_of(1)], "test")).stored == 1


def test_what_is_sent_again_while_the_store_fails_is_dead_lettered_once(
    stubbed, writer, dead_folder, line_of
):
    """A refused line has one letter, however often its batch had to be sent."""
    pipeline = stubbed()
    writer.failures += [StoreError("The disk is full."), StoreError("The disk is full.")]
    for _ in range(2):
        with pytest.raises(StoreError):
            done(pipeline.submit([line_of(1), b"{"], "test"))
    assert len(done(pipeline.submit([line_of(1), b"{"], "test")).refused) == 1
    assert by_reason(dead_folder) == {"not_json": 1}


def test_a_failure_that_nobody_foresaw_is_told_as_a_store_error(stubbed, writer, line_of):
    """The thread survives any exception of a store."""
    pipeline = stubbed()
    writer.failures.append(RuntimeError("a bug"))
    with pytest.raises(StoreError, match="a bug"):
        done(pipeline.submit([line_of(1)], "test"))
    assert done(pipeline.submit([line_of(1)], "test")).stored == 1


def test_a_validator_that_fails_does_not_stop_the_thread(writer, dead_folder, line_of):
    """A fault in checking is told to the sender, like one in writing."""
    faults = [RuntimeError("a bug")]

    def stub_validate(line: bytes, name: object) -> Event:
        if faults:
            raise faults.pop()
        raise InvalidEventError("not_json", "no")

    pipeline = Pipeline(writer, Folder(dead_folder), stub_validate)  # type: ignore[arg-type]
    with pytest.raises(StoreError, match="a bug"):
        done(pipeline.submit([b"x"], "test"))
    assert done(pipeline.submit([b"x"], "test")).refused[0].reason == "not_json"
    pipeline.close()


def test_a_letter_that_cannot_be_kept_fails_the_submission(writer, line_of):
    """A refused line is not acknowledged before it is kept; its neighbours, sent again, are known."""
    pipeline = Pipeline(writer, StubDeadLetters())
    with pytest.raises(StoreError, match="folder is gone"):
        done(pipeline.submit([line_of(1), b"{"], "test"))
    assert pipeline.counters().dead_lettered == {}
    assert done(pipeline.submit([line_of(1)], "test")).received == 1
    pipeline.close()


def test_whoever_stops_waiting_cannot_cancel_what_was_taken(stubbed, writer, line_of):
    """A receipt cannot be cancelled, and the thread outlives the attempt."""
    pipeline = stubbed()
    writer.may_go.clear()
    receipt = pipeline.submit([line_of(1)], "test")
    assert not receipt.cancel()
    writer.may_go.set()
    assert done(receipt).stored == 1


def test_close_writes_what_waits(stubbed, writer, line_of):
    """All that was taken before the close is durable after it; a second close does no harm."""
    pipeline = stubbed()
    writer.may_go.clear()
    receipts = [pipeline.submit([line_of(n)], "test") for n in range(30)]
    closing = threading.Thread(target=pipeline.close)
    closing.start()
    writer.may_go.set()
    closing.join(TIMEOUT_S)
    assert [each.result(0).stored for each in receipts] == [1] * 30
    pipeline.close()
    with pytest.raises(WireError, match="shutting down"):
        pipeline.submit([line_of(1)], "test")


def test_a_submission_of_a_namespace_stores_that_one_alone(pipeline, line_of, store, dead_folder):
    """Events of another namespace are refused and counted, kept nowhere, and cost no neighbour."""
    lines = [line_of(0), line_of(1, **{schema.NAMESPACE: "bank"}), line_of(2), b"{cut"]
    receipt = pipeline.submit(lines, "http 192.0.2.7:1", namespace="shop").result(TIMEOUT_S)
    assert (receipt.stored, receipt.wrong_namespace, receipt.dead_lettered) == (2, 1, 1)
    assert [(each.index, each.reason) for each in receipt.refused] == [
        (1, "wrong_namespace"),
        (3, "not_json"),
    ]
    assert pipeline.counters().wrong_namespace == 1
    assert sum(1 for _ in deadletter.read(dead_folder)) == 1
    fields = (schema.EVENT_ID, schema.NAMESPACE)
    rows = [row for batch in store.scan(Scan(dataset=Dataset.INFERENCE, fields=fields)) for row in batch]
    assert {row[schema.EVENT_ID]: row[schema.NAMESPACE] for row in rows} == {
        "producer-0": "shop",
        "producer-2": "shop",
    }


def test_a_dated_log_line_that_is_sent_again_is_stored_once(pipeline, stored_ids):
    """A sender that never saw its answer may send again, from another port, what has no id of its own."""
    lines = [b'{"time": "2013-03-01T10:00:00.123Z", "msg": "cold"}'] * 2
    first = pipeline.submit(lines, "beats 192.0.2.7:40001").result(TIMEOUT_S)
    again = pipeline.submit(lines, "beats 192.0.2.7:40002").result(TIMEOUT_S)
    assert (first.stored, again.stored, again.duplicates) == (2, 0, 2)
    assert len(stored_ids(Dataset.APP)) == 2


def test_what_the_store_refuses_is_a_dead_letter_and_the_rest_is_stored(
    stubbed, writer, line_of, dead_folder
):
    """An event that the store cannot keep is dead-lettered with the store's words, each in its submission."""
    writer.refuses = {"producer-2", "producer-3"}
    pipeline = stubbed()
    writer.may_go.clear()
    first = pipeline.submit([line_of(0)], "http:1")
    assert writer.entered.wait(TIMEOUT_S)
    both = [
        pipeline.submit([b"{", line_of(1), line_of(2)], "http:1"),
        pipeline.submit([line_of(3), line_of(4)], "http:2"),
    ]
    writer.may_go.set()
    assert done(first).stored == 1
    receipts = [done(receipt) for receipt in both]
    assert [receipt.stored for receipt in receipts] == [1, 1]
    assert [[(it.index, it.reason) for it in receipt.refused] for receipt in receipts] == [
        [(0, "not_json"), (2, "store_refused")],
        [(0, "store_refused")],
    ]
    letters = list(deadletter.read(dead_folder))
    assert {letter.record for letter in letters} == {b"{", line_of(2), line_of(3)}
    assert {letter.detail for letter in letters if letter.reason == "store_refused"} == {
        "producer-2 does not fit.",
        "producer-3 does not fit.",
    }
