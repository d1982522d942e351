"""Who a refused record came from, as far as it still says so.

A record that was refused may be cut off, of a wrong type or no JSON at all; what can be read of it is enough
to count it for its producer.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec
from msgspec import Struct

from mlmon.core import schema

_MOST_BYTES_SEARCHED: Final = 1 << 16
_MOST_CHARACTERS: Final = 512
_NAMES: Final = {
    "event_id": schema.EVENT_ID,
    "producer": schema.PRODUCER_ID,
    "sequence": schema.EVENT_SEQUENCE,
    "model": schema.MODEL_NAME,
    "service": schema.SERVICE_NAME,
}
_SEARCHED: Final = {
    # A quote with a backslash before it is within a text, so what follows is no key.
    key: re.compile(rb'(?<!\\)"' + re.escape(name.encode()) + rb'"\s*:\s*(?:"([^"\\]{1,512})"|(\d{1,18})\b)')
    for key, name in _NAMES.items()
}


class Origin(Struct, frozen=True, kw_only=True):
    """What a record says of where it came from; None where it does not."""

    event_id: str | None = None
    producer: str | None = None
    sequence: int | None = None
    model: str | None = None
    service: str | None = None


_Head = msgspec.defstruct("_Head", [(key, Any, None) for key in _NAMES], rename=_NAMES, gc=False)
_decode: Final = msgspec.json.Decoder(_Head).decode


def origin_of(record: bytes) -> Origin:
    """Read who wrote a record, whatever is wrong with it.

    >>> origin_of(b'{"event.id":"a-7","event.sequence":7,"mlmon.producer.id":"a","mess')
    Origin(event_id='a-7', producer='a', sequence=7, model=None, service=None)
    """
    try:
        head = _decode(record)
        found = {key: getattr(head, key) for key in _NAMES}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = _searched(record[:_MOST_BYTES_SEARCHED])
    return Origin(**{key: value for key, value in found.items() if _is_fit(key, value)})


def _searched(record: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, pattern in _SEARCHED.items():
        if match := pattern.search(record):
            text, number = match.groups()
            found[key] = text.decode(errors="replace") if number is None else int(number)
    return found


def _is_fit(key: str, value: Any) -> bool:  # noqa: ANN401 - whatever a record holds
    if key == "sequence":
        return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63
    return isinstance(value, str) and 0 < len(value) <= _MOST_CHARACTERS
