"""Ids for log lines that came without one, so that a line that is sent again is known again.

The id of a line that says when it was written, to less than a second, is a hash of its sender's host and its
bytes, and of how often the same bytes came before in the same submission. So a batch that is sent again after
a failure changes nothing, and equal lines of one batch are all kept. What is given up: two equal lines of one
host that name the same moment and come in two batches count as one, since nobody could tell them from a
line that was sent twice.

A line without such a time gets an id that no other line has. Two equal ones may be two events, an hour apart,
and to store one twice after a failure is better than to lose one.
"""

from __future__ import annotations

import itertools
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import Final

_HASH_BYTES: Final = 16
Name = Callable[[bytes, bool], str]
"""Gives the id of a line of one submission: its bytes, and whether it says when it was written."""


class Naming:
    """Gives ids; one for a collector. Safe for threads."""

    def __init__(self) -> None:
        """Choose a prefix that no other collector has."""
        self._prefix: Final = f"collector.{secrets.token_hex(6)}"
        self._numbers: Iterator[int] = itertools.count()

    def of(self, source: str) -> Name:
        """Name the lines of one submission, in their order. `source` is where they came from.

        >>> line = b'{"time": "2013-03-01T10:00:00.123Z", "msg": "cold"}'
        >>> name, again = Naming().of("http 192.0.2.7"), Naming().of("http 192.0.2.7")
        >>> [name(line, True), name(line, True)] == [again(line, True), again(line, True)]
        True
        """
        seen: Counter[bytes] = Counter()

        def name(line: bytes, is_dated: bool) -> str:  # noqa: FBT001 - called once, by position, as `Name` says
            if not is_dated:
                return f"{self._prefix}-{next(self._numbers)}"
            digest = blake2b(source.encode() + b"\n" + line, digest_size=_HASH_BYTES).digest()
            before = seen[digest]
            seen[digest] += 1
            return f"line.{digest.hex()}-{before}"

        return name
