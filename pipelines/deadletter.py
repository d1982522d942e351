"""Dead letters: records that were refused, kept with the reason so that nothing is lost.

They are NDJSON files in a folder. A file is appended to and fsynced; at a size the next one is begun. Reading
needs no lock.
"""

from __future__ import annotations

import base64
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Protocol

import msgspec
from msgspec import Struct

from mlmon.core import clock as clocks
from mlmon.core.clock import Clock
from mlmon.core.errors import StoreError, StoreFullError

FOLDER: Final = "deadletter"
ROTATE_BYTES: Final = 64 << 20
_NO_SPACE: Final = frozenset({28, 122})


class DeadLetter(Struct, frozen=True, kw_only=True):
    """One refused record. `source` is its door and peer; `body` is text, or base64 if it is none."""

    at: str
    reason: str
    detail: str
    source: str
    body: str
    is_base64: bool = False

    @property
    def record(self) -> bytes:
        """The record as it came."""
        return base64.b64decode(self.body) if self.is_base64 else self.body.encode()


class DeadLetters(Protocol):
    """Where refused records are kept."""

    def write(self, letters: Sequence[DeadLetter]) -> None:
        """Keep them; they are durable when this returns.

        Raises:
            StoreError: they are not.

        """


def letter(
    record: bytes, *, reason: str, detail: str, source: str, clock: Clock = clocks.system
) -> DeadLetter:
    """The letter of a record.

    >>> letter(bytes([255]), reason="not_utf8", detail="", source="tcp", clock=lambda: 0).is_base64
    True
    """
    try:
        body, is_base64 = record.decode(), False
    except UnicodeDecodeError:
        body, is_base64 = base64.b64encode(record).decode(), True
    return DeadLetter(
        at=clocks.to_text(clock()),
        reason=reason,
        detail=detail,
        source=source,
        body=body,
        is_base64=is_base64,
    )


class Folder:
    """Dead letters in a folder of files. For one writing thread."""

    def __init__(self, path: Path, *, rotate_bytes: int = ROTATE_BYTES) -> None:
        """Nothing is made before the first letter."""
        self._path = path
        self._rotate_bytes = rotate_bytes

    def write(self, letters: Sequence[DeadLetter]) -> None:
        """Append and fsync; see `DeadLetters`."""
        if not letters:
            return
        lines = b"".join(msgspec.json.encode(each) + b"\n" for each in letters)
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            with self._current().open("a+b", buffering=0) as file:
                _append(file.fileno(), lines)
        except OSError as error:
            kind = StoreFullError if error.errno in _NO_SPACE else StoreError
            raise kind(
                f"Dead letters cannot be written to {self._path}: {error.strerror}. "
                "Free space or fix the folder."
            ) from None

    def _current(self) -> Path:
        files = _files(self._path)
        if files and files[-1].stat().st_size < self._rotate_bytes:
            return files[-1]
        number = int(files[-1].stem) + 1 if files else 1
        return self._path / f"{number:06d}.ndjson"


def _append(descriptor: int, lines: bytes) -> None:
    """Append durably, or leave the file as it was."""
    size = os.fstat(descriptor).st_size
    is_torn = size and os.pread(descriptor, 1, size - 1) != b"\n"
    try:
        # A line that a crash cut off must not swallow the one behind it.
        _write_all(descriptor, b"\n" + lines if is_torn else lines)
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, size)
        raise


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _files(path: Path) -> list[Path]:
    return sorted(path.glob("*.ndjson"))


def read(path: Path) -> Iterator[DeadLetter]:
    """Every letter of a folder, oldest first; a line cut off by a crash is passed over."""
    for file in _files(path):
        for line in file.read_bytes().splitlines():
            try:
                yield msgspec.json.decode(line, type=DeadLetter)
            except msgspec.DecodeError:
                continue


def by_reason(path: Path) -> Counter[str]:
    """How many letters a folder has, by reason."""
    return Counter(each.reason for each in read(path))
