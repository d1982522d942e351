"""A store in memory, as plain as can be, for tests of what analyzers ask and write."""

import itertools
import json
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TypeVar

import msgspec
import numpy as np
import pytest

from mlmon.core import event, query, schema
from mlmon.core.query import Answer, Query, Scan
from mlmon.core.result import dataset_of, to_document
from mlmon.core.schema import Dataset, Type
from mlmon.core.store import Holding, Written
from mlmon.core.window import floor

T = TypeVar("T")
EPOCH = datetime(2030, 1, 1, tzinfo=UTC)
DATES = [name for name, field in schema.FIELDS.items() if field.type is Type.DATE]


def value(document: dict, name: str):
    """The value of a field or of a member of a family."""
    if name in document:
        return document[name]
    family = schema.family_of(name)
    return None if family is None else (document.get(family[0].name) or {}).get(family[1])


def holds(document: dict, where) -> bool:  # noqa: PLR0911 - one line a filter
    """Whether a document passes a filter."""
    match where:
        case None:
            return True
        case query.Equals(field, wanted):
            return value(document, field) == wanted
        case query.OneOf(field, wanted):
            return value(document, field) in set(wanted)
        case query.Between(field=field, start=start, end=end):
            found = value(document, field)
            return found is not None and (start is None or found >= start) and (end is None or found < end)
        case query.Exists(field):
            return value(document, field) is not None
        case query.Not(inner):
            return not holds(document, inner)
        case query.AllOf(of):
            return all(holds(document, part) for part in of)
        case query.AnyOf(of):
            return any(holds(document, part) for part in of)
    raise NotImplementedError(where)


def key_of(document: dict, key):
    """The group a document is in."""
    found = value(document, key.field)
    if found is None:
        return None
    if isinstance(key, query.TimeBucket):
        return floor(found, key.every)
    if isinstance(key, query.NumberBucket):
        return found // key.width * key.width
    return found


def measured(documents: list[dict], measure):  # noqa: C901, PLR0911 - one line a measure
    """The answer of one measure over documents."""
    where = getattr(measure, "where", None)
    documents = [document for document in documents if where is None or holds(document, where)]
    if isinstance(measure, query.Count):
        return len(documents)
    found = [x for document in documents if (x := value(document, measure.field)) is not None]
    match measure:
        case query.Sum():
            return math.fsum(found)
        case query.SumSquares():
            return math.fsum(x * x for x in found) if found else None
        case query.Histogram(edges=edges):
            places = np.searchsorted(edges, found, side="right")
            return np.bincount(places, minlength=len(edges) + 1).tolist()
        case query.Distinct():
            return len(set(found))
        case query.TopTerms(size=size):
            return sorted(Counter(found).items(), key=lambda item: (-item[1], item[0]))[:size]
    if not found:
        return None
    match measure:
        case query.Mean():
            return math.fsum(found) / len(found)
        case query.StdDev():
            return float(np.std(found))
        case query.Min():
            return min(found)
        case query.Max():
            return max(found)
        case query.Quantiles(probabilities=probabilities):
            return np.quantile(found, probabilities).tolist()
    raise NotImplementedError(measure)


def _narrowed(document: dict, fields: tuple[str, ...] | None) -> dict:
    """The fields asked for; a family is an object, of the members asked for."""
    if fields is None:
        return dict(document)
    told = {name: x for name, x in document.items() if name in fields}
    for name in fields:
        family = schema.family_of(name)
        if family is not None and family[0].name not in fields and value(document, name) is not None:
            told.setdefault(family[0].name, {})[family[1]] = value(document, name)
    return told


