"""See in a test what a service would have logged.

    def test_a_late_flight_is_logged():
        with capture() as events:
            service.serve(flight)
        assert events.inferences[0]["mlmon.prediction.label"] == "late"

As a fixture of pytest:

    @pytest.fixture
    def events():
        with capture() as events:
            yield events
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import overload

from mlmon.core import event, schema
from mlmon.core.event import Document
from mlmon.core.schema import Dataset
from mlmon.logging_sdk.outlet import diverted
from mlmon.logging_sdk.transport import Receipt


class Captured(Sequence[Document]):
    """Events as flat documents, in the order they were logged; each was checked against the schema."""

    def __init__(self) -> None:
        self._documents: list[Document] = []

    def append(self, record: bytes, level: int) -> None:  # noqa: ARG002 - what a spool takes
        """Check and keep one event.

        Raises:
            InvalidEventError: the record is no event; that would be a fault of the SDK.

        """
        self._documents.append(event.decode(event.parse(record)))

    def extend(self, records: Sequence[bytes], level: int) -> None:
        """Check and keep several events, as `append` does."""
        for record in records:
            self.append(record, level)

    @overload
    def __getitem__(self, index: int) -> Document: ...

    @overload
    def __getitem__(self, index: slice) -> list[Document]: ...

    def __getitem__(self, index: int | slice) -> Document | list[Document]:
        return self._documents[index]

    def __len__(self) -> int:
        return len(self._documents)

    @property
    def inferences(self) -> list[Document]:
        """The inferences, one document a row."""
        return self.of(Dataset.INFERENCE)

    @property
    def outcomes(self) -> list[Document]:
        """The outcomes, corrections and retractions among them."""
        return self.of(Dataset.OUTCOME)

    @property
    def lines(self) -> list[Document]:
        """The ordinary leveled lines."""
        return self.of(Dataset.APP)

    def of(self, dataset: Dataset) -> list[Document]:
        """The events of one dataset."""
        return [document for document in self if document[schema.EVENT_DATASET] == dataset]

    def only(self, dataset: Dataset = Dataset.INFERENCE) -> Document:
        """The one event of a dataset.

        Raises:
            AssertionError: there is none or several; the message shows them.

        """
        found = self.of(dataset)
        if len(found) != 1:
            raise AssertionError(f"expected one {dataset} event, found {len(found)}: {found}")
        return found[0]


@contextmanager
def capture() -> Iterator[Captured]:
    """Take the events of every ModelLogger of this process, made before or within the block; none is shipped.

    Events are there at once; nothing needs to be flushed.
    """
    captured = Captured()
    with diverted(captured):
        yield captured


class CapturingTransport:
    """Keeps what is shipped to it, for tests of the way there; pass it as `ship=`, flush, then read."""

    is_acknowledged = True

    def __init__(self) -> None:
        self.events = Captured()

    def send(self, records: Sequence[bytes]) -> Receipt:
        """Check and keep a batch.

        Raises:
            InvalidEventError: a record is no event; that would be a fault of the SDK.

        """
        self.events.extend(records, 0)
        return Receipt()

    def close(self) -> None:
        """Keep what was captured."""
