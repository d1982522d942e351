"""One file that is being followed."""

from __future__ import annotations

import os
from time import monotonic, time_ns
from typing import Final

from msgspec import structs

from mlmon.pipelines.tail.cut import Cut, Cutter
from mlmon.pipelines.tail.place import COMPARED_BYTES, Place, is_at
from mlmon.pipelines.tail.rotated import opened

CHUNK_BYTES: Final = 1 << 20
"""How much of one file is read at a time."""
_SETTLED_NS: Final = 2 * 10**9
"""Two writes so close together may bear the same time, so a file written to just now is looked into."""


class Follower:
    """An open file, read from its place on. For one thread.

    `place` is moved by whoever made the lines before it durable; until then nothing more is read.
    """

    def __init__(self, descriptor: int, place: Place, *, max_line_bytes: int) -> None:
        """Take over the open file, which is at the place."""
        count = min(COMPARED_BYTES, place.offset)
        self.place = place
        self.is_rewritten = False
        self.size = os.fstat(descriptor).st_size
        self._descriptor = descriptor
        self._modified_ns = -1
        self._grew_at = monotonic()
        self._cutter = Cutter(
            max_line_bytes=max_line_bytes,
            offset=place.offset,
            head=os.pread(descriptor, count, 0),
            last=os.pread(descriptor, count, place.offset - count),
        )

    @property
    def idle_s(self) -> float:
        """How long nothing has come."""
        return monotonic() - self._grew_at

    @property
    def is_behind(self) -> bool:
        """Whether there is more to read, as far as is known."""
        return self.size > self._cutter.read_to

    @property
    def is_amid_line(self) -> bool:
        """Whether a line has begun that has no end yet."""
        return self._cutter.is_amid_line

    def read(self) -> Cut | None:
        """The next lines; None where none has ended. Where it is another file now, `is_rewritten` says so."""
        status = os.fstat(self._descriptor)
        is_same = (status.st_size, status.st_mtime_ns) == (self._cutter.read_to, self._modified_ns)
        if is_same and time_ns() - status.st_mtime_ns > _SETTLED_NS:
            return None
        self.size = status.st_size
        if not is_at(self._descriptor, self.place):
            self.is_rewritten = True
            return None
        if status.st_size < self._cutter.read_to:
            self._go_back()
        data = os.pread(self._descriptor, CHUNK_BYTES, self._cutter.read_to)
        self._modified_ns = status.st_mtime_ns
        if not data:
            return None
        if not is_at(self._descriptor, self.place):
            # It was truncated between the two looks, and the data may be of before or after.
            self.is_rewritten = True
            return None
        self._grew_at = monotonic()
        return self._cutter.feed(data)

    def begins(self, data: bytes) -> bool:
        """Whether the file starts with some bytes."""
        return os.pread(self._descriptor, len(data), 0) == data

    def is_copied(self, path: str, first: Place) -> bool:
        """Whether another file is a copy of this one, read up to a place, or is becoming one."""
        try:
            with opened(path) as descriptor:
                begins = os.pread(descriptor, COMPARED_BYTES, 0)
                is_short = os.fstat(descriptor).st_size < first.offset
                return self.begins(begins) if is_short else is_at(descriptor, first)
        except OSError:
            return True

    def finish(self) -> Cut | None:
        """The last line, which has no end and gets none any more."""
        return self._cutter.finish()

    def after(self, cut: Cut) -> Place:
        """The place behind some lines."""
        return structs.replace(
            self.place,
            offset=cut.end,
            begun_bytes=0,
            head=cut.head,
            last=cut.last,
            modified_ns=max(self._modified_ns, 0),
        )

    def close(self) -> Place:
        """Close the file; gives the place with the time of the last write."""
        os.close(self._descriptor)
        return structs.replace(self.place, modified_ns=max(self._modified_ns, self.place.modified_ns))

    def _go_back(self) -> None:
        """The line that had begun was taken back; what stands there now is read anew."""
        count = min(COMPARED_BYTES, self.place.offset)
        self._cutter.back(os.pread(self._descriptor, count, self.place.offset - count))
