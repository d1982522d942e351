"""Numbers events and writes them as bytes: the hot path of every log call.

What all events of a kind share is serialised once, into a head. An event then costs one `orjson.dumps` of a
small flat dictionary and one join of bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import count
from secrets import token_hex
from typing import Final

from msgspec import Struct

from mlmon.core import schema
from mlmon.core.clock import to_text
from mlmon.core.event import Document
from mlmon.core.schema import Dataset
from mlmon.logging_sdk.encode import MAX_EVENT_BYTES, clean, dumps
from mlmon.logging_sdk.identity import Identity, static_fields
from mlmon.logging_sdk.redact import Redactor


class Kind(Struct, frozen=True, eq=False):
    """What the head of an event depends on. Compared by identity, because the hot path looks it up."""

    dataset: Dataset
    level: int
    level_name: str
    outcome: str | None = None


SERVED: Final = Kind(Dataset.INFERENCE, 20, "info", "success")
UNANSWERED: Final = Kind(Dataset.INFERENCE, 20, "info", "unknown")
FAILED: Final = Kind(Dataset.INFERENCE, 40, "error", "failure")
OUTCOME: Final = Kind(Dataset.OUTCOME, 20, "info")
LINES: Final = {
    name: Kind(Dataset.APP, level, name)
    for name, level in {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}.items()
}
KINDS: Final = (SERVED, UNANSWERED, FAILED, OUTCOME, *LINES.values())

Write = Callable[[int, Document], bytes]
"""Writes an event: its moment in nanoseconds, and its body, which has a field at least and is not kept."""

_NS_PER_MILLISECOND: Final = 1_000_000
_DIGITS: Final = tuple(b"%03d" % number for number in range(1000))


class Producer:
    """Gives the events of one logger in one process their ids, `<producer id>-<sequence>`. Safe for threads.

    `redact` sees the body of each event before it is serialised. `writers` has a function for each
    kind, which `begin_anew` makes out of date; so has `inference_numbers`, from which ids are made.
    """

    def __init__(self, identity: Identity, redact: Redactor | None = None) -> None:
        self._identity = identity
        self._redact = redact
        self.begin_anew()

    def begin_anew(self) -> None:
        """Take a new id and count from 0."""
        self.id: str = token_hex(6)
        self._sequence = count()
        self.inference_numbers = count()
        self.writers: Mapping[Kind, Write] = {kind: self._make_writer(kind) for kind in KINDS}

    def new_inference_id(self) -> str:
        """An id that no other inference of any process has."""
        return f"{self.id}.{next(self.inference_numbers)}"

    @property
    def written(self) -> int:
        """How many events took a number."""
        return int(repr(self._sequence)[6:-1])  # `count(7)`: looks at the next number without taking it

    def fields(self, dataset: Dataset) -> Document:
        """What its documents of a dataset have in common."""
        return static_fields(self._identity, dataset, self.id)

    def write(self, kind: Kind, at_ns: int, body: Document) -> bytes:
        """One event as JSON, one line without its end. `body` has at least one field and is not kept."""
        return self.writers[kind](at_ns, body)

    def _make_writer(self, kind: Kind) -> Write:
        """Flat, and with all it needs at hand: this is what each event costs."""
        redact, sequence, join = self._redact, self._sequence, b"".join
        before_moment, before_id, before_sequence, rest = self._head(kind)
        latest = (0, _text_of(0))

        def write(at_ns: int, body: Document) -> bytes:
            nonlocal latest
            if redact is not None:
                body = redact(body)
            try:
                tail = dumps(body)
                if len(tail) > MAX_EVENT_BYTES:
                    tail = clean(body)
            except TypeError:
                tail = clean(body)
            since, start = latest  # read at once: another thread may have another millisecond
            offset_ns = at_ns - since
            if not 0 <= offset_ns < _NS_PER_MILLISECOND:
                offset_ns = at_ns % _NS_PER_MILLISECOND
                latest = (at_ns - offset_ns, start := _text_of(at_ns // _NS_PER_MILLISECOND))
            digits = _DIGITS[offset_ns // 1000]
            number = str(next(sequence)).encode()  # taken last, so that what fails before leaves no gap
            return join(
                (before_moment, start, digits, before_id, number, before_sequence, number, rest, tail[1:])
            )

        return write

    def _head(self, kind: Kind) -> tuple[bytes, bytes, bytes, bytes]:
        """What stands before the moment, the id's number, the sequence, and the body less its brace."""
        values = self.fields(kind.dataset)
        if kind.outcome is not None:
            values[schema.EVENT_OUTCOME] = kind.outcome
        names = (schema.TIMESTAMP, schema.LOG_LEVEL, schema.EVENT_ID, schema.EVENT_SEQUENCE)
        timestamp, level, event_id, sequence = _encoded(names)
        return (
            b'{"%b":"' % timestamp,
            b'Z","%b":"%b","%b":"%b-' % (level, kind.level_name.encode(), event_id, self.id.encode()),
            b'","%b":' % sequence,
            b",%b," % clean(values)[1:-1],
        )


def _encoded(names: Iterable[str]) -> Iterator[bytes]:
    return (name.encode() for name in names)


@lru_cache(maxsize=4096)  # the rows of a batch come back to the same moments
def _text_of(millisecond: int) -> bytes:
    return to_text(millisecond * _NS_PER_MILLISECOND)[:-4].encode()
