"""Dead letters: records that were refused, kept with the reason so that nothing is lost.

They are NDJSON files in a folder. A file is appended to and fsynced; at a size the next one is begun. Any
number of processes may write, one at a time by a lock on the folder. Reading needs no lock.
"""

from __future__ import annotations

import base64
import errno
import fcntl
import hashlib
import os
import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

import msgspec
from msgspec import Struct, structs

from mlmon.core import clock as clocks
from mlmon.core.clock import Clock
from mlmon.core.errors import StoreError, StoreFullError
from mlmon.pipelines.origin import origin_of

FOLDER: Final = "deadletter"
ROTATE_BYTES: Final = 64 << 20
LOADED: Final = "outcomes load"
"""The source of rows that `mlmon outcomes load` refused: no wire brought them."""
_NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


class DeadLetter(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One refused record. `source` is its door and peer; `body` is text, or base64 if it is none.

    The event's id, its producer and sequence, the model and the service are what could be read of the record.
    `namespace` is the one that its sender may write to, where it may not write to all: it holds for a replay.
    """

    id: str = ""
    at: str
    reason: str
    detail: str
    source: str
    event_id: str | None = None
    producer: str | None = None
    sequence: int | None = None
    model: str | None = None
    service: str | None = None
    namespace: str | None = None
    body: str
    is_base64: bool = False

    @property
    def record(self) -> bytes:
        """The record as it came."""
        return base64.b64decode(self.body) if self.is_base64 else self.body.encode()

    @property
    def name(self) -> str:
        """The id, made from what the letter says where it is of a time when letters had none."""
        said = f"{self.at}\0{self.source}\0{self.body}".encode("utf-8", "surrogatepass")
        return self.id or hashlib.blake2b(said, digest_size=8).hexdigest()


class Head(Struct, frozen=True, kw_only=True, gc=False):
    """A letter without its record, which is quicker to read."""

    at: str
    reason: str
    detail: str
    source: str
    event_id: str | None = None
    producer: str | None = None
    sequence: int | None = None
    model: str | None = None
    service: str | None = None


class DeadLetters(Protocol):
    """Where refused records are kept."""

    def write(self, letters: Sequence[DeadLetter]) -> None:
        """Keep them; they are durable when this returns.

        Raises:
            StoreError: they are not.

        """


def letter(
    record: bytes,
    *,
    reason: str,
    detail: str,
    source: str,
    namespace: str | None = None,
    clock: Clock = clocks.system,
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
        id=secrets.token_hex(8),
        at=clocks.to_text(clock()),
        reason=reason,
        detail=detail,
        source=source,
        namespace=namespace,
        body=body,
        is_base64=is_base64,
        **structs.asdict(origin_of(record)),
    )


class Folder:
    """Dead letters in a folder of files. Safe for threads and processes."""

    def __init__(self, path: Path, *, rotate_bytes: int = ROTATE_BYTES) -> None:
        """Nothing is made before the first letter."""
        self._path = path
        self._rotate_bytes = rotate_bytes

    def write(self, letters: Sequence[DeadLetter]) -> None:
        """Append and fsync; see `DeadLetters`."""
        if not letters:
            return
        lines = b"".join(map(line_of, letters))
        with disk_errors(self._path):
            self._path.mkdir(parents=True, exist_ok=True)
            with locked(self._path), self._current().open("a+b", buffering=0) as file:
                _append(file.fileno(), lines)

    def _current(self) -> Path:
        found = files(self._path)
        if found and found[-1].stat().st_size < self._rotate_bytes:
            return found[-1]
        return following(self._path, found)


def line_of(letter: DeadLetter) -> bytes:
    """The line of a file that keeps a letter."""
    return msgspec.json.encode(letter) + b"\n"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of the folder, which whoever adds to it or lists it anew holds for a moment."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn what the disk refuses into an error that says what to do."""
    try:
        yield
    except OSError as error:
        kind = StoreFullError if error.errno in _NO_SPACE else StoreError
        raise kind(
            f"Dead letters cannot be written to {path}: {error.strerror}. Free space or fix the folder."
        ) from None


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


def files(path: Path) -> list[Path]:
    """The files of a folder, oldest first."""
    return sorted(path.glob("*.ndjson"))


def following(path: Path, found: Sequence[Path]) -> Path:
    """The file after those found."""
    return path / f"{int(found[-1].stem) + 1 if found else 1:06d}.ndjson"


def lines(path: Path) -> Iterator[bytes]:
    """Every line of a folder, oldest first, as it is when its file is begun; memory holds one at a time."""
    for file in files(path):
        try:
            with file.open("rb") as opened:
                yield from opened
        except FileNotFoundError:  # replayed or dropped a moment ago
            continue


def read(path: Path) -> Iterator[DeadLetter]:
    """Every letter of a folder, oldest first; a line cut off by a crash is passed over."""
    for line in lines(path):
        try:
            yield msgspec.json.decode(line, type=DeadLetter)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue


def heads(path: Path) -> Iterator[Head]:
    """As `read`, without the records."""
    decode = msgspec.json.Decoder(Head).decode
    for line in lines(path):
        try:
            yield decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue


def by_reason(path: Path) -> Counter[str]:
    """How many letters a folder has, by reason."""
    return Counter(each.reason for each in heads(path))
