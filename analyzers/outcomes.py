"""The join: outcomes meet their inferences, whenever and however often they come.

The state of an inference is its outcome of the highest revision; a retraction beats a label of the same
revision. Every outcome is applied to that state, and what changes is appended: the old evaluation withdrawn,
the new one added, a mark for a retraction. Ids are made from the inference, the revision and the sign, so
that running again, after a crash too, writes nothing new, and the order and the batches in which outcomes
come leave no trace in the sums.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from mlmon.analyzers import cursor as cursors
from mlmon.analyzers import pending as orphanage
from mlmon.analyzers.cursor import Cursor, News
from mlmon.analyzers.evaluation import (
    FROM_INFERENCE,
    FROM_OUTCOME,
    evaluate,
    revision_of,
    to_event,
    tombstone,
    withdrawn,
)
from mlmon.analyzers.models import Model
from mlmon.analyzers.pending import Key, Pending, Tally
from mlmon.core import schema
from mlmon.core.errors import StoreError
from mlmon.core.event import Document
from mlmon.core.query import AllOf, Count, Equals, Not, OneOf, Query, Scan
from mlmon.core.schema import Dataset
from mlmon.core.store import Reader, Store
from mlmon.core.window import Window

BATCH: Final = 10_000
NAME: Final = "outcomes"
_NEAR: Final = timedelta(days=7)
_SLACK: Final = timedelta(hours=1)
_INFERENCE_FIELDS: Final = (*FROM_INFERENCE, schema.SAMPLE_WEIGHT)
_OUTCOME_FIELDS: Final = (
    *FROM_OUTCOME, schema.TIMESTAMP, schema.MODEL_NAME, schema.INFERENCE_ID, schema.OUTCOME_REVISION,
    schema.OUTCOME_RETRACTED, schema.EVENT_INGESTED,
)  # fmt: skip

Rank = tuple[int, bool]
Progress = Callable[[str, int, int], None]
"""Told (stage, done, total) from the thread that works."""


class Known(Struct, kw_only=True):
    """Which inferences may have an evaluation, so that a first join looks for none.

    `before` says whether there were any when the run began; `written` has the hashes of what this run wrote.
    """

    before: bool
    written: set[int]

    def may_have(self, key: Key) -> bool:
        """Whether to look for evaluations of an inference."""
        return self.before or hash(key) in self.written


class State(Struct):
    """What is stored of one inference: evaluations by revision, those withdrawn, and the highest rank."""

    added: dict[int, Document]
    withdrawn: set[int]
    ranks: set[Rank]


def join(
    store: Store,
    models: Mapping[str, Model],
    *,
    now: datetime,
    orphan_wait: timedelta,
    progress: Progress | None = None,
    batch: int = BATCH,
) -> Tally:
    """Join every outcome that came since the last time, and those whose inference has come since.

    Returns what became of the outcomes of this run. `now` decides which orphans have waited too long.

    Raises:
        StoreError: the store failed; running again goes on where this stopped.

    """
    waiting = orphanage.load(store)
    # Asked before any lookup: what an orphan was looked for in, it need not be looked for in again.
    served = cursors.news(store, Dataset.INFERENCE, waiting.cursor)
    tally = Tally()
    known = Known(before=_has_evaluations(store), written=set())
    fresh = cursors.news(store, Dataset.OUTCOME, cursors.load(store, NAME))
    if fresh is not None:
        _new_outcomes(store, models, fresh, waiting, tally, known, now=now, progress=progress, batch=batch)
    if served is not None:
        _old_orphans(store, models, served, waiting, tally, known, batch=batch)
        waiting.cursor = served.cursor
    tally.expired += orphanage.expire(waiting, before=now - orphan_wait)
    if fresh is not None or served is not None or tally.expired:
        orphanage.save(store, waiting, tally)
    if fresh is not None:
        cursors.save(store, NAME, fresh.cursor)
    tally.pending = len(waiting.orphans)
    return tally


def _new_outcomes(  # noqa: PLR0913 - the state of one run
    store: Store,
    models: Mapping[str, Model],
    fresh: News,
    waiting: Pending,
    tally: Tally,
    known: Known,
    *,
    now: datetime,
    progress: Progress | None,
    batch: int,
) -> None:
    scan = Scan(
        dataset=Dataset.OUTCOME,
        window=fresh.window,
        time=schema.EVENT_INGESTED,
        fields=_OUTCOME_FIELDS,
        batch_size=batch,
    )
    done = 0
    for outcomes in store.scan(scan):
        met = _settle(store, models, outcomes, tally, known, near=_near(outcomes))
        lost = [outcome for outcome in outcomes if _key(outcome) not in met]
        for outcome in lost:
            orphanage.keep(waiting, _key(outcome), outcome, now, tally)
        if lost:
            orphanage.save(store, waiting, Tally())
        # The last moment may go on in the next batch, so it is read again if this is where a run breaks off.
        cursors.save(store, NAME, Cursor(mark=outcomes[-1][schema.EVENT_INGESTED], count=-1))
        done += len(outcomes)
        if progress is not None:
            progress("join", done, fresh.count)


def _old_orphans(
    store: Store,
    models: Mapping[str, Model],
    served: News,
    waiting: Pending,
    tally: Tally,
    known: Known,
    *,
    batch: int,
) -> None:
    """Look for the inferences of orphans among those stored since the last time."""
    orphans = list(waiting.orphans.values())
    for start in range(0, len(orphans), batch):
        outcomes = [orphan.outcome for orphan in orphans[start : start + batch]]
        met = _settle(store, models, outcomes, tally, known, ingested=served.window)
        tally.adopted += len(met)
        for key in met:
            orphanage.release(waiting, key)


def _settle(
    store: Store,
    models: Mapping[str, Model],
    outcomes: list[Document],
    tally: Tally,
    known: Known,
    *,
    near: Window | None = None,
    ingested: Window | None = None,
) -> set[Key]:
    """Apply outcomes to the inferences that are there; returns those inferences."""
    keys = [_key(outcome) for outcome in outcomes]
    inferences = _inferences(store, set(keys), near=near, ingested=ingested)
    states = _states(store, {key: found for key, found in inferences.items() if known.may_have(key)})
    documents: list[Document] = [document for state in states.values() for document in _mended(state)]
    for key, outcome in zip(keys, outcomes, strict=True):
        inference = inferences.get(key)
        if inference is None:
            continue
        state = states.get(key)
        if state is None:
            state = states[key] = State({}, set(), set())
        known.written.add(hash(key))
        documents += _applied(state, inference, outcome, models.get(key[0]), tally)
    if documents:
        _write(store, documents)
    return set(inferences)


def _write(store: Store, documents: list[Document]) -> None:
    refused = store.write([to_event(document) for document in documents]).refused
    if refused:
        name = documents[refused[0].place][schema.EVENT_ID]
        raise StoreError(
            f"The store refused {len(refused)} evaluations, the first of them {name}: {refused[0].detail}. "
            "Mend the cause; the next pass writes them."
        )


def _applied(
    state: State, inference: Document, outcome: Document, model: Model | None, tally: Tally
) -> list[Document]:
    """Change the state by an outcome; returns what to append."""
    rank = rank_of(outcome)
    if rank in state.ranks:
        tally.duplicates += 1
        return []
    top = max(state.ranks, default=None)
    if top is not None and rank < top:
        tally.superseded += 1
        return []
    documents = [] if top is None else _withdrawals(state)
    state.ranks.add(rank)
    if rank[1]:
        tally.retracted += 1
        return [*documents, tombstone(inference, outcome)]
    task = inference.get(schema.TASK) or (model.task if model else "")
    added = evaluate(inference, outcome, task, model.positive_label if model else None)
    state.added[rank[0]] = added
    if top is None:
        tally.joined += 1
    else:
        tally.corrected += 1
    return [*documents, added]


def _has_evaluations(reader: Reader) -> bool:
    answer = reader.query(Query(dataset=Dataset.EVALUATION, measures={"n": Count()}))
    return bool(answer.rows[0]["n"])


def _withdrawals(state: State) -> list[Document]:
    """Withdraw every evaluation that still counts."""
    standing = state.added.keys() - state.withdrawn
    state.withdrawn |= standing
    return [withdrawn(state.added[revision]) for revision in sorted(standing)]


def _mended(state: State) -> list[Document]:
    """What a writer that broke off left out: evaluations below the highest rank that still count."""
    top = max(state.ranks)
    lower = {revision for revision in state.added.keys() - state.withdrawn if (revision, False) < top}
    state.withdrawn |= lower
    return [withdrawn(state.added[revision]) for revision in sorted(lower)]


def rank_of(outcome: Document) -> Rank:
    """What wins: the higher revision, and at the same one a retraction."""
    return revision_of(outcome), bool(outcome.get(schema.OUTCOME_RETRACTED))


def _key(document: Document) -> Key:
    return document[schema.MODEL_NAME], document[schema.INFERENCE_ID]


def _near(outcomes: Iterable[Document]) -> Window:
    """Where the inferences of most outcomes are, so that most of a large store need not be looked at."""
    moments = [outcome.get(schema.OUTCOME_OBSERVED_AT) or outcome[schema.TIMESTAMP] for outcome in outcomes]
    return Window(start=min(moments) - _NEAR, end=max(moments) + _SLACK)


def _inferences(
    reader: Reader, wanted: set[Key], *, near: Window | None, ingested: Window | None
) -> dict[Key, Document]:
    """The inferences that made a prediction, the first of each id."""
    if ingested is not None:
        return dict(_found(reader, wanted, ingested, schema.EVENT_INGESTED))
    found = dict(_found(reader, wanted, near, schema.TIMESTAMP))
    if missing := wanted - found.keys():
        found |= _found(reader, missing, None, schema.TIMESTAMP)
    return found


def _found(reader: Reader, wanted: set[Key], window: Window | None, time: str) -> dict[Key, Document]:
    scan = Scan(
        dataset=Dataset.INFERENCE,
        window=window,
        time=time,
        where=AllOf((_with_ids(wanted), Not(Equals(schema.EVENT_OUTCOME, "failure")))),
        fields=_INFERENCE_FIELDS,
        batch_size=BATCH,
    )
    found: dict[Key, Document] = {}
    for document in _documents(reader, scan):
        key = _key(document)
        if key in wanted:
            found.setdefault(key, document)
    return found


def _states(reader: Reader, inferences: Mapping[Key, Document]) -> dict[Key, State]:
    """What is stored of the inferences that have an evaluation already."""
    if not inferences:
        return {}
    moments = [inference[schema.TIMESTAMP] for inference in inferences.values()]
    scan = Scan(
        dataset=Dataset.EVALUATION,
        window=Window(start=min(moments), end=max(moments) + cursors.RESOLUTION),
        where=_with_ids(inferences),
        batch_size=BATCH,
    )
    states: dict[Key, State] = {}
    for document in _documents(reader, scan):
        key = _key(document)
        if key in inferences:
            _remember(states.setdefault(key, State({}, set(), set())), document)
    return states


def _remember(state: State, evaluation: Document) -> None:
    revision, weight = revision_of(evaluation), evaluation[schema.EVALUATION_WEIGHT]
    state.ranks.add((revision, weight == 0.0))
    if weight > 0.0:
        state.added[revision] = evaluation
    elif weight < 0.0:
        state.withdrawn.add(revision)


def _with_ids(keys: Iterable[Key]) -> OneOf:
    return OneOf(schema.INFERENCE_ID, tuple(sorted({inference for _, inference in keys})))


def _documents(reader: Reader, scan: Scan) -> Iterator[Document]:
    for documents in reader.scan(scan):
        yield from documents
