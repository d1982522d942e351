"""Who may use the http door: the key that a request shows, and a count of those that were turned away."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from typing import Final

from mlmon.pipelines.keys import Key, Keyring, RefusedKeyError

CHALLENGE: Final = 'ApiKey realm="mlmon"'
_SCHEMES: Final = frozenset({"apikey", "bearer"})
_SAY_EVERY_S: Final = 60.0
_log: Final = logging.getLogger("mlmon.collector")


class Access:
    """Lets requests in. For one event loop."""

    def __init__(self, keyring: Keyring | None, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Without a keyring everyone may come in."""
        self._keyring = keyring
        self._monotonic = monotonic
        self._said_at = -_SAY_EVERY_S
        self._unsaid = 0
        self.refused: Counter[str] = Counter()

    def admit(self, authorization: str | None, peer: str) -> Key | None:
        """The key of a request by its header, `ApiKey KEY` or `Bearer KEY`; None where none is needed.

        Raises:
            RefusedKeyError: it may not come in.

        """
        if self._keyring is None:
            return None
        scheme, _, shown = (authorization or "").strip().partition(" ")
        try:
            return self._keyring.check(shown.strip() if scheme.lower() in _SCHEMES else "")
        except RefusedKeyError as error:
            self._note(error, peer)
            raise

    def _note(self, error: RefusedKeyError, peer: str) -> None:
        """Count each, and say it at most once a minute: strangers must not fill the log."""
        self.refused[error.reason] += 1
        self._unsaid += 1
        now = self._monotonic()
        if now - self._said_at >= _SAY_EVERY_S:
            _log.warning(
                "http %s is not let in: %s Requests refused since this was last said: %d.",
                peer,
                error,
                self._unsaid,
            )
            self._said_at, self._unsaid = now, 0
