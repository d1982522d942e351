"""Silences and acks: where they are kept, and setting and ending them."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlmon.cli import wiring
from mlmon.core.config import Config
from mlmon.core.errors import UsageError
from mlmon.core.store import Reader

if TYPE_CHECKING:
    from mlmon.alerts.mutes import Ack, Mutes, Place, Silence

_MUTES: Final = "mutes.json"
_LOCK: Final = "locks/mutes"
_MUTES_BLOB: Final = "state/mutes"


class _Blob:
    """Silences in a cluster's store, which everybody may write."""

    def __init__(self, store: Any) -> None:  # noqa: ANN401 - a reader, or a store to write to
        self._store = store

    def read(self) -> bytes | None:
        """What was written last."""
        value: bytes | None = self._store.read_blob(_MUTES_BLOB)
        return value

    def write(self, value: bytes) -> None:
        """Keep it."""
        self._store.write_blob(_MUTES_BLOB, value)


class _File:
    """Silences beside an embedded store, so that they can be set while a collector or the jobs hold it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> bytes | None:
        """What was written last."""
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return None

    def write(self, value: bytes) -> None:
        """Keep it, whole or not at all."""
        fresh = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        fresh.write_bytes(value)
        fresh.replace(self._path)


def place(config: Config, store: Reader) -> Place:
    """Where silences and acks are kept."""
    if wiring.is_cluster(config):
        return _Blob(store)
    return _File(wiring.folder(config.store) / _MUTES)


def muted(config: Config, reader: Reader) -> Mutes:
    """All silences and acks."""
    from mlmon.alerts import mutes

    return mutes.load(place(config, reader))


@contextmanager
def _writable(config: Config) -> Iterator[Place]:
    """The place of silences, to write; a cluster is opened for it, a folder is not locked."""
    if wiring.is_cluster(config):
        with wiring.writing(config) as store:
            yield place(config, store)
    else:
        with wiring.reading(config) as reader, _alone(wiring.folder(config.store) / _LOCK):
            yield place(config, reader)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Wait until nobody else changes silences, so that none is lost between reading and writing them."""
    path.parent.mkdir(exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def silence(config: Config, *, author: str, until: datetime, now: datetime, **more: str) -> Silence:
    """Set a silence.

    Raises:
        UsageError: it ends before it begins, or names neither a rule nor a model.

    """
    from mlmon.alerts import mutes

    with _writable(config) as at:
        return mutes.silence(at, mutes.Wish(author=author, until=until, **more), now=now)


def ack(config: Config, alert: str, *, author: str, until: datetime, now: datetime, comment: str) -> Ack:
    """Take the alert of an id or of its beginning.

    Raises:
        UsageError: there is no open alert of that id, or more than one.

    """
    from mlmon.alerts import memory, mutes

    with wiring.reading(config) as reader:
        ids = [each.id for each in memory.load(reader).kept if each.alert.is_open]
    found = [each for each in ids if alert and each.startswith(alert)]
    if len(found) != 1:
        known = ", ".join(each[:8] for each in ids) or "none"
        many = "More than one alert begins" if found else "No open alert begins"
        raise UsageError(f"{many} with '{alert}'. Open are: {known}. See: mlmon rules alerts")
    with _writable(config) as at:
        return mutes.ack(at, found[0], author=author, until=until, now=now, comment=comment)


def unsilence(config: Config, name: str, *, now: datetime) -> None:
    """End a silence or an ack.

    Raises:
        UsageError: there is none of that id.

    """
    from mlmon.alerts import mutes

    with _writable(config) as at:
        mutes.unsilence(at, name, now=now)
