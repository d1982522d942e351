"""Saved objects: their form, their ids, and the file that Kibana imports.

The older form of 8.9 is written, which every later 8.x and 9.x imports and brings up to date itself. Ids are
made of names, so that what is pushed again replaces itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from mlmon.core.schema import Dataset

Json = dict[str, Any]
"""A JSON object."""

_CORE_VERSION: Final = "8.8.0"
_TYPE_VERSIONS: Final = {
    "dashboard": "8.9.0",
    "lens": "8.9.0",
    "index-pattern": "8.0.0",
    "search": "8.0.0",
    "visualization": "8.5.0",
}


class Frame(Struct, frozen=True, kw_only=True):
    """What all objects of one push share.

    `patterns` says where the documents of each dataset are; `size` is the size of the windows whose results
    are shown; `prefix` begins every id, and differs between namespaces and between spaces.
    """

    patterns: Mapping[Dataset, str]
    size: str = "1d"
    prefix: str = "mlmon"

    def id(self, kind: str, name: str) -> str:
        """The id of an object; results of another size than days are objects of their own."""
        sized = "" if self.size == "1d" or kind == "view" else f"-{self.size}"
        return f"{self.prefix}-{kind}-{name}{sized}"


def prefix(*, space: str, namespace: str) -> str:
    """How ids begin: an id belongs to one space only, and a namespace has dashboards of its own.

    >>> prefix(space="default", namespace="default"), prefix(space="team", namespace="default")
    ('mlmon', 'mlmon-team')
    """
    apart = [name for name in (space, namespace) if name != "default"]
    return "-".join(["mlmon", *apart])


def reference(kind: str, id_: str, name: str) -> Json:
    """What an object names another one by."""
    return {"type": kind, "id": id_, "name": name}


def saved(kind: str, id_: str, attributes: Json, references: Sequence[Json] = ()) -> Json:
    """A saved object in the form of an export."""
    return {
        "type": kind,
        "id": id_,
        "attributes": attributes,
        "references": [*references],
        "managed": False,
        "coreMigrationVersion": _CORE_VERSION,
        "typeMigrationVersion": _TYPE_VERSIONS[kind],
    }


def text(value: Any) -> str:  # noqa: ANN401 - any JSON
    """JSON within JSON, as saved objects keep much of what they hold."""
    return msgspec.json.encode(value).decode()


def ndjson(objects: Iterable[Mapping[str, Any]]) -> bytes:
    """The file that is imported: one object a line."""
    return b"".join(msgspec.json.encode(each) + b"\n" for each in objects)
