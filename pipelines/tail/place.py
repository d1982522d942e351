"""How far a file has been read, and how that file is known again.

A path may name another file tomorrow, and an inode may be given to a new one. So a place is held against the
bytes before it: a file is the same if its first bytes, and the last ones that were read of it, are what they
were.
"""

from __future__ import annotations

import os
import secrets
from hashlib import blake2b
from typing import Final, NamedTuple

from msgspec import Struct

COMPARED_BYTES: Final = 1024
"""How many bytes at the start of a file, and how many before a place, are compared."""
_NAME_BYTES: Final = 8


class Key(NamedTuple):
    """What the operating system knows a file by, as long as it exists."""

    device: int
    inode: int


class Place(Struct, frozen=True, kw_only=True):
    """Up to where a file is stored.

    `name` is drawn when the file is first seen and stays with it, so that a line of it that has no id is
    given the same one whenever it is read. `head` and `last` are digests of bytes at the start and before
    `offset`; `begun_bytes` is how many are in `head` while nothing is known to be stored. `modified_ns` is
    when the file was last written to, as far as is known; `gone_ns` since when no such file is found, 0 where
    it is there. Both are nanoseconds since 1970. `is_done` says that it was read to its end before it was
    gone, so that nobody need look where it went.
    """

    path: str
    device: int
    inode: int
    name: str
    offset: int = 0
    begun_bytes: int = 0
    head: str = ""
    last: str = ""
    modified_ns: int = 0
    gone_ns: int = 0
    is_done: bool = False

    @property
    def key(self) -> Key:
        """What the operating system knew the file by."""
        return Key(self.device, self.inode)

    @property
    def has_bytes(self) -> bool:
        """Whether it is known by what stands in the file, and not by its key alone."""
        return bool(self.offset or self.begun_bytes)


def new(path: str, key: Key, *, modified_ns: int) -> Place:
    """The start of a file that was not seen before, last written to at a time in ns since 1970."""
    return Place(
        path=path,
        device=key.device,
        inode=key.inode,
        name=secrets.token_hex(_NAME_BYTES),
        modified_ns=modified_ns,
    )


def key_of(status: os.stat_result) -> Key:
    """The key of a file."""
    return Key(status.st_dev, status.st_ino)


def digest(data: bytes) -> str:
    """What stands for some bytes in a place; nothing for none."""
    return blake2b(data, digest_size=16).hexdigest() if data else ""


def is_at(descriptor: int, place: Place) -> bool:
    """Whether an open file is the one that was read up to a place."""
    count = min(COMPARED_BYTES, place.offset)
    last = os.pread(descriptor, count, place.offset - count)
    head = os.pread(descriptor, count or place.begun_bytes, 0)
    return (digest(last), digest(head)) == (place.last, place.head)
