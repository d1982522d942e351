"""From DuckDB's rows to answers and documents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from mlmon.core import query as q
from mlmon.core import schema
from mlmon.core.clock import to_datetime
from mlmon.core.event import Document
from mlmon.core.query import Query, Row
from mlmon.core.schema import Type
from mlmon.stores.embedded.compile import Output
from mlmon.stores.embedded.sound import EXTRA

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
    columns = [(output, _of_field(output)) for output in outputs]
    return [_document(value[2:], columns) for value in values]


def _document(value: Sequence[Any], columns: Sequence[tuple[Output, _Decode | None]]) -> Document:
    document: Document = {}
    for item, (output, decode) in zip(value, columns, strict=True):
        if item is None:
            continue
        if output.field == EXTRA:
            extra = msgspec.json.decode(item)
            if isinstance(extra, dict):  # a sender may have used the key for a value of its own
                document |= {key: it for key, it in extra.items() if it is not None}
        elif output.member is not None:
            document.setdefault(output.field, {})[output.member] = item
        else:
            document[output.field] = item if decode is None else decode(item)
    return document


def moment(us: int | None) -> datetime | None:
    """Microseconds since the epoch as an aware datetime."""
    return None if us is None else to_datetime(us * 1000)


def _of_field(output: Output) -> _Decode | None:
    return moment if schema.type_of(output.field) is Type.DATE else None


def _of_key(key: q.Key) -> _Decode | None:
    return moment if schema.type_of(key.field) is Type.DATE else None


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
