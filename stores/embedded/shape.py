"""The shape of JSON lines: which columns they need, and the SELECT that reads them typed.

Members of an open family become one column each, found by looking at the lines. A family whose names cannot
all be columns (DuckDB takes names for the same that differ in case alone) stays one column of maps.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

import duckdb
from msgspec import Struct

from mlmon.core import schema
from mlmon.core.schema import FIELDS, Dataset, Type
from mlmon.stores.embedded.manifest import Columns
from mlmon.stores.embedded.sound import EXTRA

SQL_TYPES: Final = {
    Type.DATE: "TIMESTAMPTZ",
    Type.KEYWORD: "VARCHAR",
    Type.TEXT: "VARCHAR",
    Type.LONG: "BIGINT",
    Type.DOUBLE: "DOUBLE",
    Type.BOOLEAN: "BOOLEAN",
    Type.KEYWORD_LIST: "VARCHAR[]",
    Type.DOUBLE_MAP: "MAP(VARCHAR, DOUBLE)",
    Type.KEYWORD_MAP: "MAP(VARCHAR, VARCHAR)",
}
"""The type of a field's column."""

MAX_MEMBERS: Final = 1000
"""A family with more members stays a map."""

_FAMILIES: Final = tuple(field.name for field in FIELDS.values() if field.is_open)
_DATASETS: Final = {str(dataset): dataset for dataset in Dataset}
_LONGEST_NAME: Final = 200


def quoted(name: str) -> str:
    """An identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A string."""
    return "'" + text.replace("'", "''") + "'"


def reader(path: str, columns: Mapping[str, str]) -> str:
    """The table function that reads JSON lines with the given columns and types."""
    types = ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in columns.items())
    return f"read_json({literal(path)}, format='newline_delimited', columns={{{types}}})"


class Shape(Struct, frozen=True, kw_only=True):
    """The columns of one dataset's lines, and the keys that go to the extra column."""

    columns: Columns
    unknown: tuple[str, ...]


def discover(connection: duckdb.DuckDBPyConnection, path: str) -> dict[Dataset, Shape]:
    """The shapes of the lines of a file, by dataset.

    Raises:
        duckdb.Error: a line that DuckDB refuses.

    """
    paths = ", ".join(literal(path) for path in ("$", *map(_path_of, _FAMILIES)))
    dataset = f"json ->> {literal(_path_of(schema.EVENT_DATASET))}"
    # Each line is parsed once for all its keys, and lines are told apart by 64 bits of a hash: comparing the
    # lists of names themselves would cost more than finding them.
    found = f"{dataset} AS dataset, json_keys(json, [{paths}]) AS keys"
    lines = f"SELECT {found} FROM read_ndjson_objects({literal(path)})"
    rows = connection.execute(
        f"SELECT first(dataset), first(keys) FROM ({lines}) GROUP BY hash(dataset, keys)"
    ).fetchall()
    present: defaultdict[Dataset, set[str]] = defaultdict(set)
    members: defaultdict[Dataset, defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for name, (top, *families) in rows:
        if name not in _DATASETS:
            raise duckdb.InvalidInputException(f"A line has the dataset {name!r}.")
        present[_DATASETS[name]].update(top or ())
        for family, names in zip(_FAMILIES, families, strict=True):
            members[_DATASETS[name]][family].update(names or ())
    return {it: _shape(it, present[it], members[it]) for it in present}


def _path_of(name: str) -> str:
    return f"$.{quoted(name)}"


def _shape(dataset: Dataset, present: set[str], members: Mapping[str, set[str]]) -> Shape:
    declared = {field.name: field for field in schema.fields_of(dataset)}
    unknown = tuple(sorted(present - declared.keys()))
    families = [(name, tuple(sorted(members[name]))) for name in declared if members.get(name)]
    columns = Columns(
        fields=tuple(name for name in declared if name in present and not declared[name].is_open),
        members=tuple((name, names) for name, names in families if can_be_columns(names)),
        maps=tuple((name, names) for name, names in families if not can_be_columns(names)),
        extra=bool(unknown),
    )
    return Shape(columns=columns, unknown=unknown)


def can_be_columns(names: tuple[str, ...]) -> bool:
    """Whether the members of a family can be columns of one file."""
    return (
        len(names) <= MAX_MEMBERS
        and len({name.lower() for name in names}) == len(names)
        and all(name and name.isprintable() and len(name) <= _LONGEST_NAME for name in names)
    )


def select(path: str, dataset: Dataset, shape: Shape) -> str:
    """The SELECT that reads one dataset of a file of JSON lines into its columns."""
    columns = shape.columns
    types = {name: SQL_TYPES[FIELDS[name].type] for name in columns.fields}
    types |= {family: _struct(family, names) for family, names in columns.members}
    types |= {family: SQL_TYPES[FIELDS[family].type] for family, _ in columns.maps}
    types |= dict.fromkeys(shape.unknown, "JSON")
    outputs = [quoted(name) for name in columns.fields]
    for family, names in columns.members:
        outputs += [
            f"struct_extract({quoted(family)}, {literal(name)}) AS {quoted(schema.member(family, name))}"
            for name in names
        ]
    outputs += [quoted(family) for family, _ in columns.maps]
    if columns.extra:
        outputs.append(f"{_extra(shape.unknown)} AS {quoted(EXTRA)}")
    return (
        f"SELECT {', '.join(outputs)} FROM {reader(path, types)} "
        f"WHERE {quoted(schema.EVENT_DATASET)} = {literal(dataset)}"
    )


def _struct(family: str, names: tuple[str, ...]) -> str:
    kind = "DOUBLE" if FIELDS[family].type is Type.DOUBLE_MAP else "VARCHAR"
    return f"STRUCT({', '.join(f'{quoted(name)} {kind}' for name in names)})"


def _extra(keys: tuple[str, ...]) -> str:
    """One object of the unknown keys; NULL where a document has none of them."""
    own = [key for key in keys if key != EXTRA]
    parts = [f"json_object({', '.join(f'{literal(key)}, {quoted(key)}' for key in own)})"] if own else []
    if EXTRA in keys:
        parts.append(quoted(EXTRA))
    if not parts:
        return "NULL"
    merged = parts[0] if len(parts) == 1 else f"json_merge_patch({', '.join(parts)})"
    present = " OR ".join(f"{quoted(key)} IS NOT NULL" for key in keys)
    return f"CASE WHEN {present} THEN CAST({merged} AS VARCHAR) END"
