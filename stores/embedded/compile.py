"""From a question to SQL: pure functions of the question and the shape of what holds the documents.

Values are bound as parameters, never spliced.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from msgspec import Struct

from mlmon.core import query as q
from mlmon.core import schema
from mlmon.core.clock import to_ns
from mlmon.core.query import Query, Scan
from mlmon.core.schema import RESULTS, Type
from mlmon.core.window import floor, parse_duration
from mlmon.stores.embedded.conditions import Bindings, compile_filter, compile_moment, fields_of
from mlmon.stores.embedded.histograms import histogram
from mlmon.stores.embedded.manifest import Columns
from mlmon.stores.embedded.shape import SQL_TYPES, quoted
from mlmon.stores.embedded.sound import EXTRA


class Source(Struct, frozen=True, kw_only=True):
    """Documents of one dataset with the same columns: Parquet files, or a table of the tail."""

    columns: Columns
    files: tuple[str, ...] = ()
    table: str = ""


class Sql(Struct, frozen=True, kw_only=True):
    """A statement and the values to bind, in the order of its question marks."""

    text: str
    parameters: tuple[Any, ...]


_IDENTITY: Final = frozenset(
    {
        schema.TIMESTAMP, schema.EVENT_ID, schema.RESULT_ANALYZER, schema.MODEL_NAME, schema.MODEL_VERSION,
        schema.RESULT_SEGMENT, schema.METRIC_NAME, schema.RESULT_SUBJECT, schema.WINDOW_SIZE,
        schema.WINDOW_START,
    }
)  # fmt: skip
"""Fields that two results of the same id share, so that asking for them before the last is chosen is safe."""


def compile_query(query: Query, sources: Sequence[Source], *, unique: bool = False) -> Sql:
    """The statement whose rows are the answer: keys, then measures, in the order of the query.

    Dates come as microseconds since the epoch. `unique` says that no result is in the sources twice.
    """
    bindings = Bindings(_fields_of(query))
    head = _rows(bindings, query, sources, unique=unique)
    before = len(bindings.parameters)
    outputs = [_key(bindings, key) for key in query.by.values()]
    outputs += [_measure(bindings, measure) for measure in query.measures.values()]
    condition = _where(bindings, query)
    tables = "documents"
    if bindings.lists:
        lists = ", ".join(f"?::{cast} AS e{place}" for place, (_, cast) in enumerate(bindings.lists))
        head, tables = f"{head},\nedges AS MATERIALIZED (SELECT {lists})", "documents, edges"
        bindings.parameters[before:before] = [values for values, _ in bindings.lists]  # in the text's order
    text = f"{head}\nSELECT {', '.join(outputs) or '1'}\nFROM {tables}\nWHERE {condition}"
    if query.by:
        positions = [str(position) for position in range(1, len(query.by) + 1)]
        text += f"\nGROUP BY {', '.join(positions)}"
        text += f"\nORDER BY {', '.join(f'{position} NULLS LAST' for position in positions)}"
    elif not query.measures:
        text += "\nLIMIT 0"
    return Sql(text=text, parameters=tuple(bindings.parameters))


class After(Struct, frozen=True):
    """The last document a scan gave: its time in microseconds and its id."""

    moment: int
    id: str


class Output(Struct, frozen=True):
    """One column of a scan: the field, and the family's member where it is one. `EXTRA` is the unknown."""

    field: str
    member: str | None = None


def outputs_of(scan: Scan, sources: Sequence[Source]) -> tuple[Output, ...]:
    """The columns that a scan's statement gives after the time and the id."""
    held = list(dict.fromkeys(output for source in sources for output in _held(source.columns)))
    if scan.fields is None:
        return tuple(held)
    wanted = set(scan.fields)
    return tuple(
        output
        for output in held
        if output.field in wanted or (output.member is not None and schema.member(*_pair(output)) in wanted)
    )


def _pair(output: Output) -> tuple[str, str]:
    return output.field, output.member or ""


def _held(columns: Columns) -> Iterator[Output]:
    yield from (Output(name) for name in columns.fields)
    for family, names in (*columns.members, *columns.maps):
        yield from (Output(family, name) for name in names)
    if columns.extra:
        yield Output(EXTRA)


