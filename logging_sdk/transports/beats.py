"""The Beats protocol, to Logstash's beats input or to the collector; each batch is acknowledged."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

from pylogbeat import ConnectionException, PyLogBeatClient

from mlmon.logging_sdk.transport import Receipt, UnavailableError

_WINDOW: Final = 512
"""Records that one acknowledgement covers: few enough for their frame to fit the socket's buffer."""


class BeatsTransport:
    """Sends windows of records over one connection, and waits for the acknowledgement of each.

    TLS checks the certificate against `ca_file`, or the system's authorities, but not the host's name.
    """

    is_acknowledged = True

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
        self._where = f"beats{'+tls' if is_tls else ''}://{host}:{port}"
        self._options = {
            "host": host,
            "port": port,
            "timeout": timeout_s,
            "ssl_enable": is_tls,
            "ssl_verify": is_verified,
            "ca_certs": ca_file,
            "use_logging": True,  # else it prints to standard error
        }
        self._client: PyLogBeatClient | None = None

    def send(self, records: Sequence[bytes]) -> Receipt:
        """Send a batch, window by window.

        Raises:
            UnavailableError: no connection or no acknowledgement; windows before it may have been taken,
                and are known as duplicates when they come again.

        """
        try:
            if self._client is None:
                self._client = PyLogBeatClient(**self._options)
            for start in range(0, len(records), _WINDOW):
                self._client.send(records[start : start + _WINDOW])
        except (OSError, ConnectionException, struct.error) as error:
            self.close()
            raise UnavailableError(f"{self._where} gave no acknowledgement: {error}.") from error
        return Receipt()

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None
