"""A cluster at the other end of HTTP: bytes there, status and bytes back. Safe for several threads.

Both engines understand it, so writing and setting up need neither of their clients.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

import msgspec
import urllib3
from msgspec import Struct

from mlmon.core.errors import StoreUnreachableError
from mlmon.stores.search.access import Access
from mlmon.stores.search.envelope import NDJSON as NDJSON  # noqa: PLC0414 - for those who send bulk requests
from mlmon.stores.search.envelope import Envelope

CONNECT_S: Final = 5.0
ANSWER_S: Final = 60.0
JSON: Final = "application/json"
_UNKNOWN: Final = 401
_IS_IT_THERE: Final = "Is it running, and reachable from here?"
_ADVICE: Final = {
    "WRONG_VERSION_NUMBER": "It speaks no TLS there: name it without +https.",
    "Hostname mismatch": "Name it as its certificate does, or set store.fingerprint.",
    "IP address mismatch": "Name it as its certificate does, or set store.fingerprint.",
    "certificate has expired": "Renew the cluster's certificate.",
    "CERTIFICATE_VERIFY_FAILED": "Name the authority that signed its certificate in store.ca_file.",
    "ingerprints did not match": "If its certificate was renewed, set store.fingerprint anew.",
    "NO_CERTIFICATE_OR_CRL_FOUND": "What store.ca_file names holds no certificate in PEM.",
    "closed connection without response": "If it speaks TLS, name it with +https.",
}
"""By a part of why no answer came: what a person should do; the first that is found counts."""


class Response(Struct, frozen=True, kw_only=True, gc=False):
    """What came back."""

    status: int
    body: bytes

    @property
    def is_well(self) -> bool:
        """Whether the cluster did what was asked."""
        return 200 <= self.status < 300  # noqa: PLR2004 - HTTP's range of success

    def json(self) -> Any:  # noqa: ANN401 - whatever the cluster says
        """The body, decoded."""
        return msgspec.json.decode(self.body) if self.body else {}


class Connection(Protocol):
    """Sends requests to a cluster."""

    @property
    def url(self) -> str:
        """Where it is, without secrets."""

    def send(self, method: str, path: str, body: bytes | None = None, *, kind: str = JSON) -> Response:
        """Send one request and wait for its answer, whatever its status.

        Raises:
            StoreUnreachableError: none came; whether the request was carried out is not known.

        """

    def close(self) -> None:
        """Close the sockets; a second call does no harm."""


def with_renewal(envelope: Envelope, send: Callable[[], Response]) -> Response:
    """The answer to a request; sent again where the secret was unknown and its file has another one now."""
    asked_by = envelope.access
    response = send()
    return send() if response.status == _UNKNOWN and envelope.renewed() != asked_by else response


def unreachable(url: str, error: BaseException) -> StoreUnreachableError:
    """The error of a cluster that did not answer, with what to look at first."""
    why = _words(error)
    advice = next((advice for sign, advice in _ADVICE.items() if sign in why), _IS_IT_THERE)
    return StoreUnreachableError(f"The cluster {url} did not answer: {why}. {advice}")


def _words(error: BaseException) -> str:
    """The part of an error's text that a person can use."""
    deepest = error
    while deepest.__cause__ is not None:
        deepest = deepest.__cause__
    text = str(deepest).rsplit("object at 0x", 1)[-1]
    return text.partition(": ")[2] or text if text != str(deepest) else text


class Http:
    """A connection by urllib3, which keeps its sockets open."""

    def __init__(self, access: Access, *, answer_s: float = ANSWER_S, sockets: int = 4) -> None:
        """Nothing is sent yet."""
        self._access = access
        self._envelope = Envelope(access)
        self._pool = urllib3.PoolManager(
            maxsize=sockets,
            retries=False,
            timeout=urllib3.Timeout(connect=CONNECT_S, read=answer_s),
            **access.tls(),
        )

    @property
    def url(self) -> str:
        """Where it is, without secrets."""
        return self._access.url

    def send(self, method: str, path: str, body: bytes | None = None, *, kind: str = JSON) -> Response:
        """Send one request; see `Connection`."""
        return with_renewal(self._envelope, lambda: self._send(method, path, body, kind))

    def _send(self, method: str, path: str, body: bytes | None, kind: str) -> Response:
        body, headers = self._envelope.around(body, kind)
        try:
            answer = self._pool.request(
                method, f"{self._access.base}{path}", body=body, headers=headers, redirect=False
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise unreachable(self.url, error) from error
        return Response(status=answer.status, body=answer.data)

    def close(self) -> None:
        """Close the sockets; a second call does no harm."""
        self._pool.clear()