def compile_scan(
    scan: Scan, sources: Sequence[Source], *, unique: bool = False, after: After | None = None
) -> Sql:
    """The statement whose rows are the time, the id and the columns of `outputs_of`, in order.

    Dates come as microseconds since the epoch.
    """
    outputs = outputs_of(scan, sources)
    names = [schema.member(*_pair(o)) if o.member is not None else o.field for o in outputs]
    bindings = Bindings([scan.time, schema.EVENT_ID, *fields_of(scan.where), *names])
    head = _rows(bindings, scan, sources, unique=unique)
    moment, identity = f"epoch_us({bindings.columns[scan.time]})", bindings.columns[schema.EVENT_ID]
    columns = [_plain(bindings, name) for name in names]
    condition = _where(bindings, scan)
    direction = "DESC" if scan.newest_first else "ASC"
    if after is not None:
        sign = "<" if scan.newest_first else ">"
        condition += (
            f" AND ({moment}, {identity}) {sign} ({bindings.bind(after.moment)}, {bindings.bind(after.id)})"
        )
    text = (
        f"{head}\nSELECT {', '.join([moment, identity, *columns])}\nFROM documents\nWHERE {condition}"
        f"\nORDER BY 1 {direction} NULLS LAST, 2 {direction}"
    )
    if scan.limit is not None:
        text += f"\nLIMIT {bindings.bind(scan.limit, 'BIGINT')}"
    return Sql(text=text, parameters=tuple(bindings.parameters))


def _fields_of(query: Query) -> Iterator[str]:
    yield query.time
    yield from fields_of(query.where)
    for part in (*query.by.values(), *query.measures.values()):
        if not isinstance(part, q.Count):
            yield part.field
        yield from fields_of(getattr(part, "where", None))


def _rows(bindings: Bindings, question: Query | Scan, sources: Sequence[Source], *, unique: bool) -> str:
    """The documents of all sources under the bindings's column names, results only in their last form."""
    replacing = question.dataset in RESULTS and not unique
    if replacing:
        for name in (schema.EVENT_ID, schema.EVENT_INGESTED):
            bindings.columns.setdefault(name, f"c{len(bindings.columns)}")
    selects = [_source(bindings, source) for source in sources] or [_nothing(bindings)]
    documents = "\n  UNION ALL\n".join(selects)
    if not replacing:
        return f"WITH documents AS (\n{documents}\n)"
    conditions = [_time(bindings, question)] if question.time in _IDENTITY else []
    conditions += [compile_filter(bindings, part) for part in _of_identity(question.where)]
    return (
        f"WITH versions AS (\n{documents}\n), documents AS (\n  SELECT * FROM versions\n"
        f"  WHERE {' AND '.join(part for part in conditions if part) or 'true'}\n"
        f"  QUALIFY row_number() OVER (PARTITION BY {bindings.columns[schema.EVENT_ID]}"
        f" ORDER BY {bindings.columns[schema.EVENT_INGESTED]} DESC) = 1\n)"
    )


def _of_identity(where: q.Filter | None) -> Iterator[q.Filter]:
    if isinstance(where, q.AllOf):
        for part in where.of:
            yield from _of_identity(part)
    elif where is not None and set(fields_of(where)) <= _IDENTITY:
        yield where


def _source(bindings: Bindings, source: Source) -> str:
    columns = [
        f"{_held_as(bindings, name, source.columns)} AS {alias}" for name, alias in bindings.columns.items()
    ]
    relation = quoted(source.table)
    if source.files:
        relation = f"read_parquet({bindings.bind(list(source.files))})"
    return f"  SELECT {', '.join(columns)}\n  FROM {relation}"


def _nothing(bindings: Bindings) -> str:
    columns = [f"NULL::{_type(name)} AS {alias}" for name, alias in bindings.columns.items()]
    return f"  SELECT {', '.join(columns)} WHERE false"


def _type(name: str) -> str:
    return "VARCHAR" if name == EXTRA else SQL_TYPES[schema.type_of(name) or Type.KEYWORD]


