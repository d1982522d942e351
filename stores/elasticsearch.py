"""Elasticsearch 8.15 and later, over the client that its makers give out."""

from __future__ import annotations

from typing import Any, Final

try:
    import elastic_transport
    import elasticsearch
except ImportError:
    from mlmon.core.errors import MissingExtraError

    raise MissingExtraError("elasticsearch", "elasticsearch") from None

from mlmon.core import clock as clocks
from mlmon.core.clock import Clock
from mlmon.stores.search import names
from mlmon.stores.search.access import Access
from mlmon.stores.search.connection import ANSWER_S, JSON, NDJSON, Response, unreachable, with_renewal
from mlmon.stores.search.envelope import Envelope
from mlmon.stores.search.scan import ELASTICSEARCH
from mlmon.stores.search.store import SearchStore

_SOCKETS: Final = 8


class _Bytes(elastic_transport.Serializer):
    """Leaves bodies as they are: what is sent is encoded already, what comes is decoded by its reader."""

    mimetype = JSON

    def dumps(self, data: Any) -> bytes:  # noqa: ANN401 - the client's own signature
        return bytes(data)

    def loads(self, data: bytes) -> bytes:
        return data


class ClientConnection:
    """A connection over an Elasticsearch client, which knows several nodes and which of them answer.

    The requests say plainly that they speak JSON, and not which version of the client made them, so that a
    client may be newer than the cluster.
    """

    def __init__(self, access: Access, *, answer_s: float = ANSWER_S) -> None:
        """Nothing is sent yet."""
        self._access = access
        self._envelope = Envelope(access)
        self._client = elasticsearch.Elasticsearch(
            access.base,
            serializers={JSON: _Bytes(), NDJSON: _Bytes()},
            connections_per_node=_SOCKETS,
            request_timeout=answer_s,
            max_retries=0,
            **_tls(access),
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
        headers["accept"] = JSON
        try:
            answer = self._client.transport.perform_request(method, path, body=body, headers=headers)
        except elastic_transport.TransportError as error:
            raise unreachable(self.url, error) from error
        return Response(status=answer.meta.status, body=answer.body or b"")

    def close(self) -> None:
        """Close the sockets; a second call does no harm."""
        self._client.close()


def _tls(access: Access) -> dict[str, Any]:
    if not access.is_secure:
        return {}
    if access.fingerprint is not None:
        return {"ssl_assert_fingerprint": access.fingerprint}
    return {"ca_certs": access.ca_file} if access.ca_file else {}


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
    connection = ClientConnection(access)
    return SearchStore(
        connection,
        pit=ELASTICSEARCH,
        engine=access.engine,
        namespace=namespace,
        stream_per_model=stream_per_model,
        clock=clock,
    )
