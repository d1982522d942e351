"""What is there held against what should be there, by what a person would call a difference.

What Kibana adds of its own does not count, and neither does the version of the form it keeps an object in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct

from mlmon.kibana.objects import Json


class Status(StrEnum):
    """How an object compares with what it should be."""

    SAME = "same"
    ABSENT = "absent"
    DIFFERS = "differs"


class Comparison(Struct, frozen=True, kw_only=True):
    """One object, how it is, and the keys that differ: what is there, and what should be."""

    type: str
    id: str
    title: str
    status: Status
    differences: dict[str, tuple[str | None, str]] = {}


def compare(objects: Sequence[Json], there: Mapping[tuple[str, str], Json]) -> list[Comparison]:
    """Each object held against the one of its type and id that is there."""
    return [_compared(each, there.get((each["type"], each["id"]))) for each in objects]


def _compared(wanted: Json, found: Json | None) -> Comparison:
    title = str(wanted["attributes"]["title"])
    if found is None:
        return Comparison(type=wanted["type"], id=wanted["id"], title=title, status=Status.ABSENT)
    old, new = dict(_known(found)), dict(_known(wanted))
    differences = {key: (old.get(key), value) for key, value in new.items() if old.get(key) != value}
    return Comparison(
        type=wanted["type"],
        id=wanted["id"],
        title=title,
        status=Status.DIFFERS if differences else Status.SAME,
        differences=differences,
    )


def _known(each: Json) -> Iterator[tuple[str, str]]:
    """What counts of an object: its attributes, and what it names by which name."""
    yield from _flat("", each.get("attributes", {}))
    for to in each.get("references", ()):
        yield f"references.{to['name']}", f"{to['type']} {to['id']}"


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - any JSON
    if isinstance(value, str) and value[:1] in "{[" and value:
        value = _inner(value)
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(f"{prefix}.{key}" if prefix else str(key), inner)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _flat(f"{prefix}[{place}]", inner)
    elif value is not None:
        yield prefix, str(value)


def _inner(text: str) -> Any:  # noqa: ANN401 - any JSON
    """The JSON within a text, or the text where it is none."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
