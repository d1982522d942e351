"""The mapping of each field, made from the schema; what templates and queries agree on.

Dates are `date_nanos`, so that a window, an order and a cursor are exact to the microsecond; such a field
holds times from 1970 to 2262. Numbers of a family are always doubles and its words always keywords, so two
models cannot clash over a type. What no field is declared for is kept and not indexed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mlmon.core import schema
from mlmon.core.schema import Dataset, Field, Type

LONGEST_KEYWORD: Final = 1024
"""Characters; a longer word is kept, and not found."""

UNINDEXED: Final = "mlmon.unindexed"
"""Members of families whose names a cluster refuses: kept under their family's name, and not indexed."""

_KEYWORD: Final = {"type": "keyword", "ignore_above": LONGEST_KEYWORD}
_DOUBLE: Final = {"type": "double", "ignore_malformed": True}
_SCALARS: Final[Mapping[Type, dict[str, Any]]] = {
    Type.DATE: {"type": "date_nanos", "ignore_malformed": True},
    Type.KEYWORD: _KEYWORD,
    Type.KEYWORD_LIST: _KEYWORD,
    Type.TEXT: {"type": "text"},
    Type.LONG: {"type": "long", "ignore_malformed": True},
    Type.DOUBLE: _DOUBLE,
    Type.BOOLEAN: {"type": "boolean"},
}


def mapping(dataset: Dataset, *, dotted_members: bool) -> dict[str, Any]:
    """The mapping of one dataset's documents.

    `dotted_members` lets a member's name have dots and yet be one leaf, which OpenSearch cannot.
    """
    fields = schema.fields_of(dataset)
    tree: dict[str, Any] = {}
    for field in fields:
        _place(tree, field.name.split("."), _of_field(field, dotted_members=dotted_members))
    _place(tree, UNINDEXED.split("."), {"type": "object", "enabled": False})
    return {
        "dynamic": False,
        "date_detection": False,
        "numeric_detection": False,
        "dynamic_templates": [_of_members(field) for field in fields if field.is_open],
        "properties": tree,
    }


def _of_field(field: Field, *, dotted_members: bool) -> dict[str, Any]:
    if field.is_open:
        return {"type": "object", "dynamic": True} | ({"subobjects": False} if dotted_members else {})
    if field.name == schema.TIMESTAMP:
        return {"type": "date_nanos"}  # a data stream wants each document to have it
    return dict(_SCALARS[field.type])


def _of_members(field: Field) -> dict[str, Any]:
    kind = _DOUBLE if field.type is Type.DOUBLE_MAP else _KEYWORD
    return {field.name: {"path_match": f"{field.name}.*", "mapping": dict(kind)}}


def _place(tree: dict[str, Any], path: list[str], leaf: dict[str, Any]) -> None:
    for part in path[:-1]:
        tree = tree.setdefault(part, {"properties": {}})["properties"]
    tree[path[-1]] = leaf


def state_mapping() -> dict[str, Any]:
    """The mapping of small named values: found by name, their bytes only kept."""
    return {
        "dynamic": False,
        "properties": {"name": {"type": "keyword"}, "value": {"type": "binary"}},
    }
