"""An event that a cluster cannot index is stored all the same: what it stumbles over is kept, unindexed.

A cluster refuses an event for a name in it: an empty one, on OpenSearch one that has a dot where another
feature has none, or one too many. The families' members then move under a field of which no mapping is made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from mlmon.core import schema
from mlmon.core.event import Document
from mlmon.stores.search.mapping import UNINDEXED

_FAMILIES: Final = tuple(field.name for field in schema.FIELDS.values() if field.is_open)


def hard_names(body: bytes) -> bytes | None:
    """The document with the members aside whose names are empty, blank or have dots; None where none has."""
    return _moved(body, lambda name: not name.strip() or "." in name)


def all_members(body: bytes) -> bytes | None:
    """The document with all members of families aside; None where it has none."""
    return _moved(body, lambda _: True)


def _moved(body: bytes, is_hard: Callable[[str], bool]) -> bytes | None:
    document: Document = msgspec.json.decode(body)
    aside: dict[str, Any] = document.pop(UNINDEXED, None) or {}
    found = False
    for family in _FAMILIES:
        members = document.get(family)
        if not isinstance(members, dict):
            continue
        hard = {name: value for name, value in members.items() if is_hard(name)}
        if hard:
            found = True
            document[family] = {name: value for name, value in members.items() if name not in hard}
            aside[family] = {**aside.get(family, {}), **hard}
    if not found:
        return None
    return msgspec.json.encode({**document, UNINDEXED: aside})
