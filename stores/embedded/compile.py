"""From a question to SQL: pure functions of the question and the shape of what holds the documents.

Values are bound as parameters, never spliced. Every condition is written so that NULL stands for "does not
hold"; only `Not` has to say so, the connectives keep it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from msgspec import Struct

from mlmon.core import query as q
from mlmon.core import schema
from mlmon.core.clock import to_ns
from mlmon.core.query import Query, Scan
from mlmon.core.schema import RESULTS, Type
from mlmon.core.window import floor, parse_duration
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


_NEVER: Final = "false"
_TEXTS: Final = frozenset({Type.KEYWORD, Type.TEXT})
_NUMBERS: Final = frozenset({Type.LONG, Type.DOUBLE})
_LONGEST: Final = 2**63 - 1
_MANY: Final = 32
"""From so many values on, a list joined to the column is quicker than a condition with a value each."""

_IDENTITY: Final = frozenset(
    {
        schema.TIMESTAMP, schema.EVENT_ID, schema.RESULT_ANALYZER, schema.MODEL_NAME, schema.MODEL_VERSION,
        schema.RESULT_SEGMENT, schema.METRIC_NAME, schema.RESULT_SUBJECT, schema.WINDOW_SIZE,
        schema.WINDOW_START,
    }
)  # fmt: skip
"""Fields that two results of the same id share, so that asking for them before the last is chosen is safe."""


class _Writer:
    """Collects the statement's parameters while its text is made, and gives each field a column name."""

    def __init__(self, fields: Iterable[str]) -> None:
        self.parameters: list[Any] = []
        self.columns = {name: f"c{position}" for position, name in enumerate(dict.fromkeys(fields))}
        self.lists: list[list[float]] = []

    def hold(self, values: list[float]) -> str:
        """The name of a list in a table of its own: as a constant it would be made anew for each vector."""
        self.lists.append(values)
        return f"edges.e{len(self.lists) - 1}"

    def bind(self, value: object, cast: str = "") -> str:
        self.parameters.append(value)
        return f"?::{cast}" if cast else "?"


def compile_query(query: Query, sources: Sequence[Source], *, unique: bool = False) -> Sql:
    """The statement whose rows are the answer: keys, then measures, in the order of the query.

    Dates come as microseconds since the epoch. `unique` says that no result is in the sources twice.
    """
    writer = _Writer(_fields_of(query))
    head = _rows(writer, query, sources, unique=unique)
    before = len(writer.parameters)
    outputs = [_key(writer, key) for key in query.by.values()]
    outputs += [_measure(writer, measure) for measure in query.measures.values()]
    condition = _where(writer, query)
    tables = "documents"
    if writer.lists:
        lists = ", ".join(f"?::DOUBLE[] AS e{place}" for place in range(len(writer.lists)))
        head, tables = f"{head},\nedges AS MATERIALIZED (SELECT {lists})", "documents, edges"
        writer.parameters[before:before] = writer.lists
    text = f"{head}\nSELECT {', '.join(outputs) or '1'}\nFROM {tables}\nWHERE {condition}"
    if query.by:
        positions = [str(position) for position in range(1, len(query.by) + 1)]
        text += f"\nGROUP BY {', '.join(positions)}"
        text += f"\nORDER BY {', '.join(f'{position} NULLS LAST' for position in positions)}"
    elif not query.measures:
        text += "\nLIMIT 0"
    return Sql(text=text, parameters=tuple(writer.parameters))


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
    writer = _Writer([scan.time, schema.EVENT_ID, *_filtered(scan.where), *names])
    head = _rows(writer, scan, sources, unique=unique)
    moment, identity = f"epoch_us({writer.columns[scan.time]})", writer.columns[schema.EVENT_ID]
    columns = [_plain(writer, name) for name in names]
    condition = _where(writer, scan)
    direction = "DESC" if scan.newest_first else "ASC"
    if after is not None:
        sign = "<" if scan.newest_first else ">"
        condition += (
            f" AND ({moment}, {identity}) {sign} ({writer.bind(after.moment)}, {writer.bind(after.id)})"
        )
    text = (
        f"{head}\nSELECT {', '.join([moment, identity, *columns])}\nFROM documents\nWHERE {condition}"
        f"\nORDER BY 1 {direction} NULLS LAST, 2 {direction}"
    )
    if scan.limit is not None:
        text += f"\nLIMIT {writer.bind(scan.limit, 'BIGINT')}"
    return Sql(text=text, parameters=tuple(writer.parameters))


def _fields_of(query: Query) -> Iterator[str]:
    yield query.time
    yield from _filtered(query.where)
    for part in (*query.by.values(), *query.measures.values()):
        if not isinstance(part, q.Count):
            yield part.field
        yield from _filtered(getattr(part, "where", None))


def _filtered(where: q.Filter | None) -> Iterator[str]:
    match where:
        case None:
            return
        case q.Not(of=inner):
            yield from _filtered(inner)
        case q.AllOf(of=parts) | q.AnyOf(of=parts):
            for part in parts:
                yield from _filtered(part)
        case _:
            yield where.field


