"""Where the events of a logger wait, by its option `spool`.

`memory` keeps them in memory: a process that is killed loses what waits. A path is a folder on a local disk,
in which each model has a folder and each process one below it; `?mode=sync` behind the path makes each call
wait for the disk. The next process of the same model delivers what a dead one left, to where it ships itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, quote

from mlmon.core.errors import UsageError, nearest
from mlmon.logging_sdk.spool import MemorySpool, Spool

SPOOL_VARIABLE: Final = "MLMON_LOG_SPOOL"
MEMORY: Final = "memory"

Wait = str | Path | Callable[[], Spool]
"""Where to wait: `memory`, a folder, or a function that makes the spool."""


def maker(wait: Wait | None, model: str) -> Callable[[], Spool]:
    """A function that makes the spool of a model, once in each process; no folder is touched before its use.

    Raises:
        UsageError: it is neither, or the system cannot lock folders.

    """
    if wait is None:
        wait = os.environ.get(SPOOL_VARIABLE) or MEMORY
    if not isinstance(wait, (str, Path)):
        return wait
    if wait == MEMORY:
        return MemorySpool
    return _on_disk(str(wait), model)


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
