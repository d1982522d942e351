"""Keys and measures of a query as the columns of a Lens layer.

Every column is named after the column of the answer that it is, so that what was rendered can be read back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from mlmon.core import schema
from mlmon.core.panel import AUTO, Panel, Ratio, Unit
from mlmon.core.query import (
    Count,
    Distinct,
    Key,
    Max,
    Mean,
    Measure,
    Min,
    NumberBucket,
    Quantiles,
    Query,
    StdDev,
    Sum,
    Terms,
    TimeBucket,
)
from mlmon.core.schema import Type
from mlmon.kibana.kql import kql
from mlmon.kibana.objects import Json
from mlmon.kibana.refused import RefusedError

RECORDS: Final = "___records___"
"""What Kibana calls documents themselves, where they are counted."""

_OPERATIONS: Final[Mapping[type, str]] = {
    Sum: "sum",
    Mean: "average",
    StdDev: "standard_deviation",
    Min: "min",
    Max: "max",
    Distinct: "unique_count",
}
_INTERVALS: Final = {"month": "1M", "7d": "1w"}
"""Weeks and months by the calendar, since theirs begin on Mondays and firsts as ours do."""

_FORMATS: Final[Mapping[Unit, Json]] = {
    Unit.RATIO: {"id": "percent", "params": {"decimals": 1}},
    Unit.COUNT: {"id": "number", "params": {"decimals": 0}},
    Unit.BYTES: {"id": "bytes", "params": {"decimals": 1}},
    Unit.NANOSECONDS: {
        "id": "duration",
        "params": {"decimals": 1, "fromUnit": "nanoseconds", "toUnit": "humanizePrecise", "compact": True},
    },
    Unit.SECONDS: {
        "id": "duration",
        "params": {"decimals": 1, "fromUnit": "seconds", "toUnit": "humanizePrecise", "compact": True},
    },
}


def words(column: str) -> str:
    """A column's name for a person."""
    return {"n": "count", "low": "low (95 %)", "high": "high (95 %)"}.get(column, column.replace("_", " "))


def time_column(key: TimeBucket) -> Json:
    """A column of time; Kibana chooses the interval where the bucket's size suits the window."""
    interval = AUTO if key.every == AUTO else _INTERVALS.get(key.every, key.every)
    return {
        "label": key.field,
        "dataType": "date",
        "operationType": "date_histogram",
        "sourceField": key.field,
        "isBucketed": True,
        "scale": "interval",
        "params": {"interval": interval, "includeEmptyRows": True, "dropPartials": False},
    }


def terms_column(names: list[str], fields: list[str], *, size: int, by: str | None, rest: bool) -> Json:
    """A column of the values of a field, or of several fields together.

    The largest of column `by` come first; without one, the first by name. With `rest` all other values are
    one more, and so are documents without a value.
    """
    parent = {"id": "terms" if len(fields) == 1 else "multi_terms"}
    order = {"type": "alphabetical", "fallback": True} if by is None else {"type": "column", "columnId": by}
    more = {"secondaryFields": fields[1:]} if len(fields) > 1 else {}
    return {
        "label": " › ".join(words(name) for name in names),  # noqa: RUF001 - as Kibana joins the values
        "customLabel": True,
        "dataType": "string",
        "operationType": "terms",
        "sourceField": fields[0],
        "isBucketed": True,
        "scale": "ordinal",
        "params": {
            "size": size,
            "orderBy": order,
            "orderDirection": "asc" if by is None else "desc",
            "otherBucket": rest,
            "missingBucket": rest,
            "parentFormat": parent,
            **more,
        },
    }


def value_columns(panel: Panel, query: Query, names: Iterable[str]) -> dict[str, Json]:
    """The columns of these of a panel's measures, by name; a ratio brings the parts it is made of.

    Raises:
        RefusedError: a measure that Lens does not have.

    """
    columns: dict[str, Json] = {}
    for name in names:
        if name in panel.ratios:
            columns |= _ratio(name, panel.ratios[name], query)
        else:
            columns |= _measured(name, query.measures[name], unit_of(panel, name))
    return columns


def shown(panel: Panel, query: Query, name: str) -> list[str]:
    """The columns that stand for one of the panel's: one, or one a quantile."""
    measure = query.measures.get(name)
    if isinstance(measure, Quantiles):
        return [_quantile(name, probability) for probability in measure.probabilities]
    return [name] if name in query.measures or name in panel.ratios else []


def unit_of(panel: Panel, name: str) -> Unit:
    """What a column's numbers are in: the panel's unit, or what the column says itself."""
    if name in panel.ratios:
        return Unit.RATIO
    measure = panel.query.measures[name]
    if isinstance(measure, Count | Distinct) or getattr(measure, "field", None) == schema.RESULT_N:
        return Unit.COUNT
    field = schema.FIELDS.get(getattr(measure, "field", ""))
    return Unit.NANOSECONDS if field is not None and field.unit == "ns" else panel.unit


