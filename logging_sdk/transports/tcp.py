"""Logstash's json_lines over tcp.

This wire cannot promise delivery: it has no acknowledgement, so what the kernel took is counted as sent and
is lost where the other side dies before it reads. Use http or beats where that matters.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence

from logstash_async.transport import TcpTransport as LogstashTcp

from mlmon.core.tls import Tls, context_of, failure
from mlmon.logging_sdk.transport import Receipt, UnavailableError


class TcpTransport:
    """Sends a batch as lines, on a connection of its own."""

    is_acknowledged = False

    def __init__(self, host: str, port: int, *, tls: Tls | None = None, timeout_s: float = 10.0) -> None:
        self._address = (host, port)
        self._timeout_s = timeout_s
        self._where = f"tcp{'+tls' if tls else ''}://{host}:{port}"
        self._tls = context_of(tls) if tls is not None else None
        self._wire = LogstashTcp(host, port, tls is not None, None, None, None, None, None, timeout=timeout_s)
        # In place of its own, which needs 30 s to notice a refusal, and does not check the host's name.
        self._wire._create_socket = self._connect  # noqa: SLF001 - as said

    def send(self, records: Sequence[bytes]) -> Receipt:
        """Send a batch, in one piece and with its last line ended.

        Raises:
            UnavailableError: no connection.

        """
        try:
            self._wire.send([b"".join(record + b"\n" for record in records)])
        except ssl.SSLError as error:
            raise UnavailableError(failure(self._where, error)) from error
        except OSError as error:
            raise UnavailableError(f"{self._where} cannot be reached: {error}.") from error
        return Receipt()

    def _connect(self) -> None:
        if self._wire._sock is not None:  # noqa: SLF001 - where the wire keeps it
            return
        made = socket.create_connection(self._address, timeout=self._timeout_s)
        if self._tls is not None:
            made = self._tls.wrap_socket(made, server_hostname=self._address[0])
        self._wire._sock = made  # noqa: SLF001 - as above

    def close(self) -> None:
        """Close the connection."""
        self._wire.close()
