"""Where a log file went that was rotated: its neighbours whose names say so.

app.log -> app.log.1, app.log-20130301, app.log.2013-03-01_10, app.log.old, app-20130301.log, app.1.log
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import PurePath
from typing import Final

from mlmon.pipelines.tail.place import Key, Place, is_at, key_of

_MARK: Final = r"[._-](?:\d[\w.:+-]*|old|bak|prev)"
_PACKED: Final = (".gz", ".bz2", ".xz", ".zst", ".zip", ".lz4", ".Z", ".tmp", ".new")


def is_rotated(path: str, original: str) -> bool:
    """Whether a path is a name that a rotation gives to another one.

    >>> is_rotated("/var/log/app.log.1", "/var/log/app.log"), is_rotated("app-20130301.log", "app.log")
    (True, True)
    >>> is_rotated("app.log.1.gz", "app.log"), is_rotated("app.log", "app.log.1")
    (False, False)
    """
    here, there = PurePath(path), PurePath(original)
    if here.parent != there.parent or path.endswith(_PACKED):
        return False
    return is_behind(path, original) or bool(
        re.fullmatch(re.escape(there.stem) + _MARK + re.escape(there.suffix), here.name)
    )


def is_behind(path: str, original: str) -> bool:
    """Whether a path is another one with a number, date or word behind it, which few but rotations make."""
    return not path.endswith(_PACKED) and bool(re.fullmatch(re.escape(original) + _MARK, path))


@contextmanager
def opened(path: str) -> Iterator[int]:
    """A file, open to read while the block runs.

    Raises:
        OSError: it cannot be opened.

    """
    # Without O_NONBLOCK a pipe that took the file's place would hold everything up.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def find(place: Place) -> tuple[str, Key] | None:
    """The file that was read up to a place, under the name a rotation gave it, moved or copied."""
    there = [(path, key_of(status), status.st_size) for path, status in _siblings(place.path)]
    # The file itself first, then what may be its copy.
    for path, key, size in sorted(there, key=lambda it: (it[1] != place.key, it[0])):
        is_candidate = key == place.key or place.has_bytes
        if is_candidate and size >= place.offset and _is_at(path, place):
            return path, key
    return None


def younger(place: Place, known: Collection[Key]) -> list[tuple[str, os.stat_result]]:
    """The neighbours of a file that were written after it was last read, and that nobody knows yet."""
    return [
        (path, status)
        for path, status in _siblings(place.path)
        if is_behind(path, place.path)
        and status.st_mtime_ns > place.modified_ns
        and key_of(status) not in known
    ]


def _siblings(original: str) -> Iterator[tuple[str, os.stat_result]]:
    folder = os.path.dirname(original) or "."  # noqa: PTH120 - names are kept as they were given
    try:
        with os.scandir(folder) as entries:
            paths = [os.path.join(os.path.dirname(original), entry.name) for entry in entries]  # noqa: PTH118, PTH120 - as above
    except OSError:
        return
    for path in paths:
        if is_rotated(path, original):
            try:
                status = os.stat(path)  # noqa: PTH116 - as above
            except OSError:
                continue
            if stat.S_ISREG(status.st_mode):
                yield path, status


def _is_at(path: str, place: Place) -> bool:
    try:
        with opened(path) as descriptor:
            return is_at(descriptor, place)
    except OSError:
        return False
