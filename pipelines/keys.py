"""Keys that let a sender in, each for one namespace, kept as hashes in one small file.

A secret is 256 random bits, so nobody can guess it from its hash, and a plain SHA-256 keeps it as well as a
slow password hash would; that matters, since each request is checked. The file is written whole under another
name and renamed, so that a reader sees the old keys or the new ones.
"""

from __future__ import annotations

import fcntl
import hmac
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct, structs

from mlmon.core import clock as clocks
from mlmon.core.clock import Clock
from mlmon.core.errors import MlmonError, StoreError, UsageError

FILE: Final = "keys.json"
MISSING: Final = "missing"
UNKNOWN: Final = "unknown"
REVOKED: Final = "revoked"
REASONS: Final = {
    MISSING: "There is no key.",
    UNKNOWN: "The key is not known, or its secret is wrong.",
    REVOKED: "The key was revoked.",
}
"""Why a sender is not let in."""

_PREFIX: Final = "mlmon"
_ID_BYTES: Final = 4
_SECRET_BYTES: Final = 32
_LOOK_EVERY_S: Final = 1.0


class Key(Struct, frozen=True, kw_only=True):
    """One key as it is kept. `secret_sha256` is in hexadecimal; times are as documents carry them."""

    id: str
    namespace: str
    name: str = ""
    created_at: str
    revoked_at: str | None = None
    secret_sha256: str


class RefusedKeyError(MlmonError):
    """A key that lets nobody in; `reason` is one of `REASONS`. The message never holds the key."""

    def __init__(self, reason: str) -> None:
        """Say the reason."""
        super().__init__(REASONS[reason])
        self.reason = reason


_Kept = list[Key]


def read(path: Path) -> list[Key]:
    """Every key, also those revoked, oldest first; none where there is no file.

    Raises:
        StoreError: the file cannot be read.

    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Kept)
    except FileNotFoundError:
        return []
    except (OSError, msgspec.DecodeError) as error:
        raise StoreError(
            f"The keys in {path} cannot be read: {error}. "
            "Fix the file's rights, or move it away and make new keys."
        ) from None


def create(path: Path, *, namespace: str, name: str = "", clock: Clock = clocks.system) -> tuple[Key, str]:
    """Make a key and keep its hash; gives it and the text that a sender shows, which nobody can read again.

    Raises:
        UsageError: the namespace is empty.
        StoreError: the file cannot be written.

    """
    if not namespace.strip():
        raise UsageError(
            "A key needs the namespace that it lets a sender write to, such as --namespace shop."
        )
    secret = secrets.token_hex(_SECRET_BYTES)
    with _changing(path) as kept:
        taken = {key.id for key in kept}
        while (key_id := secrets.token_hex(_ID_BYTES)) in taken:
            pass
        made = Key(
            id=key_id,
            namespace=namespace,
            name=name,
            created_at=clocks.to_text(clock()),
            secret_sha256=_hash(secret),
        )
        kept.append(made)
    return made, f"{_PREFIX}_{key_id}_{secret}"


def revoke(path: Path, key_id: str, *, clock: Clock = clocks.system) -> Key:
    """Let a key no longer in. One that was revoked before stays as it was.

    Raises:
        UsageError: there is no such key.
        StoreError: the file cannot be written.

    """
    with _changing(path) as kept:
        for index, key in enumerate(kept):
            if key.id == key_id:
                if key.revoked_at is None:
                    kept[index] = structs.replace(key, revoked_at=clocks.to_text(clock()))
                return kept[index]
        raise UsageError(f"There is no key '{key_id}'. See them with: mlmon keys list")


class Keyring:
    """The keys of a file for a collector that runs, which sees a change within about a second.

    For one thread. Where the file becomes unreadable, the keys known before go on to hold.
    """

    def __init__(self, path: Path, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Read the file once.

        Raises:
            StoreError: it is there and cannot be read.

        """
        self._path = path
        self._monotonic = monotonic
        self._looked_at = monotonic()
        self._seen = _state(path)
        self._keys = {key.id: key for key in read(path)}

    def check(self, shown: str) -> Key:
        """The key that a sender shows.

        Raises:
            RefusedKeyError: it lets nobody in.

        """
        self._look()
        if not shown:
            raise RefusedKeyError(MISSING)
        prefix, _, rest = shown.partition("_")
        key_id, _, secret = rest.partition("_")
        key = self._keys.get(key_id)
        if prefix != _PREFIX or key is None or not hmac.compare_digest(key.secret_sha256, _hash(secret)):
            raise RefusedKeyError(UNKNOWN)
        if key.revoked_at is not None:
            raise RefusedKeyError(REVOKED)
        return key

    def _look(self) -> None:
        if self._monotonic() - self._looked_at < _LOOK_EVERY_S:
            return
        self._looked_at = self._monotonic()
        seen = _state(self._path)
        if seen == self._seen:
            return
        try:
            self._keys = {key.id: key for key in read(self._path)}
        except StoreError:
            return
        self._seen = seen


def _hash(secret: str) -> str:
    return sha256(secret.encode(errors="replace")).hexdigest()


def _state(path: Path) -> tuple[int, int, int] | None:
    """What changes whenever another file is renamed to this one."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


@contextmanager
def _changing(path: Path) -> Iterator[list[Key]]:
    """The keys, to be changed in place and written at the end; one process at a time."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            kept = read(path)
            before = list(kept)
            yield kept
            if kept != before:
                _write(path, kept)
        finally:
            os.close(lock)
    except OSError as error:
        raise StoreError(
            f"The keys in {path} cannot be written: {error.strerror}. Free space or fix the folder's rights."
        ) from None


def _write(path: Path, kept: list[Key]) -> None:
    draft = path.with_name(f".{path.name}.new")
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(file, "wb", closefd=True) as out:  # noqa: PTH123 - of a descriptor, for its mode
        out.write(msgspec.json.format(msgspec.json.encode(kept), indent=2) + b"\n")
        out.flush()
        os.fsync(out.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # else a loss of power could bring a revoked key back
    finally:
        os.close(folder)
