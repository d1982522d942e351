"""What is sent to a cluster's bulk endpoint: two lines a document, the document's own bytes unchanged.

The only thing added is the time of ingestion, spliced in front, as the embedded store does it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Final

import msgspec
from msgspec import Struct

from mlmon.core import schema
from mlmon.core.clock import to_text
from mlmon.core.event import Event

_INGESTED: Final = b'"%s"' % schema.EVENT_INGESTED.encode()
_BRACE: Final = ord("{")

_encode: Final = msgspec.json.Encoder().encode
_whole: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Lines(Struct, kw_only=True):
    """Documents on their way to one place: each with its own place in the batch that it came in.

    Two lists and no object a document, since making that would cost a tenth of what sending one does.
    """

    events: list[Event] = []
    places: list[int] = []

    @classmethod
    def of(cls, pairs: Iterable[tuple[int, Event]]) -> Lines:
        """Some documents, each with its place."""
        lines = cls()
        for place, event in pairs:
            lines.places.append(place)
            lines.events.append(event)
        return lines

    def __len__(self) -> int:
        """How many there are."""
        return len(self.events)

    def __iter__(self) -> Iterator[tuple[int, Event]]:
        """Each document with its place."""
        return zip(self.places, self.events, strict=True)

    def __add__(self, others: Lines) -> Lines:
        """These, and others behind them."""
        return Lines(events=self.events + others.events, places=self.places + others.places)

    def part(self, first: int, last: int) -> Lines:
        """Those from one to another, which is left out."""
        return Lines(events=self.events[first:last], places=self.places[first:last])

    def but(self, ids: Collection[str]) -> Lines:
        """Those of other ids than these."""
        return Lines.of((place, event) for place, event in self if event.id not in ids)


def payload(events: Iterable[Event], *, operation: str, ingested_ns: int) -> bytes:
    """The body of a bulk request for one index, every document stamped with the time of ingestion."""
    head = b'{"%s":{"_id":' % operation.encode()
    stamp = b'}}\n{%s:"%s",' % (_INGESTED, to_text(ingested_ns).encode())
    parts: list[bytes] = []
    for event in events:
        body = event.body
        if event.is_stamped or body[0] != _BRACE:
            body = _plain(event)
        parts += (head, _encode(event.id), stamp, body[1:], b"\n")
    return b"".join(parts)


def _plain(event: Event) -> bytes:
    """The body without a time of ingestion of its own, and without blanks in front."""
    if not event.is_stamped:
        return event.body.lstrip()
    document = _whole(event.body)
    document.pop(schema.EVENT_INGESTED, None)
    return _encode(document)