def _held_as(bindings: Bindings, name: str, columns: Columns) -> str:
    """Where a source holds a field; NULL where it has none."""
    if name in columns.fields or (name == EXTRA and columns.extra):
        return quoted(name)
    family = schema.family_of(name)
    if family is not None:
        field, key = family
        if key in dict(columns.members).get(field.name, ()):
            return quoted(name)
        if key in dict(columns.maps).get(field.name, ()):
            return f"{quoted(field.name)}[{bindings.bind(key, 'VARCHAR')}]"
    return f"NULL::{_type(name)}"


def _where(bindings: Bindings, question: Query | Scan) -> str:
    parts = [
        _time(bindings, question),
        compile_filter(bindings, question.where) if question.where is not None else "",
    ]
    return " AND ".join(f"({part})" for part in parts if part) or "true"


def _time(bindings: Bindings, question: Query | Scan) -> str:
    if question.window is None:
        return ""
    column = bindings.columns[question.time]
    start, end = (compile_moment(bindings, bound) for bound in (question.window.start, question.window.end))
    return f"{column} >= {start} AND {column} < {end}"


def _key(bindings: Bindings, key: q.Key) -> str:
    match key:
        case q.Terms(field=field):
            return _plain(bindings, field)
        case q.TimeBucket(field=field, every="month"):
            column = bindings.columns[field]
            return f"epoch_us(date_trunc('month', make_timestamp(epoch_us({column}))))"
        case q.TimeBucket(field=field, every=every):
            return _bucket(f"epoch_us({bindings.columns[field]})", every)
        case q.NumberBucket(field=field, width=width):
            size = bindings.bind(width, "DOUBLE"), bindings.bind(width, "DOUBLE")
            return f"floor({bindings.columns[field]} / {size[0]}) * {size[1]} + 0.0"


def _bucket(column: str, every: str) -> str:
    """Where the stretch that holds a time begins; `%` keeps the sign, so it is taken twice."""
    step = parse_duration(every) // timedelta(microseconds=1)
    origin = to_ns(floor(datetime(1970, 1, 8, tzinfo=UTC), every)) // 1000 % step
    return f"{column} - (({column} - {origin}) % {step} + {step}) % {step}"


def _plain(bindings: Bindings, field: str) -> str:
    column = bindings.columns[field]
    return f"epoch_us({column})" if schema.type_of(field) is Type.DATE else column


def _measure(bindings: Bindings, measure: q.Measure) -> str:  # noqa: C901, PLR0911 - one line a measure
    if isinstance(measure, q.Count):
        return f"count(*){_only(bindings, measure.where)}"
    column = bindings.columns[measure.field]
    number = f"{column}::DOUBLE" if schema.type_of(measure.field) is Type.LONG else column
    match measure:
        case q.Sum(where=where):
            return f"coalesce(sum({column}){_only(bindings, where)}, 0)::DOUBLE"
        case q.SumSquares():
            return f"coalesce(sum({number} * {number}), 0)"
        case q.Mean():
            return f"avg({number})"
        case q.StdDev():
            return f"stddev_pop({number})"
        case q.Min():
            return f"min({_plain(bindings, measure.field)})"
        case q.Max():
            return f"max({_plain(bindings, measure.field)})"
        case q.Quantiles(probabilities=probabilities):
            return f"quantile_cont({number}, {bindings.bind(list(probabilities), 'DOUBLE[]')})"
        case q.Distinct():
            return f"count(DISTINCT {column})"
        case q.Histogram(edges=edges):
            return histogram(bindings, number, edges)
        case q.TopTerms(size=size):
            entry = "{'n': -entry.value::BIGINT, 'term': entry.key}"
            entries = f"map_entries(histogram({_plain(bindings, measure.field)}))"
            ranked = f"list_sort(list_transform({entries}, lambda entry: {entry}))"
            return f"list_slice({ranked}, 1, {bindings.bind(size, 'BIGINT')})"


def _only(bindings: Bindings, where: q.Filter | None) -> str:
    return "" if where is None else f" FILTER (WHERE {compile_filter(bindings, where)})"
