"""Lines to send, a pipeline over an embedded store that closes behind the test, and a stub of a store."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mlmon.core import schema
from mlmon.core.clock import isoformat
from mlmon.core.event import Event
from mlmon.core.query import Scan
from mlmon.core.schema import Dataset
from mlmon.core.store import Refused, Written
from mlmon.pipelines import deadletter
from mlmon.pipelines.pipeline import Pipeline
from mlmon.stores.embedded import open_store
from mlmon.stores.embedded.store import EmbeddedStore

TIMEOUT_S = 60


class StubWriter:
    """Injects what a store may do: wait until it is let go, fail as often as it is told, refuse some events.

    It is let go from the first; who wants it to wait clears `may_go`.
    """

    def __init__(self) -> None:
        self.failures: list[Exception] = []
        self.batches: list[list[Event]] = []
        self.refuses: set[str] = set()
        self.entered = threading.Event()
        self.may_go = threading.Event()
        self.may_go.set()

    @property
    def ids(self) -> list[str]:
        """The ids of all that was taken."""
        return [event.id for batch in self.batches for event in batch]

    def write(self, events: Sequence[Event]) -> Written:
        """Take a batch."""
        self.entered.set()
        assert self.may_go.wait(TIMEOUT_S)
        if self.failures:
            raise self.failures.pop(0)
        self.batches.append(list(events))
        refused = tuple(
            Refused(place=place, reason="store_refused", detail=f"{event.id} does not fit.")
            for place, event in enumerate(events)
            if event.id in self.refuses
        )
        return Written(stored=len(events) - len(refused), duplicates=0, refused=refused)


@pytest.fixture
def writer() -> StubWriter:
    """Give a stub of a store."""
    return StubWriter()


@pytest.fixture(scope="session")
def line_of() -> Callable[..., bytes]:
    """Give a function of a number and more fields, which makes the inference of that number as a line."""

    def line(number: int, **more: Any) -> bytes:
        return msgspec.json.encode(
            {
                schema.TIMESTAMP: isoformat(datetime(2013, 3, 1, tzinfo=UTC) + timedelta(seconds=number)),
                schema.LOG_LEVEL: "info",
                schema.EVENT_ID: f"producer-{number}",
                schema.EVENT_DATASET: str(Dataset.INFERENCE),
                schema.EVENT_OUTCOME: "success",
                schema.MODEL_NAME: "flights",
                schema.INFERENCE_ID: f"i{number}",
                schema.FEATURES_NUMERIC: {"temp": number / 2},
            }
            | more
        )

    return line


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    """Give an empty embedded store."""
    with closing(open_store(tmp_path / "store")) as opened:
        yield opened


@pytest.fixture
def dead_folder(tmp_path: Path) -> Path:
    """Give the folder of the dead letters, which is made with the first."""
    return tmp_path / deadletter.FOLDER


@pytest.fixture
def pipeline(store: EmbeddedStore, dead_folder: Path) -> Iterator[Pipeline]:
    """Give a running pipeline into the store."""
    made = Pipeline(store, deadletter.Folder(dead_folder))
    yield made
    made.close()


@pytest.fixture
def stored_ids(store: EmbeddedStore) -> Callable[..., list[str]]:
    """Give a function of a dataset, which reads back the ids that the store has of it."""

    def read(dataset: Dataset = Dataset.INFERENCE) -> list[str]:
        scan = Scan(dataset=dataset, fields=(schema.EVENT_ID,))
        return sorted(row[schema.EVENT_ID] for batch in store.scan(scan) for row in batch)

    return read
