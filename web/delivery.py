"""Did every event arrive? The account of the events of one model, or of all, as the jobs stated it last."""

from __future__ import annotations

import shlex
from datetime import datetime
from typing import Final

from markupsafe import Markup
from msgspec import Struct

from mlmon.core import schema
from mlmon.core.panel import Unit
from mlmon.core.query import AllOf, Equals, Filter, Max, Min, Query, Sum, Terms
from mlmon.core.schema import Dataset
from mlmon.core.store import Reader
from mlmon.web import units

ANALYZER: Final = "delivery"
UNKNOWN: Final = "missing"
PLACES: Final = {
    "stored": "stored",
    "sampled_out": "sampled out",
    "on_the_way": "on the way",
    "dead_lettered": "dead letters",
    "dropped": "dropped",
    UNKNOWN: "unknown",
}
"""The metrics whose sum is all events, each with its word, from the well to the lost."""

_WIDE: Final = 1000
_HIGH: Final = 12
_LEAST: Final = 5.0
"""No place that has an event is narrower, so that a few among millions are seen."""


class Place(Struct, frozen=True, kw_only=True):
    """One place where events are, how many, and which share of all."""

    name: str
    word: str
    count: float
    share: str


class Delivery(Struct, frozen=True, kw_only=True):
    """Where all events are. `since` is when the first happened, `until` when the last was stored."""

    places: list[Place]
    made: float
    unknown: float
    dropped: float
    since: datetime
    until: datetime
    bar: Markup
    command: str


def read(reader: Reader, model: str = "") -> Delivery | None:
    """The account of one model, or of all; None where the jobs have not counted numbered events."""
    where: list[Filter] = [Equals(schema.RESULT_ANALYZER, ANALYZER), Equals(schema.WINDOW_SIZE, "all")]
    if model:
        where.append(Equals(schema.MODEL_NAME, model))
    rows = reader.query(
        Query(
            dataset=Dataset.METRIC,
            where=AllOf(tuple(where)),
            by={"name": Terms(schema.METRIC_NAME)},
            measures={
                "value": Sum(schema.RESULT_VALUE),
                "since": Min(schema.WINDOW_START),
                "until": Max(schema.WINDOW_END),
            },
        )
    ).rows
    counts = {row["name"]: row["value"] for row in rows if row["name"] in PLACES}
    made = sum(counts.values())
    if not made:
        return None
    places = [_place(name, counts[name], made) for name in PLACES if counts.get(name)]
    return Delivery(
        places=places,
        made=made,
        unknown=counts.get(UNKNOWN, 0),
        dropped=counts.get("dropped", 0),
        since=min(row["since"] for row in rows),
        until=max(row["until"] for row in rows),
        bar=bar(places),
        command=shlex.join(["mlmon", "accounting", *(["--model", model] if model else [])]),
    )


def _place(name: str, count: float, made: float) -> Place:
    return Place(name=name, word=PLACES[name], count=count, share=units.number(count / made, Unit.RATIO))


def widths(places: list[Place]) -> list[float]:
    """How wide each place is drawn: by its events, but at least a few points, which the widest gives up.

    >>> widths([Place(name=name, word="", count=count, share="") for name, count in (("a", 9999), ("b", 1))])
    [995.0, 5.0]
    """
    made = sum(place.count for place in places)
    wide = [max(_LEAST, _WIDE * place.count / made) for place in places]
    widest = wide.index(max(wide))
    wide[widest] -= sum(wide) - _WIDE
    return [round(each, 1) for each in wide]


def bar(places: list[Place]) -> Markup:
    """The places side by side as SVG, which takes its colours from the style sheet."""
    made, at = [], 0.0
    for place, wide in zip(places, widths(places), strict=True):
        text = f"{place.word}: {units.number(place.count, Unit.COUNT)} ({place.share})"
        made.append(
            Markup('<rect class="place {}" x="{}" width="{}" height="{}"><title>{}</title></rect>').format(
                place.name, round(at, 1), wide, _HIGH, text
            )
        )
        at += wide
    label = ", ".join(f"{units.number(place.count, Unit.COUNT)} {place.word}" for place in places)
    return Markup(
        '<svg class="places" role="img" aria-label="{}" viewBox="0 0 {} {}"'
        ' preserveAspectRatio="none">{}</svg>'
    ).format(label, _WIDE, _HIGH, Markup("").join(made))
