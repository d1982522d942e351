"""A small reader of rendered objects: it asks a cluster what Kibana would ask for a Lens object.

It knows the operations that mlmon renders and no other, and works from the saved object alone. Values of
several fields together are asked as groups within groups, which gives the same rows on every engine.
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]
_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|>=|<=|[<>():*]|(?:[^\s"():<>*\\]|\\.)+)')
_METRICS = {"sum": "sum", "average": "avg", "min": "min", "max": "max", "unique_count": "cardinality"}
_MISSING = "__missing__"
MOST = 1000


def dsl(text: str) -> Json:
    """Elasticsearch's query of a text in Kibana's language."""
    tokens = _TOKEN.findall(text)
    if not tokens:
        return {"match_all": {}}
    query, rest = _either(tokens)
    assert rest == [], f"left over of {text}: {rest}"
    return query


def _either(tokens: list[str]) -> tuple[Json, list[str]]:
    return _joined(tokens, "or", _all, "should")


def _all(tokens: list[str]) -> tuple[Json, list[str]]:
    return _joined(tokens, "and", _one, "filter")


def _joined(tokens: list[str], word: str, inner: Any, clause: str) -> tuple[Json, list[str]]:
    first, tokens = inner(tokens)
    parts = [first]
    while tokens and tokens[0] == word:
        part, tokens = inner(tokens[1:])
        parts.append(part)
    return (first if len(parts) == 1 else {"bool": {clause: parts}}), tokens


def _one(tokens: list[str]) -> tuple[Json, list[str]]:
    if tokens[0] == "not":
        inner, rest = _one(tokens[1:])
        return {"bool": {"must_not": [inner]}}, rest
    if tokens[0] == "(":
        inner, rest = _either(tokens[1:])
        assert rest[0] == ")"
        return inner, rest[1:]
    field, sign, *rest = tokens
    field = re.sub(r"\\(.)", r"\1", field)
    if sign in (">=", "<", ">", "<="):
        name = {">=": "gte", "<": "lt", ">": "gt", "<=": "lte"}[sign]
        return {"range": {field: {name: _value(rest[0])}}}, rest[1:]
    assert sign == ":"
    if rest[0] == "*":
        return {"exists": {"field": field}}, rest[1:]
    if rest[0] == "(":
        end = rest.index(")")
        values = [_value(token) for token in rest[1:end] if token != "or"]
        return {"bool": {"should": [_phrase(field, value) for value in values]}}, rest[end + 1 :]
    return _phrase(field, _value(rest[0])), rest[1:]


def _phrase(field: str, value: Any) -> Json:
    return {"match_phrase" if isinstance(value, str) else "match": {field: value}}


def _value(token: str) -> Any:
    if token.startswith('"'):
        return re.sub(r"\\(.)", r"\1", token[1:-1])
    if token in ("true", "false"):
        return token == "true"
    return float(token)


def layer_of(lens: Json) -> Json:
    """The layer that holds the data."""
    found: Json = lens["attributes"]["state"]["datasourceStates"]["formBased"]["layers"]["layer"]
    return found


def fields_of(column: Json) -> list[str]:
    """The fields of a column by values, the first of them first."""
    return [column["sourceField"], *column["params"].get("secondaryFields", ())]


def body(lens: Json, window: tuple[datetime, datetime] | None, interval: str) -> Json:
    """The search that the object stands for, of a window where its data view has a time."""
    columns = layer_of(lens)["columns"]
    where = [dsl(lens["attributes"]["state"]["query"]["query"])]
    if window is not None:
        start, end = (moment.isoformat() for moment in window)
        where.append({"range": {"@timestamp": {"gte": start, "lt": end}}})
    measures = {
        name: _measure(column)
        for name, column in columns.items()
        if not column["isBucketed"] and column["operationType"] not in ("math", "formula")
    }
    aggs = {f"m:{name}": made for name, made in measures.items() if made}
    for name, column in reversed([(name, columns[name]) for name in _buckets(lens)]):
        for at, group in reversed(list(enumerate(_groups(column, interval)))):
            aggs = {f"k:{name}:{at}": {**group, **({"aggs": aggs} if aggs else {})}}
    return {"size": 0, "track_total_hits": True, "query": {"bool": {"filter": where}}, "aggs": aggs}


def _buckets(lens: Json) -> list[str]:
    layer = layer_of(lens)
    return [name for name in layer["columnOrder"] if layer["columns"][name]["isBucketed"]]


def _groups(column: Json, interval: str) -> Iterator[Json]:
    params = column["params"]
    if column["operationType"] == "date_histogram":
        every = interval if params["interval"] == "auto" else params["interval"]
        kind = "calendar_interval" if every in ("1w", "1M") else "fixed_interval"
        yield {"date_histogram": {"field": column["sourceField"], kind: every, "min_doc_count": 1}}
        return
    assert column["operationType"] == "terms"
    missing = {"missing": _MISSING} if params["missingBucket"] else {}
    for field in fields_of(column):
        yield {"terms": {"field": field, "size": MOST, **missing}}


def _measure(column: Json) -> Json:
    operation = column["operationType"]
    made: Json = {}
    if operation == "percentile":
        made = {"percentiles": {"field": column["sourceField"], "percents": [column["params"]["percentile"]]}}
    elif operation == "standard_deviation":
        made = {"extended_stats": {"field": column["sourceField"]}}
    elif operation != "count":
        made = {_METRICS[operation]: {"field": column["sourceField"]}}
    if "filter" not in column:
        return made
    filtered: Json = {"filter": dsl(column["filter"]["query"])}
    return {**filtered, "aggs": {"of": made}} if made else filtered


def rows(lens: Json, answer: Json) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each group: its keys by field, and its values by column; a formula is computed of its parts."""
    columns = layer_of(lens)["columns"]
    path = [
        (f"k:{name}:{at}", field)
        for name in _buckets(lens)
        for at, field in enumerate(
            fields_of(columns[name]) if columns[name]["operationType"] == "terms" else ["@timestamp"]
        )
    ]
    whole = {**answer.get("aggregations", {}), "doc_count": answer["hits"]["total"]["value"]}
    yield from _walk(columns, whole, path, {})


