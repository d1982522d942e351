"""What a host did wrong, or what went wrong in here: said once, counted always, raised never."""

from __future__ import annotations

import logging
from collections import Counter
from threading import Lock
from typing import Final

LOGGER: Final = logging.getLogger("mlmon.logging_sdk")


class Misuse:
    """Counts by kind, and warns of each kind the first time. Safe for threads."""

    def __init__(self) -> None:
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget all counts."""
        self._lock = Lock()
        self._counts: Counter[str] = Counter()

    def note(self, kind: str, message: str, *, error: BaseException | None = None) -> None:
        """Count one of a kind; the first of its kind is a warning of the logger `mlmon.logging_sdk`."""
        with self._lock:
            self._counts[kind] += 1
            first = self._counts[kind] == 1
        if first:
            LOGGER.warning("%s (said once, then counted as '%s')", message, kind, exc_info=error)

    @property
    def total(self) -> int:
        """How many there were, of all kinds."""
        with self._lock:
            return self._counts.total()
