"""What is sent to a cluster's bulk endpoint: two lines a document, the document's own bytes unchanged.

The only thing added is the time of ingestion, spliced in front, as the embedded store does it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import UNSET, Struct, UnsetType

from mlmon.core import schema
from mlmon.core.clock import to_text
from mlmon.core.event import Document, Event
from mlmon.stores.search import names

_INGESTED: Final = b'"%s"' % schema.EVENT_INGESTED.encode()
_NAMESPACE: Final = schema.NAMESPACE.encode()
_ESCAPE: Final = b"\\u"
"""A name may be spelled with it, so that its letters are not there to be found."""

_encode: Final = msgspec.json.Encoder().encode


class _Named(Struct):
    namespace: str | UnsetType | None = msgspec.field(default=UNSET, name=schema.NAMESPACE)


_named: Final = msgspec.json.Decoder(_Named).decode
_whole: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Line(Struct, frozen=True, kw_only=True, gc=False):
    """A document on its way: its place in the batch, its id, and its bytes without the opening brace."""

    place: int
    id: str
    rest: bytes


def of_event(place: int, event: Event) -> Line:
    """The line of an event."""
    return Line(place=place, id=event.id, rest=_rest(event.body))


def of_document(place: int, document: Document) -> Line:
    """The line of a result."""
    return Line(place=place, id=document[schema.EVENT_ID], rest=_encode(document)[1:])


def _rest(body: bytes) -> bytes:
    if _INGESTED in body or _ESCAPE in body:
        document = _whole(body)
        if document.pop(schema.EVENT_INGESTED, None) is not None:
            return _encode(document)[1:]
    if body[0] != ord("{"):
        body = body.lstrip()
    return body[1:]


def namespace_of(event: Event, default: str) -> str:
    """The namespace an event names, else the default.

    Raises:
        UsageError: it cannot be part of an index's name.

    """
    body = event.body
    if _NAMESPACE not in body and _ESCAPE not in body:
        return default
    named = _named(body).namespace
    return default if named is UNSET or named is None or named == default else names.checked(named)


def payload(lines: Iterable[Line], *, operation: str, ingested_ns: int) -> bytes:
    """The body of a bulk request for one index, every document stamped with the time of ingestion."""
    stamp = b'}}\n{%s:"%s",' % (_INGESTED, to_text(ingested_ns).encode())
    head = b'{"%s":{"_id":' % operation.encode()
    parts: list[bytes] = []
    for line in lines:
        parts += (head, _encode(line.id), stamp, line.rest, b"\n")
    return b"".join(parts)
