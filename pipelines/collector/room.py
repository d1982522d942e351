"""The memory that messages may take while they are being received, shared by all connections."""

from __future__ import annotations

import asyncio
from typing import Final


class Room:
    """Counts bytes up to a limit. For one event loop."""

    def __init__(self, most_bytes: int) -> None:
        """Start empty."""
        self._most = most_bytes
        self._freed = asyncio.Event()
        self._first: Share | None = None
        self.used = 0

    @property
    def is_full(self) -> bool:
        """Whether nothing more should be read, but by the one share that goes first."""
        return self.used >= self._most

    def share(self) -> Share:
        """The part of one connection, to begin with nothing."""
        return Share(self)

    def fits(self, more: int, *, beside: int) -> bool:
        """Whether so many bytes more are within the limit; who is alone, `beside` its own, always fits."""
        return self.used == beside or self.used + more <= self._most

    def add(self, more: int) -> None:
        """Count bytes, or with a negative number give them back."""
        self.used += more
        if more < 0 and not self.is_full:
            self._freed.set()

    def goes_first(self, share: Share) -> bool:
        """Whether this share, which holds something, may go on though the room is full.

        One may at a time, until it holds nothing: else all could hold a part and wait for each other.
        """
        if self._first is None and share.held:
            self._first = share
        return self._first is share

    def is_done(self, share: Share) -> None:
        """Let another go first."""
        if self._first is share:
            self._first = None
            self._freed.set()

    async def until_changed(self) -> None:
        """Wait until something was given back."""
        self._freed.clear()
        await self._freed.wait()


class Share:
    """What one connection holds of the room."""

    def __init__(self, room: Room) -> None:
        """Hold nothing."""
        self._room: Final = room
        self.held = 0

    async def until_free(self) -> None:
        """Wait until more may be read."""
        while self._room.is_full and not self._room.goes_first(self):
            await self._room.until_changed()

    def try_hold(self, size: int) -> bool:
        """Hold this many bytes in all; changes nothing and says False where the limit would be passed."""
        if size > self.held and not self._room.fits(size - self.held, beside=self.held):
            return False
        self.hold(size)
        return True

    def hold(self, size: int) -> None:
        """Hold this many bytes in all, whatever the limit: they are there."""
        self._room.add(size - self.held)
        self.held = size
        if not size:
            self._room.is_done(self)

    def free(self) -> None:
        """Give all back."""
        self.hold(0)
