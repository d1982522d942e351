"""How a process ends, and that what it logged is sent before, within a grace time.

At a normal exit `atexit` closes what is open. A forked worker of `multiprocessing` ends without `atexit`, so
it gets a finalizer. SIGTERM ends a process at once where nobody handles it; there we do: a thread sends the
events, and then the signal does what it always did. A second one ends at once.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from threading import Thread, current_thread, main_thread
from types import FrameType
from typing import Any, Final

SIGTERM_VARIABLE: Final = "MLMON_LOG_SIGTERM"
"""`off` leaves SIGTERM alone."""


class Ending:
    """Calls a function when the process ends, by whichever way of these. The function may be called twice."""

    def __init__(self, close: Callable[[], None]) -> None:
        self._close = close
        self._worker = -1
        atexit.register(close)

    def see_worker(self) -> None:
        """Have it called at the end of a worker of `multiprocessing` too; to be called in the worker."""
        util: Any = sys.modules.get("multiprocessing.util")
        if util is not None and self._worker != os.getpid():
            self._worker = os.getpid()
            util.Finalize(None, self._close, exitpriority=0)

    def see_sigterm(self) -> None:
        """Have it called at SIGTERM, where that would end the process; only in the main thread."""
        if current_thread() is not main_thread() or os.environ.get(SIGTERM_VARIABLE) == "off":
            return
        with suppress(ValueError):  # an interpreter within another one
            if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
                signal.signal(signal.SIGTERM, self._on_sigterm)

    def _on_sigterm(self, number: int, _: FrameType | None) -> None:
        """Close in a thread, because the main thread may hold any lock where it was interrupted."""
        signal.signal(number, signal.SIG_DFL)
        try:
            Thread(target=self._close_and_die, args=(number,), name="mlmon-sigterm", daemon=True).start()
        except RuntimeError:  # an interpreter that shuts down starts no thread
            os.kill(os.getpid(), number)

    def _close_and_die(self, number: int) -> None:
        try:
            self._close()
        finally:
            os.kill(os.getpid(), number)
