"""What is asked of a store, as data.

A query names a dataset, a window, a filter, group keys and measures; each store compiles it to its own
language, and every store must answer it alike. The rules that make that possible:

- A group key that a document lacks is a group of its own, with the key None.
- A group without documents is absent, never a row of zeros; a query without keys always has one row.
- A null value is a missing one. Missing values and values of another type take no part in a measure.
- Over nothing, what counts or sums is 0 (`Count`, `Sum`, `SumSquares`, `Distinct`, each number of a
  `Histogram`), `TopTerms` is empty, and any other measure is None.
- A filter with a value of another type than the field's holds for no document; booleans are no numbers.
  `Equals` and `OneOf` hold for a list that has one of the values.
- Words, for `Matches`, are runs of letters, digits and `_`; a text without words matches nothing.
- A field of prose (`Type.TEXT`) is searched with `Matches` and `Exists`, and asked nothing else.
- For a filter an empty list is a missing value.
- Text is ordered by code points. Of a result that was put more than once, only the last is there.
- A document of a scan holds a family as an object, also where only a member of it was asked for.
- Rows come sorted by their keys in the order of `by`, ascending, None last.
- Time is UTC; windows are half-open. Dates of groups may be told up to `GROUP_DATE` early.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from operator import lt
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from mlmon.core import schema
from mlmon.core.errors import QueryError, nearest
from mlmon.core.schema import Dataset, Type
from mlmon.core.window import Window, parse_duration

GROUP_DATE: Final = timedelta(milliseconds=1)
"""How finely a cluster tells dates of groups; a window that is to hold the last one ends so much later."""

Scalar = str | int | float | bool | datetime


class Equals(Struct, frozen=True, tag="equals"):
    """The field has this value."""

    field: str
    value: Scalar


class OneOf(Struct, frozen=True, tag="one_of"):
    """The field has one of these values."""

    field: str
    values: tuple[Scalar, ...]


class Between(Struct, frozen=True, kw_only=True, tag="between"):
    """`start <= field < end`; a bound of None is open."""

    field: str
    start: Scalar | None = None
    end: Scalar | None = None


class Exists(Struct, frozen=True, tag="exists"):
    """The document has the field."""

    field: str


class Matches(Struct, frozen=True, tag="matches"):
    """The text holds these words next to each other, in any case; for people who search logs."""

    field: str
    text: str


class Not(Struct, frozen=True, tag="not"):
    """The filter does not hold; a missing field counts as not holding."""

    of: Filter


class AllOf(Struct, frozen=True, tag="all_of"):
    """Every filter holds."""

    of: tuple[Filter, ...]


class AnyOf(Struct, frozen=True, tag="any_of"):
    """At least one filter holds."""

    of: tuple[Filter, ...]


Filter = Equals | OneOf | Between | Exists | Matches | Not | AllOf | AnyOf


class Terms(Struct, frozen=True, tag="terms"):
    """One group a value of the field."""

    field: str


class TimeBucket(Struct, frozen=True, tag="time_bucket"):
    """One group a stretch of time; the key is its start.

    `every` is a fixed duration counted from 1970-01-01 (whole weeks from a Monday) or `month`.
    """

    every: str
    field: str = schema.TIMESTAMP


class NumberBucket(Struct, frozen=True, tag="number_bucket"):
    """One group an interval `[k * width, (k + 1) * width)` of a number; the key is its lower end."""

    field: str
    width: float


Key = Terms | TimeBucket | NumberBucket


class Count(Struct, frozen=True, kw_only=True, tag="count"):
    """How many documents, or how many that pass `where`."""

    where: Filter | None = None


class Sum(Struct, frozen=True, tag="sum"):
    """Sum of a number, over the documents that pass `where`."""

    field: str
    where: Filter | None = None


class SumSquares(Struct, frozen=True, tag="sum_squares"):
    """Sum of the squares of a number."""

    field: str


class Mean(Struct, frozen=True, tag="mean"):
    """Arithmetic mean."""

    field: str


class StdDev(Struct, frozen=True, tag="stddev"):
    """Standard deviation of the population."""

    field: str


class Min(Struct, frozen=True, tag="min"):
    """Smallest number or earliest date."""

    field: str


class Max(Struct, frozen=True, tag="max"):
    """Largest number or latest date."""

    field: str


class Quantiles(Struct, frozen=True, tag="quantiles"):
    """Values at the given probabilities, linearly interpolated; a list as long as `probabilities`."""

    field: str
    probabilities: tuple[float, ...]


class Distinct(Struct, frozen=True, tag="distinct"):
    """How many different values; some stores approximate above some thousands."""

    field: str


class Histogram(Struct, frozen=True, tag="histogram"):
    """Counts over given edges: a list of `len(edges) + 1` integers.

    The first counts values below `edges[0]`, the last those at or above `edges[-1]`, the k-th between
    them `edges[k-1] <= value < edges[k]`. The edges ascend strictly.
    """

    field: str
    edges: tuple[float, ...]


class TopTerms(Struct, frozen=True, tag="top_terms"):
    """The most frequent values: a list of `(value, count)`, most frequent first, ties by value."""

    field: str
    size: int = 10


Measure = Count | Sum | SumSquares | Mean | StdDev | Min | Max | Quantiles | Distinct | Histogram | TopTerms


class Query(Struct, frozen=True, kw_only=True):
    """A question whose answer is one row a group.

    `by` and `measures` name the columns of the answer. `time` is the field the window bounds: when it
    happened, or `schema.EVENT_INGESTED` for a job that looks for what is new.

    >>> from mlmon.core import schema
    >>> late = Query(
    ...     dataset=Dataset.INFERENCE,
    ...     where=Equals(schema.MODEL_NAME, "flight-delay"),
    ...     by={"hour": TimeBucket("1h"), "carrier": Terms(schema.member(schema.SEGMENT, "carrier"))},
    ...     measures={"n": Count(), "latency": Quantiles(schema.EVENT_DURATION, (0.5, 0.95))},
    ... )
    >>> check(late)
    """

    dataset: Dataset
    window: Window | None = None
    time: str = schema.TIMESTAMP
    where: Filter | None = None
    by: dict[str, Key] = {}
    measures: dict[str, Measure] = {}


class Scan(Struct, frozen=True, kw_only=True):
    """A request for documents themselves: log lines, exports, the outcomes to join.

    Documents come in batches, in the order of `time` and then of the id. `fields` of None means all.
    """

    dataset: Dataset
    window: Window | None = None
    time: str = schema.TIMESTAMP
    where: Filter | None = None
    fields: tuple[str, ...] | None = None
    newest_first: bool = False
    limit: int | None = None
    batch_size: int = 10_000


Row = dict[str, Any]


class Answer(Struct, frozen=True, kw_only=True):
    """The rows of a query, each a dict of its keys and measures, and what gave them.

    `sources` are the folder or the indices, `shards` how many shards of theirs answered; every one did.
    """

    rows: list[Row]
    sources: tuple[str, ...] = ()
    shards: int = 0

    def __iter__(self) -> Iterator[Row]:
        """The rows."""
        return iter(self.rows)

    def __len__(self) -> int:
        """How many rows."""
        return len(self.rows)


def both(first: Filter | None, second: Filter | None) -> Filter | None:
    """A filter that holds where both do; None holds everywhere."""
    if first is None or second is None:
        return first or second
    return AllOf((first, second))


def narrow(query: Query, where: Filter | None, window: Window | None = None) -> Query:
    """The same question of fewer documents."""
    return replace(query, where=both(query.where, where), window=window or query.window)


_NUMBERS: Final = frozenset({Type.LONG, Type.DOUBLE})
_ORDERED: Final = _NUMBERS | {Type.DATE}
_FAMILIES: Final = frozenset({Type.DOUBLE_MAP, Type.KEYWORD_MAP})
_NEEDS: Final[dict[type, frozenset[Type]]] = {
    Sum: _NUMBERS,
    SumSquares: _NUMBERS,
    Mean: _NUMBERS,
    StdDev: _NUMBERS,
    Min: _ORDERED,
    Max: _ORDERED,
    Quantiles: _NUMBERS,
    Histogram: _NUMBERS,
    NumberBucket: _NUMBERS,
    TimeBucket: frozenset({Type.DATE}),
}


def check(question: Query | Scan) -> None:
    """Refuse a question that no store could answer.

    Raises:
        QueryError: an unknown field, a field of a type the measure cannot use, edges that do not ascend.

    """
    _check_filter(question.where)
    if isinstance(question, Scan):
        for field in question.fields or ():
            _known(field, families=True)
        return
    for part in (*question.by.values(), *question.measures.values()):
        _check_part(part)


def _check_filter(where: Filter | None) -> None:
    for leaf in leaves_of(where):
        kind = _known(leaf.field)
        if kind is Type.TEXT and not isinstance(leaf, Matches | Exists):
            raise QueryError(
                f"'{leaf.field}' is prose and has no values to compare. Search its words with Matches."
            )


def _check_part(part: Key | Measure) -> None:
    _check_filter(getattr(part, "where", None))
    if isinstance(part, Count):
        return
    field = part.field
    kind = _known(field)
    if kind is Type.TEXT:
        raise QueryError(f"'{field}' is prose and has no values to group or count. Search it with Matches.")
    needs = _NEEDS.get(type(part))
    if needs is not None and kind not in needs:
        raise QueryError(
            f"{type(part).__name__} of '{field}' cannot be: it is a {kind}, not one of {sorted(needs)}."
        )
    _check_parameters(part)


def _ascends(edges: Sequence[float]) -> bool:
    """Whether there are edges, each below the next; NaN is below nothing, not even where it is alone."""
    return bool(edges) and edges[0] == edges[0] and all(map(lt, edges, edges[1:]))


def _check_parameters(part: Key | Measure) -> None:
    if isinstance(part, Histogram) and not _ascends(part.edges):
        raise QueryError(
            f"The histogram of '{part.field}' needs at least one edge, and edges that ascend strictly."
        )
    if isinstance(part, Quantiles) and not all(0 <= p <= 1 for p in part.probabilities):
        raise QueryError(
            f"The quantiles of '{part.field}' need probabilities from 0 to 1, got {part.probabilities}."
        )
    if isinstance(part, NumberBucket) and not part.width > 0:
        raise QueryError(f"The buckets of '{part.field}' need a width above 0, got {part.width}.")
    if isinstance(part, TimeBucket) and part.every != "month" and not parse_duration(part.every):
        raise QueryError(f"The buckets of '{part.field}' need a length above 0, got {part.every}.")


def _known(name: str, *, families: bool = False) -> Type:
    kind = schema.type_of(name)
    if kind is None or (kind in _FAMILIES and not families):
        hint = nearest(name, schema.FIELDS) if kind is None else f" Name a member, such as '{name}.NAME'."
        raise QueryError(f"'{name}' is no field that can be asked for.{hint}")
    return kind


def leaves_of(where: Filter | None) -> Iterator[Equals | OneOf | Between | Exists | Matches]:
    """The conditions of a filter that name a field."""
    match where:
        case None:
            return
        case Not(of=inner):
            yield from leaves_of(inner)
        case AllOf(of=parts) | AnyOf(of=parts):
            for part in parts:
                yield from leaves_of(part)
        case _:
            yield where
