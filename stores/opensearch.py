"""OpenSearch 2 and 3, over the client that its makers give out."""

from __future__ import annotations

from typing import Any, Final

try:
    import opensearchpy
except ImportError:
    from mlmon.core.errors import MissingExtraError

    raise MissingExtraError("opensearch-py", "opensearch") from None

from mlmon.core import clock as clocks
from mlmon.core.clock import Clock
from mlmon.stores.search import names
from mlmon.stores.search.access import Access
from mlmon.stores.search.connection import ANSWER_S, JSON, Response, unreachable, with_renewal
from mlmon.stores.search.envelope import Envelope
from mlmon.stores.search.scan import OPENSEARCH
from mlmon.stores.search.store import SearchStore

_SOCKETS: Final = 8
_ANY_STATUS: Final = range(300, 600)


class ClientConnection:
    """A connection over an OpenSearch client, which knows several nodes and which of them answer."""

    def __init__(self, access: Access, *, answer_s: float = ANSWER_S) -> None:
        """Nothing is sent yet."""
        self._access = access
        self._answer_s = answer_s
        self._envelope = Envelope(access)
        self._client = opensearchpy.OpenSearch(
            access.base, pool_maxsize=_SOCKETS, timeout=answer_s, max_retries=0, **_tls(access)
        )

    @property
    def url(self) -> str:
        """Where it is, without secrets."""
        return self._access.url

    def send(self, method: str, path: str, body: bytes | None = None, *, kind: str = JSON) -> Response:
        """Send one request; see `mlmon.stores.search.connection.Connection`."""
        return with_renewal(self._envelope, lambda: self._send(method, path, body, kind))

    def _send(self, method: str, path: str, body: bytes | None, kind: str) -> Response:
        body, headers = self._envelope.around(body, kind)
        transport = self._client.transport
        node = transport.get_connection()
        try:
            # The node is asked, and not the client, which would decode the answer and keep its status.
            status, _, text = node.perform_request(
                method, path, None, body, headers=headers, ignore=_ANY_STATUS, timeout=self._answer_s
            )
        except opensearchpy.TransportError as error:
            transport.mark_dead(node)
            cause = error.info if isinstance(error.info, BaseException) else error
            raise unreachable(self.url, cause) from error
        transport.connection_pool.mark_live(node)
        return Response(status=status, body=text.encode())

    def close(self) -> None:
        """Close the sockets; a second call does no harm."""
        self._client.close()


def _tls(access: Access) -> dict[str, Any]:
    if not access.is_secure:
        return {"use_ssl": False}
    if access.fingerprint is not None:
        return {
            "use_ssl": True,
            "verify_certs": False,
            "ssl_show_warn": False,
            "ssl_assert_fingerprint": access.fingerprint,
        }
    return {"use_ssl": True, "verify_certs": True} | ({"ca_certs": access.ca_file} if access.ca_file else {})


def open_store(
    access: Access,
    *,
    namespace: str = names.DEFAULT,
    stream_per_model: bool = False,
    clock: Clock = clocks.system,
) -> SearchStore:
    """Open the store in a cluster; nothing is sent before it is asked or written to.

    Raises:
        UsageError: the namespace cannot be part of an index's name.

    """
    return SearchStore(
        ClientConnection(access),
        pit=OPENSEARCH,
        engine=access.engine,
        namespace=namespace,
        stream_per_model=stream_per_model,
        clock=clock,
    )
