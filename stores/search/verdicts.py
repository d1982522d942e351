"""What a cluster says of each document of a bulk request, and what it means for the writer."""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

import msgspec
from msgspec import Struct

FILTER: Final = "errors,items.*.status,items.*.error"
"""The parts of the answer that are read; the cluster leaves out the rest."""

_FINE: Final = b'"errors":false'
_CONFLICT: Final = 409
_TOO_MANY: Final = 429
_OVERLOADED: Final = frozenset({_TOO_MANY, 500, 502, 503, 504})
_BAD: Final = 400
_PARSING: Final = frozenset({_BAD, 413})


class Verdict(Enum):
    """What became of a document."""

    STORED = auto()
    THERE = auto()
    AGAIN = auto()
    REFUSED = auto()
    STUCK = auto()


class Cause(Struct, frozen=True, kw_only=True):
    """Why, in the cluster's words."""

    type: str = "unknown"
    reason: str | None = None
    caused_by: Cause | None = None

    @property
    def text(self) -> str:
        """The reason, and the deepest cause of it where that says more."""
        deepest = self
        while deepest.caused_by is not None:
            deepest = deepest.caused_by
        said = self.reason or self.type
        more = deepest.reason or ""
        return said if more in said else f"{said}: {more}"


class Item(Struct, frozen=True, kw_only=True):
    """The answer of one document."""

    status: int
    error: Cause | None = None

    @property
    def verdict(self) -> Verdict:
        """What to do about it."""
        if self.status < 300:  # noqa: PLR2004 - HTTP's range of success
            return Verdict.STORED
        if self.status == _CONFLICT:
            return Verdict.THERE
        if self.status in _OVERLOADED:
            return Verdict.AGAIN
        if self.status in _PARSING:
            return Verdict.REFUSED
        return Verdict.STUCK

    @property
    def is_pushed_back(self) -> bool:
        """Whether the cluster has too much to do."""
        return self.status == _TOO_MANY


class _Answer(Struct, frozen=True):
    errors: bool
    items: list[dict[str, Item]] = []


_decode: Final = msgspec.json.Decoder(_Answer).decode


def is_fine(body: bytes) -> bool:
    """Whether an answer says that all documents of its request are stored, so that none need be read."""
    return _FINE in body[:64]


def read(body: bytes, count: int) -> list[Item]:
    """The answers of the documents of a request, in their order.

    Raises:
        ValueError: it is no answer to a bulk request of so many documents.

    """
    answer = _decode(body)
    items = [item for each in answer.items for item in each.values()]
    if len(items) != count:
        raise ValueError(f"{len(items)} answers came for {count} documents")
    return items


class _Failure(Struct, frozen=True):
    error: Cause | str = ""


def whole(body: bytes) -> str:
    """Why a whole request was refused, in the cluster's words."""
    try:
        error = msgspec.json.decode(body, type=_Failure).error
    except msgspec.DecodeError:
        return body[:200].decode(errors="replace")
    return error if isinstance(error, str) else error.text
