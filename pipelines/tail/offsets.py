"""The places of all files, kept in one small file that is replaced as a whole.

It is written after the lines before a place are durable, never earlier. So a crash makes lines come twice at
most, under the ids they had, and the store knows them again.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from mlmon.core.errors import StoreError, StoreLockedError
from mlmon.pipelines.tail.place import Place

FILE: Final = "tail.json"
_VERSION: Final = 1


class _Kept(Struct, kw_only=True):
    version: int = _VERSION
    places: list[Place] = []


class Offsets:
    """The file of the places, for one process at a time."""

    def __init__(self, folder: Path) -> None:
        """Take the lock.

        Raises:
            StoreLockedError: another process follows files for this folder.
            StoreError: the folder cannot be written.

        """
        self.path: Final = folder / FILE
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(folder / f"{FILE}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._unwritable(error) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise StoreLockedError(
                f"Another process follows files for the folder {folder}. "
                "Stop it, or give this one a store.folder of its own."
            ) from None

    def load(self) -> list[Place]:
        """The places as they were last saved; none before the first time.

        Raises:
            StoreError: the file is there and cannot be read.

        """
        try:
            kept = msgspec.json.decode(self.path.read_bytes(), type=_Kept)
        except FileNotFoundError:
            return []
        except (OSError, msgspec.DecodeError) as error:
            raise StoreError(
                f"The places in {self.path} cannot be read: {error}. Mend the file's rights, or remove it: "
                "then all files are read from their start; events with an id that are stored are known again."
            ) from None
        if kept.version != _VERSION:
            raise StoreError(
                f"The places in {self.path} have version {kept.version}, and this mlmon knows {_VERSION}. "
                "A newer mlmon wrote them: run that one."
            )
        return kept.places

    def save(self, places: Iterable[Place]) -> None:
        """Replace the file, durably.

        Raises:
            StoreError: it could not be written, and is as it was.

        """
        body = msgspec.json.encode(_Kept(places=list(places)))
        beside = self.path.with_suffix(".new")
        try:
            with beside.open("wb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.path)
            _sync(self.path.parent)
        except OSError as error:
            raise self._unwritable(error) from None

    def close(self) -> None:
        """Let another process have it; a second call does no harm."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _unwritable(self, error: OSError) -> StoreError:
        return StoreError(
            f"How far files are read cannot be kept in {self.path}: {error.strerror}. "
            "Free space, or mend the rights of the folder."
        )


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
