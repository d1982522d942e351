"""NDJSON by HTTP, to the collector or to Logstash's http input; the answer is the acknowledgement."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final

import msgspec
from msgspec import Struct

from mlmon.core.errors import UsageError
from mlmon.core.tls import Tls, context_of, failure
from mlmon.logging_sdk.transport import Receipt, RefusedError, UnavailableError

_OK: Final = range(200, 300)
_LATER: Final = frozenset((408, 425, 429))
_LOCKED: Final = frozenset((401, 403))
_LOCKED_RETRY_S: Final = 30.0
"""Somebody must give this service another key; until then asking more often helps nobody."""
_TOO_LARGE: Final = 413
_SERVER: Final = 500
_MAX_RETRY_AFTER_S: Final = 300.0


class _Rejected(Struct):
    reason: str = ""
    detail: str = ""


class _Answer(Struct):
    dead_lettered: int = 0
    wrong_namespace: int = 0
    error: str = ""
    duplicates: int = 0
    errors: list[_Rejected] = []


class HttpTransport:
    """Posts batches over one connection that stays open.

    `timeout_s` bounds connecting and each read. `headers` are added to each request. `key` gives the key to
    show; it is asked for each connection and after each refusal, so that a new key needs no restart.
    """

    is_acknowledged = True

    def __init__(
        self,
        host: str,
        port: int | None = None,
        *,
        path: str = "/v1/events",
        tls: Tls | None = None,
        key: Callable[[], str | None] = lambda: None,
        timeout_s: float = 10.0,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._path = path
        self._timeout_s = timeout_s
        self._tls = context_of(tls) if tls is not None else None
        self._key = key
        self._headers = {"Content-Type": "application/x-ndjson", **(headers or {})}
        self._connection: HTTPConnection | None = None

    def send(self, records: Sequence[bytes]) -> Receipt:
        """Post a batch and wait for the answer.

        Raises:
            UnavailableError: no connection, 408, 425, 429 or 5xx, with the answer's `Retry-After`; 401 or
                403, for somebody can still give this service another key.
            RefusedError: any other 4xx; reason `http_<status>`.

        """
        body = b"\n".join(records)
        is_reused = self._connection is not None
        try:
            return self._post(body)
        except (OSError, HTTPException) as error:
            self.close()
            if not is_reused:
                raise self._unavailable(error) from error
        try:  # a connection kept open may have been closed by the other side meanwhile
            return self._post(body)
        except (OSError, HTTPException) as error:
            self.close()
            raise self._unavailable(error) from error

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _post(self, body: bytes) -> Receipt:
        if self._connection is None:
            self._connection = self._connect()
            self._show_key()
        self._connection.request("POST", self._path, body, self._headers)
        response = self._connection.getresponse()
        answer = response.read()
        if response.status in _OK:
            return _receipt(answer)
        said = f"{self._where()} answered {response.status} {response.reason}: {answer[:200]!r}."
        if response.status in _LOCKED:
            self.close()
            raise UnavailableError(self._locked(response.status, answer), retry_after_s=_LOCKED_RETRY_S)
        if response.status in _LATER or response.status >= _SERVER:
            raise UnavailableError(said, retry_after_s=_seconds(response.getheader("Retry-After")))
        raise RefusedError(said, reason=f"http_{response.status}", is_too_large=response.status == _TOO_LARGE)

    def _locked(self, status: int, answer: bytes) -> str:
        told = _answer(answer).error or f"It said {answer[:200]!r}."
        return (
            f"{self._where()} does not take events from this service ({status}): {told} "
            "They are kept and sent again. Set MLMON_LOG_KEY, or the file that MLMON_LOG_KEY_FILE names, to "
            "a key of the right namespace, made by: mlmon keys create."
        )

    def _connect(self) -> HTTPConnection:
        if self._tls is None:
            return HTTPConnection(self._host, self._port, timeout=self._timeout_s)
        return HTTPSConnection(self._host, self._port, timeout=self._timeout_s, context=self._tls)

    def _show_key(self) -> None:
        try:
            key = self._key()
        except UsageError as error:
            raise UnavailableError(str(error), retry_after_s=_LOCKED_RETRY_S) from None
        self._headers.pop("Authorization", None)
        if key is not None:
            self._headers["Authorization"] = f"ApiKey {key}"

    def _where(self) -> str:
        scheme = "http" if self._tls is None else "https"
        return f"{scheme}://{self._host}{f':{self._port}' if self._port else ''}{self._path}"

    def _unavailable(self, error: Exception) -> UnavailableError:
        return UnavailableError(failure(self._where(), error))


def _receipt(answer: bytes) -> Receipt:
    """What the collector said; another server's answer, such as Logstash's `ok`, says nothing more."""
    told = _answer(answer)
    detail = "; ".join(f"{error.reason}: {error.detail}" for error in told.errors[:3])
    return Receipt(
        dead_lettered=told.dead_lettered,
        duplicates=told.duplicates,
        refused=told.wrong_namespace,
        detail=detail,
    )


def _answer(answer: bytes) -> _Answer:
    try:
        return msgspec.json.decode(answer, type=_Answer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Answer()


def _seconds(header: str | None) -> float | None:
    """The seconds of a `Retry-After`; its other form, a date, is not used among machines."""
    return min(float(header), _MAX_RETRY_AFTER_S) if header and header.strip().isdecimal() else None