def _walk(columns: Json, at: Json, path: list[tuple[str, str]], keys: Json) -> Iterator[tuple[Json, Json]]:
    if not path:
        yield keys, _values(columns, at)
        return
    (agg, field), *deeper = path
    for bucket in at[agg]["buckets"]:
        key: Any = bucket["key"]
        if field == "@timestamp":
            key = datetime.fromtimestamp(key / 1000, UTC)
        yield from _walk(columns, bucket, deeper, {**keys, field: None if key == _MISSING else key})


def _values(columns: Json, at: Json) -> Json:
    found: Json = {}
    for name, column in columns.items():
        if not column["isBucketed"] and column["operationType"] not in ("math", "formula"):
            found[name] = _read(column, at, at.get(f"m:{name}"))
    for name, column in columns.items():
        if column["operationType"] == "math":
            over, under = (found[part] for part in column["params"]["tinymathAst"]["args"])
            assert column["params"]["tinymathAst"]["name"] == "divide"
            found[name] = over / under if under else None
    for name, column in columns.items():
        if column["operationType"] == "formula":
            found[name] = found[column["references"][0]]
    return found


def _read(column: Json, at: Json, agg: Json | None) -> Any:
    if agg is not None and "filter" in column and "of" in agg:
        agg = agg["of"]
    if column["operationType"] == "count":
        return at["doc_count"] if agg is None else agg["doc_count"]
    assert agg is not None
    if column["operationType"] == "percentile":
        return next(iter(agg["values"].values()))
    if column["operationType"] == "standard_deviation":
        return agg["std_deviation"]
    value = agg["value"]
    if column["dataType"] == "date" and value is not None:
        return datetime.fromtimestamp(value / 1000, UTC)
    return value


def view_of(objects: list[Json], lens: Json) -> Json:
    """The data view of the layer that holds the data."""
    [wanted] = [each["id"] for each in lens["references"] if each["name"].endswith("-layer")]
    [view] = [each for each in objects if each["type"] == "index-pattern" and each["id"] == wanted]
    return view


def panels_of(dashboard: Json) -> list[Json]:
    """The panels of a dashboard."""
    found: list[Json] = json.loads(dashboard["attributes"]["panelsJSON"])
    return found