def _rows(writer: _Writer, question: Query | Scan, sources: Sequence[Source], *, unique: bool) -> str:
    """The documents of all sources under the writer's column names, results only in their last form."""
    replacing = question.dataset in RESULTS and not unique
    if replacing:
        for name in (schema.EVENT_ID, schema.EVENT_INGESTED):
            writer.columns.setdefault(name, f"c{len(writer.columns)}")
    selects = [_source(writer, source) for source in sources] or [_nothing(writer)]
    documents = "\n  UNION ALL\n".join(selects)
    if not replacing:
        return f"WITH documents AS (\n{documents}\n)"
    conditions = [_time(writer, question)] if question.time in _IDENTITY else []
    conditions += [_filter(writer, part) for part in _of_identity(question.where)]
    return (
        f"WITH versions AS (\n{documents}\n), documents AS (\n  SELECT * FROM versions\n"
        f"  WHERE {' AND '.join(part for part in conditions if part) or 'true'}\n"
        f"  QUALIFY row_number() OVER (PARTITION BY {writer.columns[schema.EVENT_ID]}"
        f" ORDER BY {writer.columns[schema.EVENT_INGESTED]} DESC) = 1\n)"
    )


def _of_identity(where: q.Filter | None) -> Iterator[q.Filter]:
    if isinstance(where, q.AllOf):
        for part in where.of:
            yield from _of_identity(part)
    elif where is not None and set(_filtered(where)) <= _IDENTITY:
        yield where


def _source(writer: _Writer, source: Source) -> str:
    columns = [
        f"{_held_as(writer, name, source.columns)} AS {alias}" for name, alias in writer.columns.items()
    ]
    relation = quoted(source.table)
    if source.files:
        relation = f"read_parquet({writer.bind(list(source.files))})"
    return f"  SELECT {', '.join(columns)}\n  FROM {relation}"


def _nothing(writer: _Writer) -> str:
    columns = [f"NULL::{_type(name)} AS {alias}" for name, alias in writer.columns.items()]
    return f"  SELECT {', '.join(columns)} WHERE false"


def _type(name: str) -> str:
    return "VARCHAR" if name == EXTRA else SQL_TYPES[schema.type_of(name) or Type.KEYWORD]


def _held_as(writer: _Writer, name: str, columns: Columns) -> str:
    """Where a source holds a field; NULL where it has none."""
    if name in columns.fields or (name == EXTRA and columns.extra):
        return quoted(name)
    family = schema.family_of(name)
    if family is not None:
        field, key = family
        if key in dict(columns.members).get(field.name, ()):
            return quoted(name)
        if key in dict(columns.maps).get(field.name, ()):
            return f"{quoted(field.name)}[{writer.bind(key, 'VARCHAR')}]"
    return f"NULL::{_type(name)}"


def _where(writer: _Writer, question: Query | Scan) -> str:
    parts = [_time(writer, question), _filter(writer, question.where) if question.where is not None else ""]
    return " AND ".join(f"({part})" for part in parts if part) or "true"


def _time(writer: _Writer, question: Query | Scan) -> str:
    if question.window is None:
        return ""
    column = writer.columns[question.time]
    start, end = (_moment(writer, bound) for bound in (question.window.start, question.window.end))
    return f"{column} >= {start} AND {column} < {end}"


def _moment(writer: _Writer, moment: datetime) -> str:
    return f"make_timestamptz({writer.bind(to_ns(moment) // 1000, 'BIGINT')})"


def _filter(writer: _Writer, where: q.Filter) -> str:  # noqa: PLR0911 - one line a filter
    match where:
        case q.Equals(field=field, value=value):
            return _one_of(writer, field, (value,))
        case q.OneOf(field=field, values=values):
            return _one_of(writer, field, values)
        case q.Between():
            return _between(writer, where)
        case q.Exists(field=field):
            return _exists(writer, field)
        case q.Matches(field=field, text=text):
            return _matches(writer, field, text)
        case q.Not(of=inner):
            return f"NOT coalesce({_filter(writer, inner)}, false)"
        case q.AllOf(of=parts):
            return _joined(writer, parts, " AND ", "true")
        case q.AnyOf(of=parts):
            return _joined(writer, parts, " OR ", _NEVER)


def _exists(writer: _Writer, field: str) -> str:
    column = writer.columns[field]
    return f"len({column}) > 0" if schema.type_of(field) is Type.KEYWORD_LIST else f"{column} IS NOT NULL"


def _joined(writer: _Writer, parts: tuple[q.Filter, ...], word: str, empty: str) -> str:
    return word.join(f"({_filter(writer, part)})" for part in parts) or empty


def _one_of(writer: _Writer, field: str, values: tuple[q.Scalar, ...]) -> str:
    kind = schema.type_of(field)
    column = writer.columns[field]
    if len(values) >= _MANY and kind in _TEXTS:
        words = [value for value in values if isinstance(value, str)]
        return f"{column} IN (SELECT unnest({writer.bind(words, 'VARCHAR[]')}))"
    if len(values) >= _MANY and kind is Type.LONG and all(_is_long(value) for value in values):
        return f"{column} IN (SELECT unnest({writer.bind(list(values), 'BIGINT[]')}))"
    bound = [text for value in values if (text := _value(writer, kind, value)) is not None]
    if not bound:
        return _NEVER
    if kind is Type.KEYWORD_LIST:
        return f"list_has_any({column}, [{', '.join(bound)}])"
    return f"{column} = {bound[0]}" if len(bound) == 1 else f"{column} IN ({', '.join(bound)})"


