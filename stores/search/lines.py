"""What is sent to a cluster's bulk endpoint: two lines a document, the document's own bytes unchanged.

The only thing added is the time of ingestion, spliced in front, as the embedded store does it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct

from mlmon.core import schema
from mlmon.core.clock import to_text
from mlmon.core.event import Document, Event

_INGESTED: Final = b'"%s"' % schema.EVENT_INGESTED.encode()
_BRACE: Final = ord("{")

_encode: Final = msgspec.json.Encoder().encode
_whole: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Line(Struct, frozen=True, kw_only=True, gc=False):
    """A document on its way: its place in the batch, its id, and its bytes without the opening brace.

    `time` is an event's own, by which it is looked for in a stream.
    """

    place: int
    id: str
    rest: bytes
    time: datetime | None = None


def of_event(place: int, event: Event) -> Line:
    """The line of an event."""
    body = event.body
    if event.is_stamped:
        document = _whole(body)
        document.pop(schema.EVENT_INGESTED, None)
        body = _encode(document)
    elif body[0] != _BRACE:
        body = body.lstrip()
    return Line(place=place, id=event.id, rest=body[1:], time=event.timestamp)


def of_document(place: int, document: Document) -> Line:
    """The line of a result."""
    return Line(place=place, id=document[schema.EVENT_ID], rest=_encode(document)[1:])


def payload(lines: Iterable[Line], *, operation: str, ingested_ns: int) -> bytes:
    """The body of a bulk request for one index, every document stamped with the time of ingestion."""
    stamp = b'}}\n{%s:"%s",' % (_INGESTED, to_text(ingested_ns).encode())
    head = b'{"%s":{"_id":' % operation.encode()
    parts: list[bytes] = []
    for line in lines:
        parts += (head, _encode(line.id), stamp, line.rest, b"\n")
    return b"".join(parts)
