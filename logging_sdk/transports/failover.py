"""Several places of which the first that answers is used, until it fails."""

from __future__ import annotations

from collections.abc import Sequence

from mlmon.logging_sdk.transport import Receipt, Transport, UnavailableError


class FailoverTransport:
    """Sends to one transport at a time, and to the next where that one is unavailable."""

    def __init__(self, transports: Sequence[Transport]) -> None:
        self._transports = list(transports)
        self._current = 0

    @property
    def is_acknowledged(self) -> bool:
        """Whether the one in use is."""
        return self._transports[self._current].is_acknowledged

    def send(self, records: Sequence[bytes]) -> Receipt:
        """Send by the one in use, else by the others in turn.

        Raises:
            UnavailableError: none of them is available.
            RefusedError: one refused the batch.

        """
        failures: list[str] = []
        for _ in self._transports:
            try:
                return self._transports[self._current].send(records)
            except UnavailableError as error:
                failures.append(str(error))
                self._current = (self._current + 1) % len(self._transports)
        raise UnavailableError(" ".join(failures))

    def close(self) -> None:
        """Close all of them."""
        for transport in self._transports:
            transport.close()
