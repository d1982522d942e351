"""The Beats protocol, to Logstash's beats input or to the collector; each batch is acknowledged."""

from __future__ import annotations

import ssl
import struct
from collections.abc import Sequence
from typing import Final

from pylogbeat import ConnectionException, PyLogBeatClient

from mlmon.core.tls import Tls, context_of, failure
from mlmon.logging_sdk.transport import Receipt, UnavailableError

_GONE: Final = (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError, struct.error)
"""What a connection shows that the other side has ended."""
_WINDOW: Final = 512
"""Records that one acknowledgement covers: few enough for their frame to fit the socket's buffer."""


class BeatsTransport:
    """Sends windows of records over one connection, and waits for the acknowledgement of each."""

    is_acknowledged = True

    def __init__(
        self,
        host: str,
        port: int,
        *,
        tls: Tls | None = None,
        timeout_s: float = 10.0,
    ) -> None:
        self._where = f"beats{'+tls' if tls else ''}://{host}:{port}"
        self._options = {
            "host": host,
            "port": port,
            "timeout": timeout_s,
            "ssl_enable": tls is not None,
            "use_logging": True,  # else it prints to standard error
        }
        self._host = host
        self._tls = context_of(tls) if tls is not None else None
        self._client: PyLogBeatClient | None = None

    def send(self, records: Sequence[bytes]) -> Receipt:
        """Send a batch, window by window.

        Raises:
            UnavailableError: no connection or no acknowledgement; windows before it may have been taken,
                and are known as duplicates when they come again.

        """
        is_reused = self._client is not None
        try:
            try:
                self._send(records)
            except _GONE:
                if not is_reused:
                    raise
                self.close()  # Logstash ends a connection that was quiet for a minute, which is no failure
                self._send(records)
        except ssl.SSLError as error:
            self.close()
            raise UnavailableError(failure(self._where, error)) from error
        except (OSError, ConnectionException, struct.error) as error:
            self.close()
            raise UnavailableError(f"{self._where} gave no acknowledgement: {error}.") from error
        return Receipt()

    def _send(self, records: Sequence[bytes]) -> None:
        if self._client is None:
            self._client = self._connected()
        for start in range(0, len(records), _WINDOW):
            self._client.send(records[start : start + _WINDOW])

    def _connected(self) -> PyLogBeatClient:
        client = PyLogBeatClient(**self._options)

        def speak_tls() -> None:  # in place of the client's own, which does not check the host's name
            assert self._tls is not None  # noqa: S101 - called with TLS only
            client._socket = self._tls.wrap_socket(client._socket, server_hostname=self._host)  # noqa: SLF001 - as said

        client._setup_ssl_socket = speak_tls  # noqa: SLF001 - as said
        return client

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None