class MemoryStore:
    """Documents in lists. It stamps a later moment on each batch, as every store does."""

    url = "memory"

    def __init__(self) -> None:
        self.documents: dict[Dataset, dict[str, dict]] = defaultdict(dict)
        self.blobs: dict[str, bytes] = {}
        self.settling = timedelta(0)
        self.stamps = (EPOCH + timedelta(seconds=n) for n in itertools.count())

    def write(self, events: Sequence[event.Event]) -> Written:
        """Append events that are not there yet."""
        stamp, stored = next(self.stamps), 0
        for one in events:
            event.parse(one.body)
            known = self.documents[one.dataset]
            if one.id not in known:
                known[one.id] = self._typed(json.loads(one.body)) | {schema.EVENT_INGESTED: stamp}
                stored += 1
        return Written(stored=stored, duplicates=len(events) - stored)

    def put(self, results) -> None:
        """Store results; the last of one identity wins."""
        stamp = next(self.stamps)
        for result in results:
            document = self._typed(json.loads(msgspec.json.encode(to_document(result))))
            self.documents[dataset_of(result)][document[schema.EVENT_ID]] = document | {
                schema.EVENT_INGESTED: stamp
            }

    def _typed(self, document: dict) -> dict:
        dates = {name: datetime.fromisoformat(document[name]) for name in DATES if document.get(name)}
        return {name: found for name, found in (document | dates).items() if found is not None}

    def _within(self, question: Query | Scan) -> list[dict]:
        query.check(question)
        return [
            document
            for document in self.documents[question.dataset].values()
            if (question.window is None or document[question.time] in question.window)
            and holds(document, question.where)
        ]

    def query(self, question: Query) -> Answer:
        """Answer as the rules of the query language say."""
        groups: dict[tuple, list[dict]] = defaultdict(list)
        if not question.by:
            groups[()] = []
        for document in self._within(question):
            groups[tuple(key_of(document, key) for key in question.by.values())].append(document)
        ranked = sorted(
            groups, key=lambda keys: [(key is None, key if key is not None else 0) for key in keys]
        )
        rows = [
            dict(zip(question.by, keys, strict=True))
            | {name: measured(groups[keys], measure) for name, measure in question.measures.items()}
            for keys in ranked
        ]
        return Answer(rows=rows)

    def scan(self, scan: Scan) -> Iterator[list[dict]]:
        """Documents in batches, in order."""
        found = sorted(
            self._within(scan), key=lambda document: (document[scan.time], document[schema.EVENT_ID])
        )
        for start in range(0, len(found), scan.batch_size):
            yield [_narrowed(document, scan.fields) for document in found[start : start + scan.batch_size]]

    def members(self, dataset: Dataset, family: str) -> list[str]:
        """The members of a family that were seen."""
        return sorted({name for doc in self.documents[dataset].values() for name in doc.get(family) or ()})

    def holdings(self) -> list[Holding]:
        """Not asked by analyzers."""
        raise NotImplementedError

    def read_blob(self, name: str) -> bytes | None:
        """A named value."""
        return self.blobs.get(name)

    def write_blob(self, name: str, blob: bytes) -> None:
        """Set a named value."""
        self.blobs[name] = blob

    def list_blobs(self, prefix: str) -> list[str]:
        """Names with a prefix."""
        return sorted(name for name in self.blobs if name.startswith(prefix))

    def close(self) -> None:
        """Nothing to free."""


class Service:
    """A model's service: makes the events that a test needs."""

    def __init__(self, model: str = "m") -> None:
        self.model = model
        self.sequence = itertools.count()

    def _event(self, dataset: Dataset, moment: datetime, fields: dict) -> event.Event:
        return event.encode(
            {
                schema.TIMESTAMP: moment,
                schema.LOG_LEVEL: "info",
                schema.EVENT_ID: f"{self.model}-{dataset}-{next(self.sequence)}",
                schema.EVENT_DATASET: str(dataset),
                schema.MODEL_NAME: self.model,
            }
            | fields
        )

    def inference(self, inference_id: str, moment: datetime, **fields) -> event.Event:
        """An inference; keywords are names of schema constants."""
        known = {schema.INFERENCE_ID: inference_id, schema.EVENT_OUTCOME: "success"}
        return self._event(Dataset.INFERENCE, moment, known | _named(fields))

    def outcome(self, inference_id: str, moment: datetime, **fields) -> event.Event:
        """An outcome; keywords are names of schema constants."""
        known = {schema.INFERENCE_ID: inference_id, schema.OUTCOME_OBSERVED_AT: moment}
        return self._event(Dataset.OUTCOME, moment, known | _named(fields))


def _named(fields: dict) -> dict:
    return {getattr(schema, name): x for name, x in fields.items()}


@pytest.fixture(scope="session")
def sure() -> Callable[[T | None], T]:
    """Give a function that gives what was found, and fails where nothing was."""

    def found(value: T | None) -> T:
        assert value is not None
        return value

    return found


@pytest.fixture
def new_store() -> Callable[[], MemoryStore]:
    """Give a function that makes an empty store."""
    return MemoryStore


@pytest.fixture
def store() -> MemoryStore:
    """Give an empty store."""
    return MemoryStore()


@pytest.fixture
def service() -> Service:
    """Give a maker of events of the model `m`."""
    return Service()


@pytest.fixture
def results() -> Callable[[MemoryStore], SimpleNamespace]:
    """Give a function that reads a store's metrics and findings."""
    from mlmon.core.result import from_document

    def read(store: MemoryStore) -> SimpleNamespace:
        return SimpleNamespace(
            metrics=[from_document(document) for document in store.documents[Dataset.METRIC].values()],
            findings=[from_document(document) for document in store.documents[Dataset.FINDING].values()],
        )

    return read
