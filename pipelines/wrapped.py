"""Lines that an agent read from a file and sent within a record of its own.

An agent that parses lines itself changes them: times lose digits, numbers lose their form, and names of its
own come among the event's. So the configurations that are rendered for agents let the line alone and mark the
record around it, and here the line is taken out again, byte by byte as it stood in the file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any, Final

import msgspec
from msgspec import Struct

from mlmon.core import schema

MARK: Final = "mlmon_line"
"""The key that marks a record around a line; its value is free."""
_MARK_BYTES: Final = f'"{MARK}"'.encode()


class _Record(Struct, gc=False):
    line: str = msgspec.field(name=schema.MESSAGE)
    mark: Any = msgspec.field(name=MARK)


_record: Final = msgspec.json.Decoder(_Record).decode
_any: Final = msgspec.json.Decoder().decode


def unwrapped(lines: Sequence[bytes]) -> tuple[Sequence[bytes], Callable[[int], str | None] | None]:
    """The lines, those within marked records taken out; and how to name these where they have no id.

    A name is made of the whole record, so that one that is sent again is known again, while equal lines that
    were read at different times or places are told apart. A line that came by itself has none.

    >>> lines, name = unwrapped([b'{"mlmon_line": true, "message": "{}", "offset": 7}', b'{"a": 1}'])
    >>> lines, name is not None and name(1)
    ([b'{}', b'{"a": 1}'], None)
    """
    if not any([_MARK_BYTES in line for line in lines]):  # noqa: C419 - faster, and every batch pays
        return lines, None
    return [_line_of(line) for line in lines], lambda index: _name_of(lines[index])


def _line_of(record: bytes) -> bytes:
    if _MARK_BYTES in record:
        try:
            return _record(record).line.encode()
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return record
    return record


def _name_of(record: bytes) -> str | None:
    if _MARK_BYTES not in record:
        return None
    try:
        # An agent may write the members in another order when it sends the record again.
        record = msgspec.json.encode(_any(record), order="sorted")
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return f"agent.{blake2b(record, digest_size=16).hexdigest()}"
