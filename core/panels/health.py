"""How mlmon itself is: its producers, its collectors, its jobs."""

from __future__ import annotations

from typing import Final

from mlmon.core import health, schema
from mlmon.core.panel import AUTO, Kind, Panel, Unit
from mlmon.core.panels.columns import TIME, N
from mlmon.core.query import Count, Equals, Max, Measure, Min, Query, Terms, TimeBucket
from mlmon.core.schema import Dataset

_NONE: Final = "No reports in this time. Do its parts run? mlmon doctor"


def _of(part: health.Part, id_: str, title: str, measures: dict[str, Measure], unit: Unit, by: str) -> Panel:
    """The numbers of one part over time, by who reports."""
    return Panel(
        id=id_,
        title=title,
        kind=Kind.LINES,
        query=Query(
            dataset=health.dataset_of(part),
            where=Equals(schema.HEALTH_PART, str(part)),
            by={TIME: TimeBucket(AUTO), "who": Terms(by)},
            measures=measures,
        ),
        x=TIME,
        y=tuple(measures),
        series="who",
        unit=unit,
        empty=_NONE,
    )


def _gauge(name: str) -> str:
    return schema.member(schema.HEALTH_GAUGES, name)


def _counter(name: str) -> str:
    return schema.member(schema.HEALTH_COUNTERS, name)


QUEUED: Final = _of(
    health.Part.PRODUCER, "queued", "How many events wait in the services?",
    {health.QUEUED: Max(_gauge(health.QUEUED))}, Unit.COUNT, schema.SERVICE_NAME,
)  # fmt: skip

WAITING: Final = _of(
    health.Part.PRODUCER, "waiting", "How long has the oldest of them waited?",
    {health.OLDEST_SECONDS: Max(_gauge(health.OLDEST_SECONDS))}, Unit.SECONDS, schema.SERVICE_NAME,
)  # fmt: skip

RECEIVED: Final = _of(
    health.Part.COLLECTOR, "received", "How much have the collectors received and stored since their start?",
    {
        health.RECEIVED: Max(_counter(health.RECEIVED)),
        health.STORED: Max(_counter(health.STORED)),
        health.TURNED_AWAY: Max(_counter(health.TURNED_AWAY)),
    },
    Unit.COUNT, schema.HOST_NAME,
)  # fmt: skip

WRITES: Final = _of(
    health.Part.COLLECTOR, "writes", "How long does a write of a collector take?",
    {
        health.WRITE_P50_SECONDS: Max(_gauge(health.WRITE_P50_SECONDS)),
        health.WRITE_P99_SECONDS: Max(_gauge(health.WRITE_P99_SECONDS)),
    },
    Unit.SECONDS, schema.HOST_NAME,
)  # fmt: skip

DISK: Final = _of(
    health.Part.COLLECTOR, "disk", "How much room is on the collectors' disks?",
    {health.DISK_FREE_BYTES: Min(_gauge(health.DISK_FREE_BYTES))}, Unit.BYTES, schema.HOST_NAME,
)  # fmt: skip

PASSES: Final = _of(
    health.Part.ANALYZERS, "passes", "How long does a pass of the jobs take, and how far behind are they?",
    {
        health.PASS_SECONDS: Max(_gauge(health.PASS_SECONDS)),
        health.LAG_SECONDS: Max(_gauge(health.LAG_SECONDS)),
        health.SUCCESS_AGE_SECONDS: Max(_gauge(health.SUCCESS_AGE_SECONDS)),
    },
    Unit.SECONDS, schema.HOST_NAME,
)  # fmt: skip

PARTS: Final = Panel(
    id="parts",
    title="Who reports, and when did it last?",
    kind=Kind.TABLE,
    query=Query(
        dataset=Dataset.HEALTH,
        by={
            "part": Terms(schema.HEALTH_PART),
            "service": Terms(schema.SERVICE_NAME),
            "host": Terms(schema.HOST_NAME),
        },
        measures={N: Count(), "last": Max(schema.TIMESTAMP)},
    ),
    x="part",
    y=(N, "last"),
    unit=Unit.COUNT,
    empty=_NONE,
)
