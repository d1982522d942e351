"""The key that lets this service in at a collector: read when it is needed, and never told to anyone else."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mlmon.core.errors import UsageError

VARIABLE: Final = "MLMON_LOG_KEY"
FILE_VARIABLE: Final = "MLMON_LOG_KEY_FILE"


def read_key(environ: Mapping[str, str] = os.environ) -> str | None:
    """The key in `MLMON_LOG_KEY`, else in the file that `MLMON_LOG_KEY_FILE` names, else none.

    Raises:
        UsageError: the file cannot be read, or what was found cannot be a key. The message does not hold it.

    """
    key, where = environ.get(VARIABLE, ""), VARIABLE
    if not key and (path := environ.get(FILE_VARIABLE)):
        where = f"the file {path} ({FILE_VARIABLE})"
        try:
            key = Path(path).read_text(encoding="ascii", errors="replace")
        except OSError as error:
            raise UsageError(
                f"The key in {where} cannot be read: {error.strerror}. Check the path and its rights."
            ) from None
    key = key.strip()
    if not key:
        return None
    if not key.isascii() or not key.isprintable() or " " in key:
        raise UsageError(
            f"What stands in {where} is no key: it has characters that no key has. Copy it again."
        )
    return key
