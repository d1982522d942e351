"""The folder of one process, and those that dead processes left beside it.

Whoever holds the lock of a folder owns it. The lock is `flock`, which the kernel lets go of when its process
dies, however it dies. A folder is made under a hidden name and gets its own when it is locked, so nobody
ever finds one without an owner that is alive.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from time import time_ns
from typing import Final

from mlmon.logging_sdk.disk.segment import SUFFIX, Segment, create, reopen

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

CAN_LOCK: Final = fcntl is not None
_LOCK: Final = "lock"
_NEVER: Final = 2**64


class Folder:
    """Segments by level, oldest first, in a locked folder. Not safe for threads; its spool has the lock."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock
        self.lanes: dict[int, deque[Segment]] = {}

    def segments(self) -> Iterator[Segment]:
        """All segments, the oldest of the lowest level first."""
        for level in sorted(self.lanes):
            yield from self.lanes[level]

    def active(self, level: int, turn: int) -> Segment:
        """The segment that takes records of a level, made where there is none.

        Raises:
            OSError: it cannot be made.

        """
        lane = self.lanes.setdefault(level, deque())
        if not lane or lane[-1].is_sealed:
            lane.append(create(self.path, level, turn))
        return lane[-1]

    def first(self) -> tuple[Segment, int] | None:
        """The segment whose record is the next to take, and below which turn all of its records are."""
        heads = sorted((found[1], level) for level in self.lanes if (found := self._head(level)) is not None)
        if not heads:
            return None
        found = self._head(heads[0][1])
        return None if found is None else (found[0], heads[1][0] if len(heads) > 1 else _NEVER)

    def _head(self, level: int) -> tuple[Segment, int] | None:
        """The first segment of a level that has a record to take, and the record's turn."""
        for segment in self.lanes[level]:
            if (frame := segment.peek()) is not None:
                return segment, frame.turn
        return None

    def remove(self, segment: Segment) -> None:
        """Delete a segment."""
        self.lanes[segment.level].remove(segment)
        segment.delete()

    def close(self) -> None:
        """Let go of the folder; it is removed where nothing is left in it."""
        for segment in self.segments():
            segment.close()
        if not any(self.lanes.values()):
            _remove(self.path)
        self.let_go()

    def let_go(self) -> None:
        """Close the files of a parent process; its lock stays, because the parent has it open."""
        for segment in list(self.segments()):
            segment.close()
        if self._lock >= 0:
            with suppress(OSError):
                os.close(self._lock)
            self._lock = -1


def own(root: Path) -> Folder:
    """A new folder below a root, locked.

    Raises:
        OSError: it cannot be made.

    """
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = f"{time_ns():016x}-{os.getpid()}-{token_hex(4)}"  # so that the oldest is adopted first
    hidden = root / f".{name}"
    hidden.mkdir(mode=0o700)
    try:
        lock = os.open(hidden / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        return Folder(hidden.rename(root / name), lock)
    except OSError:
        _remove(hidden)
        raise


def adopt(root: Path) -> Iterator[Folder]:
    """The folders below a root whose processes are dead, locked; each is given to one caller only."""
    with suppress(OSError):
        for path in sorted(path for path in root.iterdir() if not path.name.startswith(".")):
            with suppress(OSError):
                if (lock := _locked(path / _LOCK)) is not None:
                    yield _opened(Folder(path, lock))


def _remove(folder: Path) -> None:
    """Remove a folder that has at most a lock in it."""
    with suppress(OSError):
        (folder / _LOCK).unlink(missing_ok=True)
        folder.rmdir()


def _locked(path: Path) -> int | None:
    """The lock of a folder, if its process is dead and nobody else has taken it meanwhile."""
    file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(file), path.stat()):
            return file
    except OSError:
        pass
    os.close(file)
    return None


def _opened(folder: Folder) -> Folder:
    for path in sorted(folder.path.glob(f"*{SUFFIX}"), key=_order):
        with suppress(OSError, ValueError):
            segment = reopen(path)
            folder.lanes.setdefault(segment.level, deque()).append(segment)
    return folder


def _order(path: Path) -> tuple[int, str]:
    return len(path.name), path.name
