"""Where events wait on disk when nobody named a folder: below the user's folder for what programs keep.

Each target has a folder of its own there, so that what was meant for one place is never sent to another.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

from mlmon.logging_sdk.transport import Ship

STATE_VARIABLE: Final = "XDG_STATE_HOME"
ACKNOWLEDGED: Final = frozenset(("http", "https", "beats", "beats+tls"))
"""Schemes of URLs whose other side says what it has taken over."""


def urls_of(ship: Ship) -> Sequence[str]:
    """The URLs of a target; none where it is a transport of the caller's own."""
    if isinstance(ship, str):
        return (ship,)
    return tuple(ship) if isinstance(ship, Sequence) else ()


def is_acknowledged(ship: Ship) -> bool:
    """Whether it is named by URLs, all of which acknowledge what they take."""
    urls = urls_of(ship)
    return bool(urls) and all(urlsplit(url).scheme in ACKNOWLEDGED for url in urls)


def folder_of(ship: Ship, namespace: str | None) -> Path | None:
    """The folder for the events of a namespace on their way to a target; None where it cannot be written.

    Nothing is made. The folder's name says the host, for whoever looks, and tells all targets apart.
    """
    root = _state_home()
    if root is None:
        return None
    urls = urls_of(ship)
    told_apart = sha256("\n".join((*urls, namespace or "")).encode()).hexdigest()[:12]
    host = quote(urlsplit(urls[0]).hostname or "", safe="")
    folder = root / "mlmon" / "spool" / f"{host}-{told_apart}"
    return folder if _is_writable(folder) else None


def _state_home() -> Path | None:
    named = os.environ.get(STATE_VARIABLE, "")
    if Path(named).is_absolute():
        return Path(named)
    try:
        return Path.home() / ".local" / "state"
    except RuntimeError:  # a user without a home
        return None


def _is_writable(folder: Path) -> bool:
    """Whether the folder, or what there is of the way to it, can be written."""
    for path in (folder, *folder.parents):
        try:
            if path.exists():
                return path.is_dir() and os.access(path, os.W_OK | os.X_OK)
        except OSError:  # no way to look
            return False
    return False
