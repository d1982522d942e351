"""A tail file: JSON lines, appended with one fsync a batch.

Beside it lies a file of eight bytes, the durable length. It is written after the fsync, so a reader who
stops there sees whole batches only, and never one that is taken back when the disk is full.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from mlmon.stores.embedded.layout import fsync_folder, length_path

_LENGTH_BYTES: Final = 8


class Tail:
    """The end of a tail file that is being written. For one thread at a time."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it. A torn last line must have been cut off before (`repair`)."""
        self.path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self._length = os.open(length_path(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self.size = os.fstat(self._file).st_size
        os.fdatasync(self._file)  # a crash may have come between a write and its fsync
        self._commit()
        fsync_folder(path.parent)

    def append(self, content: bytes) -> None:
        """Write whole lines and make them durable.

        Raises:
            OSError: nothing was kept; the file is as it was.

        """
        try:
            _write_all(self._file, content)
            os.fdatasync(self._file)
        except OSError:
            os.ftruncate(self._file, self.size)
            raise
        self.size += len(content)
        self._commit()

    def _commit(self) -> None:
        os.pwrite(self._length, self.size.to_bytes(_LENGTH_BYTES, "little"), 0)

    def close(self) -> None:
        """Close the file; a second call does no harm."""
        for descriptor in (self._file, self._length):
            if descriptor >= 0:
                os.close(descriptor)
        self._file = self._length = -1


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def durable_length(path: Path) -> int:
    """How many bytes of a tail file readers may read.

    Raises:
        FileNotFoundError: the file is gone.

    """
    size = path.stat().st_size
    try:
        written = int.from_bytes(length_path(path).read_bytes(), "little")
    except FileNotFoundError:
        return 0  # the writer has made the file a moment ago
    return min(size, written)


def read(path: Path, start: int, end: int) -> bytes:
    """A part of a tail file."""
    with path.open("rb") as file:
        file.seek(start)
        return file.read(end - start)


def repair(path: Path) -> int:
    """Cut a torn last line off, keep it beside the file, and return how many bytes it had."""
    content = path.read_bytes() if path.exists() else b""
    whole = content.rfind(b"\n") + 1
    torn = content[whole:]
    if torn:
        with path.with_suffix(".torn").open("ab") as aside:
            aside.write(torn + b"\n")
            os.fsync(aside.fileno())
        os.truncate(path, whole)
    return len(torn)
