"""From DuckDB's rows to answers and documents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import msgspec

from mlmon.core import query as q
from mlmon.core import schema
from mlmon.core.event import Document
from mlmon.core.query import Query, Row
from mlmon.core.schema import Type
from mlmon.stores.embedded.compile import Output
from mlmon.stores.embedded.sound import EXTRA

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_Decode = Callable[[Any], Any]


def rows(query: Query, values: Iterable[Sequence[Any]]) -> list[Row]:
    """The rows of an answer, from those of the statement that `compile_query` made."""
    names = (*query.by, *query.measures)
    decoders = [
        *(_of_key(key) for key in query.by.values()),
        *(_of_measure(measure) for measure in query.measures.values()),
    ]
    if not names:
        return [{}]
    slots = [(at, decode) for at, decode in enumerate(decoders) if decode is not None]
    answer = []
    for value in values:
        row = dict(zip(names, value, strict=True))
        for at, decode in slots:
            row[names[at]] = decode(value[at])
        answer.append(row)
    return answer


def documents(values: Iterable[Sequence[Any]], outputs: Sequence[Output]) -> list[Document]:
    """Documents from the rows of the statement that `compile_scan` made; missing fields are absent."""
    places = list(enumerate(outputs, start=2))
    plain = [(at, it.field, _of_field(it)) for at, it in places if it.member is None and it.field != EXTRA]
    members = [(at, it.field, it.member) for at, it in places if it.member is not None]
    extra = next((at for at, it in places if it.member is None and it.field == EXTRA), None)
    found = []
    for value in values:
        document: Document = {
            name: item if decode is None else decode(item)
            for at, name, decode in plain
            if (item := value[at]) is not None
        }
        for at, family, member in members:
            if (item := value[at]) is not None:
                document.setdefault(family, {})[member] = item
        if extra is not None and (item := value[extra]) is not None:
            document |= {key: it for key, it in msgspec.json.decode(item).items() if it is not None}
        found.append(document)
    return found


def moment(us: int | None) -> datetime | None:
    """Microseconds since the epoch as an aware datetime."""
    return None if us is None else _EPOCH + timedelta(microseconds=us)


def _of_field(output: Output) -> _Decode | None:
    return moment if schema.type_of(output.field) is Type.DATE else None


def _of_key(key: q.Key) -> _Decode | None:
    # The same moments come again in row after row: each is made once.
    return lru_cache(maxsize=4096)(moment) if schema.type_of(key.field) is Type.DATE else None


def _of_measure(measure: q.Measure) -> _Decode | None:
    match measure:
        case q.Histogram(edges=edges):
            return lambda counts: [*(counts or ()), *[0] * (len(edges) + 1 - len(counts or ()))]
        case q.TopTerms(field=field):
            decode = moment if schema.type_of(field) is Type.DATE else _same
            return lambda terms: [(decode(it["term"]), -it["n"]) for it in terms or ()]
        case q.Min(field=field) | q.Max(field=field):
            return moment if schema.type_of(field) is Type.DATE else None
        case q.Quantiles():
            return lambda values: None if values is None else list(values)
        case _:
            return None


def _same(value: Any) -> Any:  # noqa: ANN401 - any value of a column
    return value
