"""Numbers events and writes them as bytes: the hot path of every log call.

What all events of a kind share is serialised once, into a head. An event then costs one `orjson.dumps` of a
small flat dictionary and one formatting of bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import count
from secrets import token_hex
from typing import Final

from msgspec import Struct

from mlmon.core import schema
from mlmon.core.clock import NS_PER_SECOND, to_text
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


class Producer:
    """Gives the events of one logger in one process their ids, `<producer id>-<sequence>`. Safe for threads.

    `redact` sees the body of each event before it is serialised.
    """

    def __init__(self, identity: Identity, redact: Redactor | None = None) -> None:
        self._identity = identity
        self._redact = redact
        self.begin_anew()

    def begin_anew(self) -> None:
        """Take a new id and count from 0."""
        self.id: str = token_hex(6)
        self._sequence = count()
        self._inferences = count()
        self._heads: dict[Kind, bytes] = {}
        self._latest = (0, _text_of(0))

    @property
    def written(self) -> int:
        """How many events took a number."""
        return int(repr(self._sequence)[6:-1])  # `count(7)`: looks at the next number without taking it

    def new_inference_id(self) -> str:
        """An id that no other inference of any process has."""
        return f"{self.id}.{next(self._inferences)}"

    def write(self, kind: Kind, at_ns: int, body: Document) -> bytes:
        """One event as JSON, one line without its end. `body` has at least one field and is not kept."""
        if self._redact is not None:
            body = self._redact(body)
        try:
            tail = dumps(body)
        except TypeError:
            tail = clean(body)
        if len(tail) > MAX_EVENT_BYTES:
            tail = clean(body)
        second = at_ns // NS_PER_SECOND
        latest = self._latest
        if latest[0] != second:
            self._latest = latest = (second, _text_of(second))
        try:
            head = self._heads[kind]
        except KeyError:
            head = self._head(kind)
        number = next(self._sequence)
        return head % (latest[1], at_ns // 1000 % 1_000_000, number, number, tail[1:])

    def write_many(self, kind: Kind, events: Iterable[tuple[int, Document]]) -> list[bytes]:
        """As `write`, for pairs of a moment and a body."""
        write = self.write
        return [write(kind, at_ns, body) for at_ns, body in events]

    def _head(self, kind: Kind) -> bytes:
        """A template of an event's bytes: second, microsecond, number, number, body without its brace."""
        values = static_fields(self._identity, kind.dataset, self.id)
        if kind.outcome is not None:
            values[schema.EVENT_OUTCOME] = kind.outcome
        fixed = clean(values)[1:-1].replace(b"%", b"%%")
        names = (schema.TIMESTAMP, schema.LOG_LEVEL, schema.EVENT_ID, schema.EVENT_SEQUENCE)
        timestamp, level, event_id, sequence = _encoded(names)
        head = b'{"%b":"%%b.%%06dZ","%b":"%b","%b":"%b-%%d","%b":%%d,%b,%%b' % (
            timestamp,
            level,
            kind.level_name.encode(),
            event_id,
            self.id.encode(),
            sequence,
            fixed,
        )
        self._heads[kind] = head
        return head


def _encoded(names: Iterable[str]) -> Iterator[bytes]:
    return (name.encode() for name in names)


@lru_cache(maxsize=4096)  # the rows of a batch come back to the same seconds
def _text_of(second: int) -> bytes:
    return to_text(second * NS_PER_SECOND).partition(".")[0].encode()
