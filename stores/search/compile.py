"""From a question to a search body: pure functions of the question.

Groups are a composite aggregation, which can be read page by page however many there are. Measures of the
same numbers share one aggregation. There are no scripts. `mlmon.stores.search.answer` reads what comes back.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Final

import msgspec
from msgspec import Struct

from mlmon.core import query as q
from mlmon.core import schema
from mlmon.core.query import Query
from mlmon.core.schema import Type
from mlmon.core.window import floor, parse_duration
from mlmon.stores.search import filters

Body = dict[str, Any]

GROUPS: Final = "groups"
VALUE: Final = "value"
"""The aggregation inside that of a filter."""

MOST_BUCKETS: Final = 60_000
"""A cluster gives up at 65,536 buckets in one answer."""

MOST_GROUPS: Final = 10_000
"""Groups a page."""

MOST_EXACT: Final = 40_000
"""Up to so many different values a cluster nearly always counts exactly; it takes no higher bound."""

TERMS_A_SHARD: Final = 10_000
"""Terms that each shard names as frequent; the counts of fewer different terms are exact."""

COMPRESSION: Final = 200
"""Of the sketch behind quantiles; a cluster takes 100 where nothing is said."""

_SKETCH: Final = 20
"""Buckets that a sketch weighs as much as."""

_SECOND: Final = timedelta(seconds=1)

_ALWAYS_THERE: Final = frozenset({schema.TIMESTAMP, schema.EVENT_INGESTED})
"""They need no group of documents without; with one Elasticsearch 9.5 ends a logsdb stream after a page."""


class Part(Struct, frozen=True):
    """Where a measure's numbers are in an answer: the name of its aggregation, and of the filter's around it.

    Both are empty where the number of documents is all that is asked.
    """

    name: str = ""
    within: str = ""


class Compiled(Struct, frozen=True, kw_only=True):
    """A search body, and where in its answers the measures are. `page` is the groups of one answer.

    `unread` is the paths in an answer that need not be sent: most of what a histogram says repeats its edges.
    """

    body: Body
    parts: tuple[Part, ...]
    page: int
    unread: tuple[str, ...] = ()


def compile_query(query: Query) -> Compiled:
    """The body whose answers hold the rows of a query."""
    aggregations = _Aggregations(is_grouped=bool(query.by))
    squared = {it.field for it in query.measures.values() if isinstance(it, q.SumSquares | q.StdDev)}
    parts = tuple(aggregations.place(measure, squared) for measure in query.measures.values())
    page = max(1, min(MOST_GROUPS, MOST_BUCKETS // (1 + sum(map(_buckets, query.measures.values())))))
    unread = tuple(_unread(query))
    body: Body = {"size": 0, "query": filters.matching(query)}
    if not query.by:
        body |= {"track_total_hits": True, "aggs": aggregations.named}
        return Compiled(body=body, parts=parts, page=page, unread=unread)
    sources = [{f"k{at}": _source(key)} for at, key in enumerate(query.by.values())]
    group: Body = {"composite": {"size": page, "sources": sources}, "aggs": aggregations.named}
    body |= {"track_total_hits": False, "aggs": {GROUPS: group}}
    return Compiled(body=body, parts=parts, page=page, unread=unread)


def after(body: Body, key: dict[str, Any]) -> Body:
    """The body for the page that follows a group."""
    group = body["aggs"][GROUPS]
    return body | {"aggs": {GROUPS: group | {"composite": group["composite"] | {"after": key}}}}


def _unread(query: Query) -> Iterator[str]:
    """Paths with wildcards, since the line of a request that names each histogram could be too long."""
    kinds = {type(measure) for measure in query.measures.values()}
    if q.Histogram not in kinds:
        return
    above = f"aggregations.{GROUPS}.buckets.*" if query.by else "aggregations.*"
    names = ("from", "to") if q.TopTerms in kinds else ("key", "from", "to")
    for within in ("", f".{VALUE}"):
        yield from (f"{above}{within}.buckets.{name}" for name in names)


class _Aggregations:
    """Gives each measure an aggregation, and the same one to measures that need the same."""

    def __init__(self, *, is_grouped: bool) -> None:
        self._is_grouped = is_grouped
        self.named: dict[str, Body] = {}
        self._names: dict[bytes, str] = {}

    def place(self, measure: q.Measure, squared: set[str]) -> Part:
        where = getattr(measure, "where", None)
        made = _measure(measure, squared, is_grouped=self._is_grouped)
        if where is None:
            return Part(self._name(made)) if made else Part()
        inner = {"aggs": {VALUE: made}} if made else {}
        return Part(VALUE if made else "", self._name({"filter": filters.clause(where)} | inner))

    def _name(self, made: Body) -> str:
        name = self._names.setdefault(msgspec.json.encode(made), f"a{len(self._names)}")
        self.named[name] = made
        return name


def _source(key: q.Key) -> Body:
    common: Body = {"field": key.field} | ({} if key.field in _ALWAYS_THERE else {"missing_bucket": True})
    match key:
        case q.Terms():
            return {"terms": common}
        case q.TimeBucket(every="month"):
            return {"date_histogram": common | {"calendar_interval": "month", "time_zone": "UTC"}}
        case q.TimeBucket(every=every):
            return {"date_histogram": common | _interval(every)}
        case q.NumberBucket(width=width):
            return {"histogram": common | {"interval": width}}


def _interval(every: str) -> Body:
    step = parse_duration(every) // _SECOND
    origin = floor(datetime(1970, 1, 8, tzinfo=UTC), every)
    offset = (origin - filters.EARLIEST) // _SECOND % step
    return {"fixed_interval": f"{step}s"} | ({"offset": f"+{offset}s"} if offset else {})


def _measure(  # noqa: PLR0911 - one line a measure
    measure: q.Measure, squared: set[str], *, is_grouped: bool
) -> Body:
    match measure:
        case q.Count():
            return {}
        case q.Min(field=field) | q.Max(field=field) if schema.type_of(field) is Type.DATE and not is_grouped:
            return _extreme_date(field, "asc" if isinstance(measure, q.Min) else "desc")
        case q.Quantiles(field=field, probabilities=probabilities) if probabilities:
            percents = sorted({100 * p for p in probabilities})
            sketch = {"tdigest": {"compression": COMPRESSION}, "keyed": False}
            return {"percentiles": {"field": field, "percents": percents} | sketch}
        case q.Distinct(field=field):
            return {"cardinality": {"field": field, "precision_threshold": MOST_EXACT}}
        case q.Histogram(field=field, edges=edges):
            return {"range": {"field": field, "keyed": False, "ranges": list(ranges(_whole(field, edges)))}}
        case q.TopTerms(field=field, size=size):
            order = [{"_count": "desc"}, {"_key": "asc"}]
            shard_size = max(size, TERMS_A_SHARD)
            return {"terms": {"field": field, "size": size, "shard_size": shard_size, "order": order}}
        case _:
            kind = "extended_stats" if measure.field in squared else "stats"
            return {kind: {"field": measure.field}}


def _extreme_date(field: str, order: str) -> Body:
    """The first or last document by a date: aggregations of dates are cut to milliseconds, sorting is not.

    In thousands of groups it would cost too much, so there such a measure is cut to milliseconds too.
    """
    sort = {"order": order, "numeric_type": "date_nanos", "unmapped_type": "date_nanos"}
    return {"top_hits": {"size": 1, "_source": False, "sort": [{field: sort}]}}


def _whole(field: str, edges: tuple[float, ...]) -> tuple[float, ...]:
    """The edges as what they mean to the field: OpenSearch cuts those of a long to whole numbers."""
    if schema.type_of(field) is not Type.LONG:
        return edges
    return tuple(math.ceil(edge) if math.isfinite(edge) else edge for edge in edges)


def ranges(edges: tuple[float, ...]) -> Iterator[Body]:
    """The ranges of a histogram's numbers; nothing lies beyond an infinite edge, so it has none.

    >>> list(ranges((0.5, 1.0)))
    [{'to': 0.5}, {'from': 0.5, 'to': 1.0}, {'from': 1.0}]
    """
    finite = [filters.zero_lowered(edge) for edge in edges if math.isfinite(edge)]
    if not finite:
        yield {"from": -sys.float_info.max}
        return
    yield {"to": finite[0]}
    yield from ({"from": low, "to": high} for low, high in pairwise(finite))
    yield {"from": finite[-1]}


def _buckets(measure: q.Measure) -> int:
    match measure:
        case q.Histogram(edges=edges):
            return len(edges) + 1
        case q.TopTerms(size=size):
            return size
        case q.Quantiles():
            return _SKETCH
        case _:
            return 0
