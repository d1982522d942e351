"""One writer a group, across processes: an advisory lock on a file that says who holds it."""

from __future__ import annotations

import fcntl
import os
import sys
from pathlib import Path

from mlmon.core.errors import StoreLockedError
from mlmon.stores.embedded.layout import Group


def acquire(root: Path, group: Group) -> int:
    """Take the lock and return its descriptor; closing that frees it, as the end of the process does.

    Raises:
        StoreLockedError: another process, or another store in this one, holds it.

    """
    path = root / "locks" / f"{group}.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.read(descriptor, 4096).decode(errors="replace").strip()
        os.close(descriptor)
        raise StoreLockedError(
            f"The {group} of the store {root} are being written by another process"
            f"{f' ({holder})' if holder else ''}. Stop it first; reading needs no lock."
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"pid {os.getpid()}: {' '.join(sys.argv)[:2000]}\n".encode(), 0)
    return descriptor


def release(descriptor: int) -> None:
    """Free the lock."""
    os.ftruncate(descriptor, 0)
    os.close(descriptor)
