"""Documents themselves: one state of the indices, read page after page in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct

from mlmon.core import schema
from mlmon.core.event import Document, flatten
from mlmon.core.query import Scan
from mlmon.core.schema import FIELDS, Type
from mlmon.stores.search import filters
from mlmon.stores.search.asking import ABSENT_IS_EMPTY, WHOLE, ask, ask_if_there, search, target
from mlmon.stores.search.compile import Body
from mlmon.stores.search.connection import Connection
from mlmon.stores.search.mapping import UNINDEXED

KEEP_ALIVE: Final = "2m"
"""How long a cluster holds a state after each page."""

MOST_HITS: Final = 10_000
"""A cluster gives no more documents in one answer."""

_ROOTS: Final = frozenset(name.partition(".")[0] for name in FIELDS)
_FAMILIES: Final = frozenset(field.name for field in FIELDS.values() if field.is_open)
_DATES: Final = frozenset(field.name for field in FIELDS.values() if field.type is Type.DATE)


class Pit(Struct, frozen=True, kw_only=True):
    """How an engine holds one state of its indices: where that is opened and closed, and what names it.

    `of_nothing` says whether there can be one of no index at all.
    """

    path: tuple[str, ...]
    id: str
    in_list: bool
    of_nothing: bool


ELASTICSEARCH: Final = Pit(path=("_pit",), id="id", in_list=False, of_nothing=True)
OPENSEARCH: Final = Pit(path=("_search", "point_in_time"), id="pit_id", in_list=True, of_nothing=False)


def compile_scan(scan: Scan) -> Body:
    """The body of a scan's pages, without their size and where they begin."""
    order = "desc" if scan.newest_first else "asc"
    by_time = {"order": order, "numeric_type": "date_nanos", "unmapped_type": "date_nanos"}
    body: Body = {
        "query": filters.matching(scan),
        "sort": [{scan.time: by_time}, {schema.EVENT_ID: {"order": order, "unmapped_type": "keyword"}}],
        "track_total_hits": False,
    }
    if scan.fields is not None:
        families = {found[0].name for name in scan.fields if (found := schema.family_of(name))}
        body["_source"] = sorted({schema.EVENT_ID, UNINDEXED, *scan.fields, *families})
    return body


def batches(connection: Connection, pit: Pit, pattern: str, scan: Scan) -> Iterator[list[Document]]:
    """The documents of a scan; what was opened for it in the cluster is closed at the end of it."""
    read = document if scan.fields is None else chosen(scan.fields)
    for found in hits(connection, pit, pattern, scan):
        yield [read(hit["_source"]) for hit in found]


def hits(connection: Connection, pit: Pit, pattern: str, scan: Scan) -> Iterator[list[Body]]:
    """As `batches`, but each document as the cluster gives it, with the index it is in."""
    if not pit.of_nothing and not _has_shards(connection, pattern):
        return
    path = target(pattern, *pit.path, keep_alive=KEEP_ALIVE, **ABSENT_IS_EMPTY)
    state = ask(connection, "POST", path)[pit.id]
    try:
        for page in _pages(connection, state, scan):
            state = page.get("pit_id", state)
            if page["hits"]["hits"]:
                yield page["hits"]["hits"]
    finally:
        held = {pit.id: [state] if pit.in_list else state}
        ask_if_there(connection, "DELETE", target(*pit.path), held)


def _has_shards(connection: Connection, pattern: str) -> bool:
    path = target(pattern, "_search", **ABSENT_IS_EMPTY, **WHOLE)
    asked = {"size": 0, "track_total_hits": False, "terminate_after": 1}
    return bool(search(connection, path, asked)["_shards"]["total"])


def _pages(connection: Connection, state: str, scan: Scan) -> Iterator[Body]:
    body = compile_scan(scan)
    left = scan.limit
    last = ""
    while left is None or left > 0:
        size = min(scan.batch_size, MOST_HITS, MOST_HITS if left is None else left)
        asked = body | {"size": size, "pit": {"id": state, "keep_alive": KEEP_ALIVE}}
        page = search(connection, target("_search", **WHOLE), asked)
        state = page.get("pit_id", state)
        hits = page["hits"]["hits"]
        # An event sent again after its stream began a new index may be there twice, side by side.
        before = [last, *map(_id, hits)]
        page["hits"]["hits"] = [hit for hit, known in zip(hits, before, strict=False) if _id(hit) != known]
        yield page
        if len(hits) < size:
            return
        left = None if left is None else left - len(page["hits"]["hits"])
        last = _id(hits[-1])
        body["search_after"] = hits[-1]["sort"]


def _id(hit: Body) -> str:
    return str(hit["_id"])


def document(source: Document) -> Document:
    """A document as it was written, flat, dates as aware datetimes, what is null absent.

    >>> document({"mlmon": {"segment": {"carrier": "UA", "origin": None}}})
    {'mlmon.segment': {'carrier': 'UA'}}
    """
    aside = _aside(source)
    nested = {name: value for name, value in source.items() if name in _ROOTS and name not in FIELDS}
    flat = {name: value for name, value in source.items() if name not in nested} | flatten(nested)
    kept = {name: found for name, value in flat.items() if (found := _value(name, value)) is not None}
    for family, members in aside.items():
        kept[family] = kept.get(family, {}) | {key: it for key, it in members.items() if it is not None}
    return kept


def _aside(source: Document) -> Document:
    """Take out what was kept and not indexed; an engine may give it back under its path."""
    root, _, leaf = UNINDEXED.partition(".")
    nested = source.get(root)
    inner = nested.pop(leaf, None) if isinstance(nested, dict) else None
    return source.pop(UNINDEXED, None) or inner or {}


def _value(name: str, value: Any) -> Any:  # noqa: ANN401 - any JSON
    if name in _DATES and isinstance(value, str):
        return datetime.fromisoformat(value).astimezone(UTC)
    if name in _FAMILIES and isinstance(value, dict):
        return dict(_members("", value)) or None
    return value


def _members(prefix: str, members: Document) -> Iterator[tuple[str, Any]]:
    """The members of a family; an engine may give back a name with dots as objects within each other."""
    for name, value in members.items():
        if isinstance(value, dict):
            yield from _members(f"{prefix}{name}.", value)
        elif value is not None:
            yield f"{prefix}{name}", value


def chosen(fields: tuple[str, ...]) -> Callable[[Document], Document]:
    """A function as `document`, which keeps these fields only."""
    members = [(found[0].name, found[1]) for name in fields if (found := schema.family_of(name))]
    whole = [name for name in fields if name in FIELDS]

    def read(source: Document) -> Document:
        kept = document(source)
        picked = {name: kept[name] for name in whole if name in kept}
        for family, name in members:
            if name in kept.get(family, {}):
                picked.setdefault(family, {})[name] = kept[family][name]
        return picked

    return read
