"""Events to a running collector, over http; each batch is durable when its answer comes."""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final
from urllib.parse import SplitResult

import msgspec
from msgspec import Struct

from mlmon.core.address import parts_of
from mlmon.core.errors import InvalidEventError, UsageError, WireError
from mlmon.core.event import Event
from mlmon.core.sender_key import read_key
from mlmon.core.store import Written
from mlmon.core.tls import context_of, failure, tls_of

_PATH: Final = "/v1/events"
_TIMEOUT_S: Final = 60.0
_TRIES: Final = 10
_LATER: Final = frozenset({429, 503})
_LOCKED: Final = frozenset({401, 403})
_OK: Final = 200


class _Answer(Struct):
    stored: int
    duplicates: int
    dead_lettered: int = 0


class _Refusal(Struct):
    error: str


class Collector:
    """A running collector as a target for outcomes. For one thread."""

    def __init__(self, connection: HTTPConnection, url: str) -> None:
        self._connection = connection
        self._url = url
        self._headers = {"Content-Type": "application/x-ndjson"}
        if (key := read_key(os.environ)) is not None:
            self._headers["Authorization"] = f"ApiKey {key}"

    def write(self, events: Sequence[Event]) -> Written:
        """Send a batch and wait until it is durable; where the collector is busy, wait and try again.

        Raises:
            WireError: it cannot be reached, or refuses the batch.

        """
        body = b"\n".join(event.body for event in events)
        status, answer, wait_s = self._post(body)
        for _ in range(_TRIES):
            if status == _OK:
                return self._written(answer, len(events))
            if status not in _LATER:
                break
            time.sleep(wait_s)
            status, answer, wait_s = self._post(body)
        if status in _LOCKED:
            raise WireError(
                f"The collector at {self._url} does not take events from here ({status}): {_told(answer)} "
                "This command shows the key in MLMON_LOG_KEY, or in the file that MLMON_LOG_KEY_FILE names."
            )
        raise WireError(
            f"The collector at {self._url} answered {status}: {answer[:300].decode(errors='replace')}"
        )

    def refuse(self, refused: Sequence[tuple[bytes, InvalidEventError]]) -> None:
        """Leave bad rows where they are: a collector takes events only."""

    def _post(self, body: bytes) -> tuple[int, bytes, float]:
        try:
            self._connection.request("POST", _PATH, body, self._headers)
            response = self._connection.getresponse()
            retry_after = response.getheader("Retry-After") or "1"
            return response.status, response.read(), float(retry_after) if retry_after.isdecimal() else 1.0
        except ssl.SSLError as error:
            raise WireError(failure(f"The collector at {self._url}", error)) from None
        except (OSError, HTTPException) as error:
            raise WireError(
                f"The collector at {self._url} cannot be reached: {str(error) or type(error).__name__}. "
                "Is it running (mlmon up), and is this the address of its http door?"
            ) from None

    def _written(self, answer: bytes, sent: int) -> Written:
        try:
            told = msgspec.json.decode(answer, type=_Answer)
        except msgspec.DecodeError:
            raise WireError(
                f"What answers at {self._url} is no mlmon collector. Check the address."
            ) from None
        if (kept := told.stored + told.duplicates + told.dead_lettered) < sent:
            raise WireError(
                f"The collector at {self._url} refused {sent - kept} of {sent} events without keeping them. "
                f"It answered: {answer[:300].decode(errors='replace')}"
            )
        return Written(stored=told.stored, duplicates=told.duplicates)


@contextmanager
def to(url: str) -> Iterator[Collector]:
    """Open the way to a collector.

    Raises:
        UsageError: the URL is none of http, or names a file that cannot be used.

    """
    parts = parts_of(url)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"--ship '{url}' is no address of a collector. Write it as http://127.0.0.1:5959.")
    connection = _connection(parts)
    try:
        yield Collector(connection, url)
    finally:
        connection.close()


def _told(answer: bytes) -> str:
    try:
        return msgspec.json.decode(answer, type=_Refusal).error
    except msgspec.DecodeError:
        return answer[:300].decode(errors="replace")


def _connection(parts: SplitResult) -> HTTPConnection:
    host = parts.hostname or ""
    if parts.scheme == "http":
        return HTTPConnection(host, parts.port, timeout=_TIMEOUT_S)
    return HTTPSConnection(host, parts.port, timeout=_TIMEOUT_S, context=context_of(tls_of(parts.query)))