def _is_long(value: q.Scalar) -> bool:
    return type(value) is int and abs(value) <= _LONGEST


def _between(writer: _Writer, where: q.Between) -> str:
    kind = schema.type_of(where.field)
    parts = []
    for sign, bound in ((">=", where.start), ("<", where.end)):
        if bound is None:
            continue
        text = None if kind is Type.KEYWORD_LIST else _value(writer, kind, bound)
        if text is None:
            return _NEVER
        parts.append(f"{writer.columns[where.field]} {sign} {text}")
    return " AND ".join(parts) or _exists(writer, where.field)


def _value(writer: _Writer, kind: Type | None, value: q.Scalar) -> str | None:
    """A value as a parameter; None where no document can have it, since the field has another type."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind in _NUMBERS and is_number:
        return writer.bind(value)
    if kind is Type.BOOLEAN and isinstance(value, bool):
        return writer.bind(value)
    if kind is Type.DATE and isinstance(value, datetime):
        return _moment(writer, value)
    if kind in (*_TEXTS, Type.KEYWORD_LIST) and isinstance(value, str):
        return writer.bind(value, "VARCHAR")
    return None


def _matches(writer: _Writer, field: str, text: str) -> str:
    words = re.findall(r"\w+", text.lower())
    if schema.type_of(field) not in _TEXTS or not words:
        return _NEVER
    pattern = r"[^\p{L}\p{N}_]+".join(words)
    pattern = rf"(^|[^\p{{L}}\p{{N}}_]){pattern}($|[^\p{{L}}\p{{N}}_])"
    return f"regexp_matches(lower({writer.columns[field]}), {writer.bind(pattern)})"


def _key(writer: _Writer, key: q.Key) -> str:
    match key:
        case q.Terms(field=field):
            return _plain(writer, field)
        case q.TimeBucket(field=field, every="month"):
            column = writer.columns[field]
            return f"epoch_us(date_trunc('month', make_timestamp(epoch_us({column}))))"
        case q.TimeBucket(field=field, every=every):
            return _bucket(f"epoch_us({writer.columns[field]})", every)
        case q.NumberBucket(field=field, width=width):
            size = writer.bind(width, "DOUBLE"), writer.bind(width, "DOUBLE")
            return f"floor({writer.columns[field]} / {size[0]}) * {size[1]} + 0.0"


def _bucket(column: str, every: str) -> str:
    """Where the stretch that holds a time begins; `%` keeps the sign, so it is taken twice."""
    step = parse_duration(every) // timedelta(microseconds=1)
    origin = to_ns(floor(datetime(1970, 1, 8, tzinfo=UTC), every)) // 1000 % step
    return f"{column} - (({column} - {origin}) % {step} + {step}) % {step}"


def _plain(writer: _Writer, field: str) -> str:
    column = writer.columns[field]
    return f"epoch_us({column})" if schema.type_of(field) is Type.DATE else column


def _measure(writer: _Writer, measure: q.Measure) -> str:  # noqa: C901, PLR0911 - one line a measure
    if isinstance(measure, q.Count):
        return f"count(*){_only(writer, measure.where)}"
    column = writer.columns[measure.field]
    number = f"{column}::DOUBLE" if schema.type_of(measure.field) is Type.LONG else column
    match measure:
        case q.Sum(where=where):
            return f"coalesce(sum({column}){_only(writer, where)}, 0)::DOUBLE"
        case q.SumSquares():
            return f"coalesce(sum({number} * {number}), 0)"
        case q.Mean():
            return f"avg({number})"
        case q.StdDev():
            return f"stddev_pop({number})"
        case q.Min():
            return f"min({_plain(writer, measure.field)})"
        case q.Max():
            return f"max({_plain(writer, measure.field)})"
        case q.Quantiles(probabilities=probabilities):
            return f"quantile_cont({number}, {writer.bind(list(probabilities), 'DOUBLE[]')})"
        case q.Distinct():
            return f"count(DISTINCT {column})"
        case q.Histogram(edges=edges):
            # DuckDB counts what is at most a bin; at most the number just below an edge is below the edge.
            bins = [math.nextafter(edge, -math.inf) for edge in edges]
            return f"map_values(histogram({number}, {writer.hold(bins)}))"
        case q.TopTerms(size=size):
            entry = "{'n': -entry.value::BIGINT, 'term': entry.key}"
            entries = f"map_entries(histogram({_plain(writer, measure.field)}))"
            ranked = f"list_sort(list_transform({entries}, lambda entry: {entry}))"
            return f"list_slice({ranked}, 1, {writer.bind(size, 'BIGINT')})"


def _only(writer: _Writer, where: q.Filter | None) -> str:
    return "" if where is None else f" FILTER (WHERE {_filter(writer, where)})"
