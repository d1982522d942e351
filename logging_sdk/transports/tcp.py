"""Logstash's json_lines over tcp.

This wire cannot promise delivery: it has no acknowledgement, so what the kernel took is counted as sent and
is lost where the other side dies before it reads. Use http or beats where that matters.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence

from logstash_async.transport import TcpTransport as LogstashTcp

from mlmon.logging_sdk.transport import Receipt, UnavailableError


class TcpTransport:
    """Sends a batch as lines, on a connection of its own.

    TLS checks the certificate against `ca_file`, or the system's authorities, but not the host's name.
    """

    is_acknowledged = False

    def __init__(
        self,
        host: str,
        port: int,
        *,
        is_tls: bool = False,
        ca_file: str | None = None,
        is_verified: bool = True,
        timeout_s: float = 10.0,
    ) -> None:
        self._address = (host, port)
        self._timeout_s = timeout_s
        self._is_reached = False
        self._where = f"tcp{'+tls' if is_tls else ''}://{host}:{port}"
        self._wire = LogstashTcp(
            host, port, is_tls, is_verified, None, None, None, ca_file, timeout=timeout_s
        )

    def send(self, records: Sequence[bytes]) -> Receipt:
        """Send a batch, in one piece and with its last line ended.

        Raises:
            UnavailableError: no connection.

        """
        try:
            if not self._is_reached:  # asks first, because the wire below needs 30 s to notice a refusal
                socket.create_connection(self._address, timeout=self._timeout_s).close()
            self._is_reached = False
            self._wire.send([b"".join(record + b"\n" for record in records)])
        except OSError as error:
            raise UnavailableError(f"{self._where} cannot be reached: {error}.") from error
        self._is_reached = True
        return Receipt()

    def close(self) -> None:
        """Close the connection."""
        self._wire.close()
