"""One file of a spool: written at its end by its owner, read from its begin, gone once it is acknowledged."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from time import time
from typing import Final

from mlmon.logging_sdk.disk.frames import HEAD_BYTES, Frame, count_torn, frame, head, read_frames, read_head

SUFFIX: Final = ".seg"
_CHUNK: Final = 1024 * 1024
_READ_AHEAD: Final = 2_000


class Segment:
    """Records of one level. Not safe for threads; its spool has the lock.

    `written` counts its records, `seen` those that were read, `lost` those that were found damaged;
    `changed_at` is when it was written last, in seconds since the epoch.
    """

    __slots__ = (
        "_file", "_ready", "acked_at", "changed_at", "in_flight", "is_dirty", "is_sealed", "level", "lost",
        "path", "read_at", "seen", "size", "written",
    )  # fmt: skip

    def __init__(self, path: Path, level: int, file: int) -> None:
        self.path = path
        self.level = level
        self._file = file
        self._ready: deque[Frame] = deque()
        self.size = HEAD_BYTES
        self.read_at = self.acked_at = HEAD_BYTES
        self.written = self.seen = self.in_flight = self.lost = 0
        self.is_sealed = self.is_dirty = False
        self.changed_at = time()

    @property
    def waiting(self) -> int:
        """How many records are still to be taken; after damage, of a file of a dead process, an estimate."""
        return max(0, self.written - self.seen) + len(self._ready)

    @property
    def is_done(self) -> bool:
        """Whether nothing of it is needed any more."""
        return self.is_sealed and not self.in_flight and not self._ready and self.read_at >= self.size

    def append(self, turns: Sequence[int], records: Sequence[bytes]) -> None:
        """Write records, each with its turn, at the end; all of them or none.

        Raises:
            OSError: they cannot be written, for example because the disk is full.

        """
        data = b"".join(map(frame, turns, count(self.written), records))
        try:
            _write(self._file, data, self.size)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._file, self.size)
            raise
        self.size += len(data)
        self.written += len(records)
        self.is_dirty = True
        self.changed_at = time()

    def peek(self) -> Frame | None:
        """The next record to take; None where there is none now."""
        if not self._ready and self.read_at < self.size:
            self._read()
        return self._ready[0] if self._ready else None

    def take(self) -> Frame:
        """Take the record that `peek` gave."""
        taken = self._ready.popleft()
        self.in_flight += 1
        return taken

    def ack(self, end: int, ordinal: int, number: int) -> None:
        """Note that `number` records, up to the byte `end` and below `ordinal`, need not be sent again."""
        self.in_flight -= number
        self.acked_at = end
        with suppress(OSError):  # then they are sent again by the next process, under the same ids
            os.pwrite(self._file, head(end, ordinal), 0)

    def dirty_file(self) -> int:
        """A descriptor of its own for the caller to sync and to close; the segment counts as synced then.

        Raises:
            OSError: there are too many open files.

        """
        file = os.dup(self._file)
        self.is_dirty = False
        return file

    def close(self) -> None:
        """Close the file and keep it."""
        if self._file >= 0:
            with suppress(OSError):
                os.close(self._file)
            self._file = -1

    def delete(self) -> None:
        """Close the file and remove it."""
        self.close()
        with suppress(OSError):
            self.path.unlink()

    def _read(self) -> None:
        """Read the next records; damage before, between and behind them is passed over and counted."""
        rest = self.size - self.read_at
        data = os.pread(self._file, min(rest, _CHUNK), self.read_at)
        start = self.read_at
        found, used = read_frames(data, _READ_AHEAD, start=start, is_whole=len(data) == rest)
        if not found and rest > len(data):
            data = os.pread(self._file, rest, self.read_at)
            found, used = read_frames(data, _READ_AHEAD, start=start, is_whole=True)
        self.read_at = start + used if data else self.size
        for one in found:
            self.lost += max(0, one.ordinal - self.seen)
            self.seen = one.ordinal + 1
            self._ready.append(one)
        if self.read_at >= self.size:
            self.lost += count_torn(data[found[-1].end - start if found else 0 :])
            self.written = self.seen


def create(folder: Path, level: int, turn: int) -> Segment:
    """A new file whose first record will have an turn.

    Raises:
        OSError: it cannot be made.

    """
    path = folder / f"{level:02d}-{turn:012x}{SUFFIX}"
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        _write(file, head(HEAD_BYTES, 0), 0)
    except OSError:
        os.close(file)
        path.unlink()
        raise
    return Segment(path, level, file)


def reopen(path: Path) -> Segment:
    """A file that a dead process left, to be read on from where it was acknowledged.

    Raises:
        OSError, ValueError: it cannot be read, or is no segment by its name.

    """
    level = int(path.name.partition("-")[0])
    file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    segment = Segment(path, level, file)
    status = os.fstat(file)
    segment.size, segment.changed_at = status.st_size, status.st_mtime
    segment.acked_at, segment.seen = read_head(os.pread(file, HEAD_BYTES, 0))
    segment.read_at = min(segment.acked_at, segment.size)
    segment.written = segment.seen + _lines(file, segment.read_at, segment.size)
    segment.is_sealed = True
    return segment


def _lines(file: int, start: int, end: int) -> int:
    return sum(os.pread(file, _CHUNK, at).count(b"\n") for at in range(start, end, _CHUNK))


def _write(file: int, data: bytes, at: int) -> None:
    rest = memoryview(data)
    while rest:
        done = os.pwrite(file, rest, at)
        rest, at = rest[done:], at + done
