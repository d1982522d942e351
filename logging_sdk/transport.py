"""The seam where bytes leave the process, and the URLs that name its implementations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct

from mlmon.core.errors import UsageError, WireError, nearest
from mlmon.core.sender_key import read_key

if TYPE_CHECKING:
    from mlmon.core.tls import Tls


class Receipt(Struct, frozen=True, kw_only=True):
    """What the other side said of a batch: `dead_lettered` of it were kept aside, with a detail to show.

    `duplicates` of it were there already; `refused` were kept nowhere, for their namespace is not the key's.
    """

    dead_lettered: int = 0
    refused: int = 0
    duplicates: int = 0
    detail: str = ""


class UnavailableError(WireError):
    """The other side cannot be reached or has no room; sending again later is right."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        """Keep what the other side asked to wait for, in seconds."""
        super().__init__(message)
        self.retry_after_s = retry_after_s


class RefusedError(WireError):
    """The other side will never take this batch; `reason` is a short stable code.

    `is_too_large` says that a part of the batch may be taken.
    """

    def __init__(self, message: str, *, reason: str, is_too_large: bool = False) -> None:
        """Keep the reason for counting."""
        super().__init__(message)
        self.reason = reason
        self.is_too_large = is_too_large


class Transport(Protocol):
    """One wire. Used by one thread at a time; it connects at the first `send`."""

    @property
    def is_acknowledged(self) -> bool:
        """Whether `send` returns only after the other side has taken the batch over."""

    def send(self, records: Sequence[bytes]) -> Receipt:
        """Send records, each one JSON object without a line's end.

        Raises:
            UnavailableError: nothing may be counted on; the same batch is sent again later.
            RefusedError: the batch will never be taken.

        """

    def close(self) -> None:
        """Free what it holds; a later `send` connects again."""


Ship = str | Sequence[str] | Transport
"""Where to ship to: a URL, several URLs of which the first that answers is used, or a transport."""


def connector(ship: Ship) -> Callable[[], Transport]:
    """A function that makes the transport, once in each process.

    Raises:
        UsageError: a URL that cannot be meant.

    """
    if isinstance(ship, str):
        return _of_url(ship)
    if isinstance(ship, Sequence):
        return _of_urls(ship)
    if callable(getattr(ship, "send", None)) and callable(getattr(ship, "close", None)):
        return lambda: ship
    raise UsageError(f"ship={ship!r} is no place to ship to. Pass a URL, a list of URLs or a Transport.")


def from_url(url: str) -> Transport:
    """The transport of a URL: http, https, tcp, tcp+tls, beats, beats+tls, file:///path or stdout.

    `?ca=FILE` names the certificates that TLS trusts, `?cert=FILE&cert_key=FILE` the one to show;
    `?verify=false` trusts anyone. https and http show the key of `mlmon.core.sender_key`.

    Raises:
        UsageError: an unknown scheme, or a host, port or path that is missing.

    """
    return _of_url(url)()


def _of_urls(urls: Sequence[str]) -> Callable[[], Transport]:
    from mlmon.logging_sdk.transports.failover import FailoverTransport  # noqa: PLC0415 - loaded where used

    makers = [_of_url(url) for url in urls]
    if not makers:
        raise UsageError("ship=[] names no place to ship to. Pass at least one URL.")
    return lambda: FailoverTransport([make() for make in makers])


def _of_url(url: str) -> Callable[[], Transport]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UsageError(f"ship={url!r} is no URL: {error}. Write it as http://host:port.") from None
    make = _MAKERS.get(parts.scheme)
    if make is None:
        raise UsageError(
            f"ship={url!r} has an unknown scheme '{parts.scheme}'. Allowed: {', '.join(_MAKERS)}."
            f"{nearest(parts.scheme, _MAKERS)} Write it as http://host:port."
        )
    if parts.scheme not in ("stdout", "file") and not parts.hostname:
        raise UsageError(f"ship={url!r} names no host. Write it as {parts.scheme}://host:port.")
    if parts.scheme == "file" and (parts.netloc or not parts.path.startswith("/") or parts.path == "/"):
        raise UsageError(f"ship={url!r} names no file. Write an absolute path: file:///var/log/model.ndjson.")
    return lambda: make(parts, port)


def _http(parts: SplitResult, port: int | None) -> Transport:
    from mlmon.logging_sdk.transports.http import HttpTransport  # noqa: PLC0415 - loaded where used

    return HttpTransport(
        parts.hostname or "",
        port,
        path=parts.path if parts.path.strip("/") else "/v1/events",
        tls=_tls(parts) if parts.scheme == "https" else None,
        key=read_key,
    )


def _tcp(parts: SplitResult, port: int | None) -> Transport:
    from mlmon.logging_sdk.transports.tcp import TcpTransport  # noqa: PLC0415 - loaded where used

    return TcpTransport(
        parts.hostname or "",
        port or 5960,
        tls=_tls(parts) if parts.scheme.endswith("+tls") else None,
    )


def _beats(parts: SplitResult, port: int | None) -> Transport:
    from mlmon.logging_sdk.transports.beats import BeatsTransport  # noqa: PLC0415 - loaded where used

    return BeatsTransport(
        parts.hostname or "",
        port or 5044,
        tls=_tls(parts) if parts.scheme.endswith("+tls") else None,
    )


def _file(parts: SplitResult, _: int | None) -> Transport:
    from mlmon.logging_sdk.transports.file import FileTransport  # noqa: PLC0415 - loaded where used

    return FileTransport(parts.path)


def _stdout(_: SplitResult, __: int | None) -> Transport:
    from mlmon.logging_sdk.transports.stdout import StdoutTransport  # noqa: PLC0415 - loaded where used

    return StdoutTransport()


def _tls(parts: SplitResult) -> Tls:
    from mlmon.core.tls import tls_of  # noqa: PLC0415 - loaded where used

    return tls_of(parts.query)


_MAKERS: Final[dict[str, Callable[[SplitResult, int | None], Transport]]] = {
    "http": _http,
    "https": _http,
    "tcp": _tcp,
    "tcp+tls": _tcp,
    "beats": _beats,
    "beats+tls": _beats,
    "file": _file,
    "stdout": _stdout,
}