def refuse_intervals(keys: Iterable[Key]) -> None:
    """Refuse a question by intervals of numbers.

    Raises:
        RefusedError: there is one.

    """
    for key in keys:
        if isinstance(key, NumberBucket):
            raise RefusedError(
                "Lens chooses the intervals of numbers itself, and cannot keep to those of "
                f"{key.width:g} that {key.field} is asked in."
            )


def rank(panel: Panel, column: str) -> str | None:
    """The column to rank values by; Lens ranks by none that is a formula."""
    return None if column in panel.ratios else column


def time_key(query: Query) -> tuple[str, TimeBucket] | None:
    """The key over time, where there is one, with its name."""
    return next(((name, key) for name, key in query.by.items() if isinstance(key, TimeBucket)), None)


def terms_keys(query: Query) -> dict[str, Terms]:
    """The keys by values, with their names."""
    return {name: key for name, key in query.by.items() if isinstance(key, Terms)}


def _measured(name: str, measure: Measure, unit: Unit) -> dict[str, Json]:
    if isinstance(measure, Quantiles):
        return {
            _quantile(name, probability): _column(
                f"p{100 * probability:g}", "percentile", measure.field, unit,
                params={"percentile": 100 * probability},
            )
            for probability in measure.probabilities
        }  # fmt: skip
    return {name: _plain(words(name), measure, unit)}


def _plain(label: str, measure: Measure, unit: Unit) -> Json:
    """One column of one measure."""
    if isinstance(measure, Count):
        made = _column(label, "count", RECORDS, unit, params={"emptyAsNull": True})
    else:
        operation = _OPERATIONS.get(type(measure))
        if operation is None:
            raise RefusedError(f"Lens has no operation for {type(measure).__name__} of {measure.field}.")
        more = {"emptyAsNull": True} if operation in ("sum", "unique_count") else {}
        made = _column(label, operation, measure.field, unit, params=more)
    where = getattr(measure, "where", None)
    if where is not None:
        made["filter"] = {"language": "kuery", "query": kql(where)}
    return made


def _column(label: str, operation: str, field: str, unit: Unit, *, params: Json) -> Json:
    is_date = operation in ("min", "max") and schema.type_of(field) is Type.DATE
    form = {} if is_date or unit not in _FORMATS else {"format": _FORMATS[unit]}
    return {
        "label": label,
        "customLabel": True,
        "dataType": "date" if is_date else "number",
        "operationType": operation,
        "sourceField": field,
        "isBucketed": False,
        "scale": "ratio",
        "params": {**params, **form},
    }


def _quantile(name: str, probability: float) -> str:
    return f"{name}-p{100 * probability:g}".replace(".", "_")


def _ratio(name: str, ratio: Ratio, query: Query) -> dict[str, Json]:
    """A formula, with the hidden columns that Kibana makes of its parts."""
    over, under = query.measures[ratio.over], query.measures[ratio.under]
    formula = f"{_formula(over)} / {_formula(under)}"
    ids = [f"{name}X0", f"{name}X1", f"{name}X2"]
    label = f"Part of {words(name)}"
    division: dict[str, Any] = {
        "type": "function",
        "name": "divide",
        "args": ids[:2],
        "location": {"min": 0, "max": len(formula)},
        "text": formula,
    }
    base = {"dataType": "number", "isBucketed": False, "scale": "ratio", "customLabel": True}
    part = {
        id_: {**_plain(label, measure, Unit.PLAIN), "params": {"emptyAsNull": False}}
        for id_, measure in zip(ids, (over, under), strict=False)
    }
    return {
        **part,
        ids[2]: {
            **base, "label": label, "operationType": "math",
            "params": {"tinymathAst": division}, "references": ids[:2],
        },
        name: {
            **base, "label": words(name), "operationType": "formula",
            "params": {"formula": formula, "isFormulaBroken": False, "format": _FORMATS[Unit.RATIO]},
            "references": [ids[2]],
        },
    }  # fmt: skip


def _formula(measure: Measure) -> str:
    """A measure as Lens writes it in formulas."""
    where = kql(getattr(measure, "where", None)).replace("\\", "\\\\").replace("'", "\\'")
    if isinstance(measure, Count):
        return f"count(kql='{where}')" if where else "count()"
    operation = _OPERATIONS.get(type(measure))
    if operation is None or isinstance(measure, Quantiles):
        raise RefusedError(f"A formula of Lens has no {type(measure).__name__}.")
    more = f", kql='{where}'" if where else ""
    return f"{operation}('{measure.field}'{more})"
