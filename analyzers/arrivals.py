"""What arrived of every producer in a stretch of time, asked of the store as counts.

A producer counts its events, and they are stored in the order it sent them, so the first, the last and the
count of a stretch say which numbers arrived. Only where these do not agree the numbers themselves are read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

from msgspec import Struct

from mlmon.analyzers.ledger import Arrival, Said
from mlmon.core import health, schema
from mlmon.core.health import Part
from mlmon.core.query import (
    AllOf,
    AnyOf,
    Between,
    Count,
    Equals,
    Exists,
    Filter,
    Key,
    Max,
    Measure,
    Min,
    NumberBucket,
    OneOf,
    Query,
    Row,
    Scan,
    Terms,
)  # fmt: skip
from mlmon.core.schema import LOGGED, Dataset
from mlmon.core.sequences import Runs, count, runs, union, within, without
from mlmon.core.store import Reader
from mlmon.core.window import Window

WIDTH: Final = 4096
"""Numbers are asked for by so many at once: a full bucket needs no reading, another one is read."""

_AT_ONCE: Final = 200
"""Producers, or buckets, that one filter names."""

T = TypeVar("T")

_COUNTERS: Final = (health.EMITTED, health.SAMPLED_OUT, health.DUPLICATES)
_NAMES: Final = {"model": schema.MODEL_NAME, "service": schema.SERVICE_NAME, "host": schema.HOST_NAME}


class News(Struct, frozen=True, kw_only=True):
    """What arrived by producer, and how many lines of other tools, which have no number."""

    arrivals: dict[str, Arrival]
    unnumbered: int


def arrivals(reader: Reader, window: Window, explained: Mapping[str, Runs] | None = None) -> News:
    """What was stored in a window of `event.ingested`.

    `explained` has numbers by producer that are known not to be stored, such as dead letters: where they fill
    what is missing between the first and the last number, nothing more need be asked.
    """
    rows = [row for dataset in LOGGED for row in reader.query(_counted(dataset, window))]
    unnumbered = 0
    parts: dict[str, Row] = {}
    for row in rows:
        has_number = row["producer"] is not None and row["numbered"]
        unnumbered += row["n"] - (row["numbered"] if has_number else 0)
        if has_number:
            known = parts.get(row["producer"])
            parts[row["producer"]] = row if known is None else _together(known, row)
    plain = {name: _plain(part, (explained or {}).get(name, ())) for name, part in parts.items()}
    numbers = exact(reader, window, [name for name, found in plain.items() if found is None])
    made = {name: _arrival(part, plain[name] or numbers[name]) for name, part in parts.items()}
    return News(arrivals=made, unnumbered=unnumbered)


def _counted(dataset: Dataset, window: Window) -> Query:
    return Query(
        dataset=dataset,
        window=window,
        time=schema.EVENT_INGESTED,
        by=_by_producer(),
        measures={
            "n": Count(),
            "numbered": Count(where=Exists(schema.EVENT_SEQUENCE)),
            "low": Min(schema.EVENT_SEQUENCE),
            "high": Max(schema.EVENT_SEQUENCE),
            **_moments(),
        },
    )


def _by_producer() -> dict[str, Key]:
    return {"producer": Terms(schema.PRODUCER_ID), **{name: Terms(field) for name, field in _NAMES.items()}}


def _moments() -> dict[str, Measure]:
    return {
        "first": Min(schema.TIMESTAMP),
        "last": Max(schema.TIMESTAMP),
        "heard": Max(schema.EVENT_INGESTED),
    }


def _together(left: Row, right: Row) -> Row:
    """Two rows of one producer as one."""
    made = {name: left[name] or right[name] for name in _NAMES}
    made |= {name: min(left[name], right[name]) for name in ("low", "first")}
    made |= {name: max(left[name], right[name]) for name in ("high", "last", "heard")}
    return made | {"numbered": left["numbered"] + right["numbered"]}


def _plain(part: Row, explained: Runs) -> Runs | None:
    """The numbers where first, last and count tell them; else None."""
    whole: Runs = ((part["low"], part["high"]),)
    missing = count(whole) - part["numbered"]
    inside = within(explained, part["low"], part["high"] + 1) if missing else ()
    return without(whole, inside) if missing == count(inside) else None


def _arrival(part: Row, numbers: Runs) -> Arrival:
    names = {name: part[name] or "" for name in _NAMES}
    return Arrival(numbers=numbers, first=part["first"], last=part["last"], heard=part["heard"], **names)


def exact(reader: Reader, window: Window | None, producers: Sequence[str]) -> dict[str, Runs]:
    """The very numbers that are stored of some producers.

    Full buckets are told by their count; of the others the events are read, one field of each.
    """
    found: dict[str, Runs] = {}
    for names in _some(producers):
        found |= _exact(reader, window, names)
    return found


def _exact(reader: Reader, window: Window | None, producers: Sequence[str]) -> dict[str, Runs]:
    counts: defaultdict[tuple[str, int], int] = defaultdict(int)
    for dataset in LOGGED:
        for row in reader.query(_bucketed(dataset, window, producers)):
            if row["bucket"] is not None:
                counts[row["producer"], int(row["bucket"])] += row["n"]
    full: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for producer, start in (key for key, n in counts.items() if n == WIDTH):
        full[producer].append((start, start + WIDTH - 1))
    single: defaultdict[str, list[int]] = defaultdict(list)
    for keys in _some([key for key, n in counts.items() if n != WIDTH]):
        for producer, number in _read(reader, window, keys):
            single[producer].append(number)
    return {name: union(tuple(full[name]), runs(single[name])) for name in producers}


def _some(things: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(things), _AT_ONCE):
        yield things[start : start + _AT_ONCE]


def _bucketed(dataset: Dataset, window: Window | None, producers: Sequence[str]) -> Query:
    return Query(
        dataset=dataset,
        window=window,
        time=schema.EVENT_INGESTED,
        where=OneOf(schema.PRODUCER_ID, tuple(producers)),
        by={"producer": Terms(schema.PRODUCER_ID), "bucket": NumberBucket(schema.EVENT_SEQUENCE, WIDTH)},
        measures={"n": Count()},
    )


def _read(
    reader: Reader, window: Window | None, keys: Collection[tuple[str, int]]
) -> Iterator[tuple[str, int]]:
    """Producer and number of every event in some buckets."""
    starts: defaultdict[str, list[int]] = defaultdict(list)
    for producer, start in keys:
        starts[producer].append(start)
    where = AnyOf(tuple(_in_buckets(producer, found) for producer, found in starts.items()))
    for dataset in LOGGED:
        scan = Scan(
            dataset=dataset,
            window=window,
            time=schema.EVENT_INGESTED,
            where=where,
            fields=(schema.PRODUCER_ID, schema.EVENT_SEQUENCE),
        )
        for batch in reader.scan(scan):
            yield from ((each[schema.PRODUCER_ID], each[schema.EVENT_SEQUENCE]) for each in batch)


def _in_buckets(producer: str, starts: Sequence[int]) -> Filter:
    whole = union(tuple((start, start + WIDTH - 1) for start in sorted(starts)))
    buckets = tuple(Between(field=schema.EVENT_SEQUENCE, start=low, end=high + 1) for low, high in whole)
    return AllOf((Equals(schema.PRODUCER_ID, producer), AnyOf(buckets)))


def reports(reader: Reader, window: Window) -> list[tuple[str, Said]]:
    """What producers reported of themselves in a window of `event.ingested`, each with its producer.

    Counters only grow, so the largest of a stretch is the last.
    """
    names = [
        name
        for name in reader.members(Dataset.HEALTH, schema.HEALTH_COUNTERS)
        if name in _COUNTERS or name.startswith(health.DROPPED)
    ]
    if not names:
        return []
    counters: dict[str, Measure] = {
        f"c{place}": Max(schema.member(schema.HEALTH_COUNTERS, name)) for place, name in enumerate(names)
    }
    rows = reader.query(
        Query(
            dataset=Dataset.HEALTH,
            window=window,
            time=schema.EVENT_INGESTED,
            where=Equals(schema.HEALTH_PART, str(Part.PRODUCER)),
            by=_by_producer(),
            measures=counters | _moments() | {"started": Min(schema.HEALTH_STARTED)},
        )
    )
    return [(row["producer"], _said(row, names)) for row in rows if row["producer"] is not None]


def _said(row: Row, names: Sequence[str]) -> Said:
    counters = {name: int(row[f"c{place}"] or 0) for place, name in enumerate(names)}
    return Said(
        emitted=counters.get(health.EMITTED, 0),
        sampled_out=counters.get(health.SAMPLED_OUT, 0),
        duplicates=counters.get(health.DUPLICATES, 0),
        dropped=health.by_reason(counters),
        started=row["started"],
        last=row["last"],
        heard=row["heard"],
        **{name: row[name] for name in _NAMES if row[name]},
    )


def queued(reader: Reader, window: Window, producers: Sequence[str]) -> dict[str, Runs]:
    """The numbers that some producers still held by their last report in a window of `event.ingested`.

    They send what they took first, so what they hold is the newest.
    """
    found: dict[str, Runs] = {}
    for names in _some(producers):
        scan = Scan(
            dataset=Dataset.HEALTH,
            window=window,
            time=schema.EVENT_INGESTED,
            where=AllOf(
                (Equals(schema.HEALTH_PART, str(Part.PRODUCER)), OneOf(schema.PRODUCER_ID, tuple(names)))
            ),
            fields=(schema.PRODUCER_ID, schema.HEALTH_COUNTERS, schema.HEALTH_GAUGES),
        )
        for document in (each for batch in reader.scan(scan) for each in batch):
            found[document[schema.PRODUCER_ID]] = _held(document)
    return found


def _held(document: Mapping[str, Any]) -> Runs:
    total = int((document.get(schema.HEALTH_COUNTERS) or {}).get(health.EMITTED, 0))
    held = min(int((document.get(schema.HEALTH_GAUGES) or {}).get(health.QUEUED, 0)), total)
    return ((total - held, total - 1),) if held else ()
