"""Writing the files of dead letters anew, while others add to the folder.

Whoever replays or drops first lets a new file begin, so that nobody writes to those before it. Each of these
is written anew beside itself and takes its own place when it is whole; a kill leaves the old file.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

import msgspec
from msgspec import Struct, structs

from mlmon.core.errors import StoreLockedError
from mlmon.pipelines import discards
from mlmon.pipelines.deadletter import DeadLetter, Head, disk_errors, files, following, locked

_LOCK: Final = ".upkeep"
_NEW: Final = ".new"
_decode: Final = msgspec.json.Decoder(DeadLetter).decode


class Selection(Struct, frozen=True, kw_only=True):
    """Which letters are meant: of a reason, and of a time (RFC 3339, UTC; `until` is not within)."""

    reason: str | None = None
    since: str | None = None
    until: str | None = None

    def __contains__(self, letter: DeadLetter | Head) -> bool:
        return (
            (self.reason is None or letter.reason == self.reason)
            and (self.since is None or letter.at >= self.since)
            and (self.until is None or letter.at < self.until)
        )


@contextmanager
def upkeep(path: Path) -> Iterator[list[Path]]:
    """Give the files that nobody writes to any more; nobody else may rewrite them meanwhile.

    Raises:
        StoreLockedError: another process rewrites them.
        StoreError: the folder cannot be written.

    """
    if not path.is_dir():
        yield []
        return
    with disk_errors(path), _only_one(path):
        _finish(path)
        yield _sealed(path)


@contextmanager
def _only_one(path: Path) -> Iterator[None]:
    descriptor = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreLockedError(
                f"The dead letters in {path} are being replayed or dropped by another process. "
                "Wait for it to end."
            ) from None
        yield
    finally:
        os.close(descriptor)


def _finish(path: Path) -> None:
    """End what a kill cut short: the drop that was remembered is done, all else never began."""
    dropped = discards.load(path)
    if dropped.pending:
        if (file := path / dropped.pending).with_suffix(_NEW).exists():
            _replace(file)
        discards.save(path, structs.replace(dropped, pending=""))
    for file in path.glob(f"*{_NEW}"):
        file.unlink()


def _sealed(path: Path) -> list[Path]:
    """Let the next letter begin a new file; give those before it."""
    with locked(path):
        found = files(path)
        if found and found[-1].stat().st_size:
            following(path, found).touch()
            return found
        return found[:-1]


def letters(file: Path) -> Iterator[tuple[bytes, DeadLetter | None]]:
    """Every line of a file with its letter; None where it cannot be read."""
    with file.open("rb") as opened:
        for line in opened:
            try:
                yield line, _decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError):
                yield line.rstrip(b"\n") + b"\n", None


def holds(file: Path, selection: Selection) -> bool:
    """Whether a file has a letter that is meant."""
    return any(letter is not None and letter in selection for _, letter in letters(file))


@contextmanager
def anew(file: Path) -> Iterator[BinaryIO]:
    """Write the lines that are to stay; `commit` then puts them in the file's place."""
    temporary = file.with_suffix(_NEW)
    try:
        with temporary.open("wb") as kept:
            yield kept
            kept.flush()
            os.fsync(kept.fileno())
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def commit(file: Path, dropped: discards.Discards | None = None) -> None:
    """Put what was written anew in the place of a file; what is dropped with that is remembered once."""
    if dropped is not None:
        discards.save(file.parent, dropped)
    _replace(file)


def _replace(file: Path) -> None:
    temporary = file.with_suffix(_NEW)
    if not temporary.stat().st_size:
        file.unlink(missing_ok=True)
        temporary.unlink()
    else:
        temporary.rename(file)
    discards.sync_folder(file.parent)
