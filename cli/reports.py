"""What the parts of mlmon reported of themselves lately, read back from a store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from msgspec import Struct

from mlmon.core import health, schema
from mlmon.core.health import Part, Report
from mlmon.core.query import Count, Exists, Max, Measure, Min, Query, Row, Scan, Terms
from mlmon.core.schema import Dataset
from mlmon.core.store import Reader
from mlmon.core.window import Window

LIVE: Final = timedelta(minutes=10)
"""A part that has not reported for so long is taken for stopped, or for cut off."""

LATELY: Final = timedelta(days=1)
_MOST: Final = 20_000
_AHEAD: Final = timedelta(hours=1)
_DATASETS: Final = (Dataset.HEALTH, Dataset.JOB)
_LABELS: Final = {
    "model": schema.MODEL_NAME,
    "service": schema.SERVICE_NAME,
    "host": schema.HOST_NAME,
    "producer": schema.PRODUCER_ID,
}


class Told(Struct, frozen=True, kw_only=True):
    """The latest report of a part, and whose it is: `model`, `service` and `host`, as far as it says."""

    report: Report
    labels: Mapping[str, str]


class Grown(Struct, frozen=True, kw_only=True):
    """By how much the counters of a part grew in a time, whether it still runs or not."""

    part: Part
    labels: Mapping[str, str]
    counters: Mapping[str, float]
    last: datetime


def live(reader: Reader, now: datetime) -> list[Told]:
    """The latest report of every part that reported of late, the oldest first; of 20,000 reports at most.

    Raises:
        StoreError: the store could not answer.

    """
    found: dict[str, Told] = {}
    for document in _latest_first(reader, _window(now, LIVE)):
        labels = _labels_of({name: document.get(field) for name, field in _LABELS.items()})
        told = Told(report=health.from_document(document), labels=labels)
        known = found.setdefault(told.report.id, told)
        if told.report.number > known.report.number:
            found[told.report.id] = told
    return sorted(found.values(), key=lambda told: told.report.at)


def latest_pass(reader: Reader) -> Report | None:
    """The latest report of the analyzers, however old.

    Raises:
        StoreError: the store could not answer.

    """
    scan = Scan(dataset=Dataset.JOB, time=schema.EVENT_INGESTED, newest_first=True, limit=1)
    found = (health.from_document(document) for batch in reader.scan(scan) for document in batch)
    return next(found, None)


def grown(reader: Reader, now: datetime, within: timedelta = LATELY) -> list[Grown]:
    """How much each part counted within a time, by one question and without reading its reports.

    Raises:
        StoreError: the store could not answer.

    """
    return [one for dataset in _DATASETS for one in _grown(reader, dataset, _window(now, within))]


def _window(now: datetime, back: timedelta) -> Window:
    return Window(start=now - back, end=now + _AHEAD)


def _latest_first(reader: Reader, window: Window) -> Iterator[dict[str, Any]]:
    for dataset in _DATASETS:
        scan = Scan(
            dataset=dataset, window=window, time=schema.EVENT_INGESTED, newest_first=True, limit=_MOST
        )
        for batch in reader.scan(scan):
            yield from batch


def _grown(reader: Reader, dataset: Dataset, window: Window) -> Iterator[Grown]:
    """By how much each part's counters grew: they only grow, so the largest is the last.

    A part that began within the time began at 0, and so did a counter that its first reports do not have.
    """
    names = reader.members(dataset, schema.HEALTH_COUNTERS)
    measures: dict[str, Measure] = {
        "reports": Count(),
        "started": Max(schema.HEALTH_STARTED),
        "last": Max(schema.EVENT_INGESTED),
    }
    for place, name in enumerate(names):
        member = schema.member(schema.HEALTH_COUNTERS, name)
        measures |= {
            f"in{place}": Count(where=Exists(member)),
            f"low{place}": Min(member),
            f"high{place}": Max(member),
        }
    keys = {"part": schema.HEALTH_PART, **_LABELS}
    rows = reader.query(
        Query(
            dataset=dataset,
            window=window,
            time=schema.EVENT_INGESTED,
            by={name: Terms(field) for name, field in keys.items()},
            measures=measures,
        )
    )
    for row in rows:
        since = row["started"] is not None and row["started"] < window.start
        yield Grown(
            part=Part(row["part"]),
            labels=_labels_of({name: row[name] for name in _LABELS}),
            counters=dict(_growth(row, names, is_older=since)),
            last=row["last"],
        )


def _growth(row: Row, names: Iterable[str], *, is_older: bool) -> Iterator[tuple[str, float]]:
    for place, name in enumerate(names):
        was_there = is_older and row[f"in{place}"] == row["reports"]
        more = (row[f"high{place}"] or 0.0) - (row[f"low{place}"] if was_there else 0.0)
        if more:
            yield name, more


def _labels_of(values: Mapping[str, str | None]) -> dict[str, str]:
    """What tells a part from others: a producer by its id too, because many serve one model on one host."""
    is_producer = bool(values["model"] or values["service"])
    return {name: value for name, value in values.items() if value and (name != "producer" or is_producer)}
