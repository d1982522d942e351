"""Where the events of a logger wait, by its option `spool`.

`memory` keeps them in memory: a process that is killed loses what waits. A path is a folder on a local disk,
in which each model has a folder and each process one below it; `?mode=sync` behind the path makes each call
wait for the disk. The next process of the same model delivers what a dead one left, to where it ships itself.

Where nothing is said, it is a folder of the user's, if `ship` is acknowledged and the folder can be written;
else memory.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, quote

from mlmon.core.errors import UsageError, nearest
from mlmon.logging_sdk.misuse import LOGGER
from mlmon.logging_sdk.spool import MemorySpool, Spool
from mlmon.logging_sdk.state import folder_of, is_acknowledged
from mlmon.logging_sdk.transport import Ship

SPOOL_VARIABLE: Final = "MLMON_LOG_SPOOL"
MEMORY: Final = "memory"
CAN_LOCK: Final = find_spec("fcntl") is not None

Wait = str | Path | Callable[[], Spool]
"""Where to wait: `memory`, a folder, or a function that makes the spool."""


def maker(
    wait: Wait | None, model: str, *, ship: Ship = "stdout:", namespace: str | None = None
) -> Callable[[], Spool]:
    """A function that makes the spool of a model, once in each process; no folder is touched before its use.

    `ship` and `namespace` say which events may wait in the same folder, where none is given.

    Raises:
        UsageError: it is neither, or the system cannot lock folders.

    """
    if wait is None:
        wait = os.environ.get(SPOOL_VARIABLE) or _by_default(ship, namespace)
    if not isinstance(wait, (str, Path)):
        return wait
    if wait == MEMORY:
        return MemorySpool
    return _on_disk(str(wait), model)


def _by_default(ship: Ship, namespace: str | None) -> Path | str:
    """A folder where events outlive the process, where that helps and can be; else memory."""
    if not is_acknowledged(ship):
        return MEMORY
    folder = folder_of(ship, namespace) if CAN_LOCK else None
    if folder is None:
        _warn_of_memory()
        return MEMORY
    return folder


@cache
def _warn_of_memory() -> None:
    LOGGER.warning(
        "Events wait in memory, because the user's folder cannot be written or locked: a process that is "
        "killed loses what waits. Name a folder in %s, or say %s there.",
        SPOOL_VARIABLE,
        MEMORY,
    )


def _on_disk(wait: str, model: str) -> Callable[[], Spool]:
    from mlmon.logging_sdk.disk import DiskSpool, Mode, check_lock  # noqa: PLC0415 - loaded where used

    path, _, options = wait.partition("?")
    if not Path(path).is_absolute():
        raise UsageError(
            f"spool={wait!r} is no absolute path. Pass '{MEMORY}' or a folder: /var/spool/mlmon."
        )
    mode = parse_qs(options).get("mode", [Mode.SPOOL])[0]
    if mode not in list(Mode):
        allowed = ", ".join(Mode)
        raise UsageError(
            f"spool={wait!r} has an unknown mode. Allowed: {allowed}.{nearest(mode, list(Mode))}"
        )
    root = Path(path) / (quote(model, safe="").replace(".", "%2E") or "_")
    check_lock()
    return lambda: DiskSpool(root, mode=Mode(mode))
