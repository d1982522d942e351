"""What a cluster is and can: its engine and version, and what its licence or build leaves out."""

from __future__ import annotations

import re
from typing import Any, Final

from msgspec import Struct

from mlmon.core.errors import ConfigError, StoreError
from mlmon.stores.search import verdicts
from mlmon.stores.search.connection import Connection

ELASTICSEARCH: Final = "elasticsearch"
OPENSEARCH: Final = "opensearch"
SERVERLESS: Final = "serverless"
OLDEST: Final = {ELASTICSEARCH: (8, 15), OPENSEARCH: (2, 11)}
_BY_TAGLINE: Final = {"You Know, for Search": ELASTICSEARCH}
"""What only one of the engines says of itself."""
_NAMES: Final = {ELASTICSEARCH: "Elasticsearch", OPENSEARCH: "OpenSearch"}
_LOGSDB: Final = (8, 17)
_SHUT: Final = frozenset({401, 403})
_MISSING_HANDLER: Final = frozenset({400, 404, 405, 500, 501})

Version = tuple[int, int, int]


class Facts(Struct, frozen=True, kw_only=True):
    """What was found out. `licence` is None where the engine has none or does not say."""

    engine: str
    version: Version
    flavour: str = "default"
    licence: str | None = None
    has_ilm: bool = False
    has_ism: bool = False
    has_ingest: bool = True
    """Whether a node prepares documents by scripts before they are stored."""

    @property
    def name(self) -> str:
        """The engine and its version, as people write them."""
        return f"{self.engine} {'.'.join(map(str, self.version))}"

    @property
    def is_elasticsearch(self) -> bool:
        """Whether it is Elasticsearch, serverless or not."""
        return self.engine == ELASTICSEARCH

    @property
    def is_serverless(self) -> bool:
        """Whether it is Elasticsearch without nodes to care for: no shards, no ILM."""
        return self.flavour == SERVERLESS

    @property
    def has_logsdb(self) -> bool:
        """Whether an index can be kept in the form made for logs, which takes less disk."""
        return self.is_elasticsearch and self.version >= _LOGSDB

    @property
    def is_supported(self) -> bool:
        """Whether mlmon is made for this version."""
        return self.version[:2] >= OLDEST[self.engine]


def probe(connection: Connection, engine: str) -> Facts:
    """Ask a cluster what it is. `engine` is what its address says; a cluster need not say it itself.

    Raises:
        StoreUnreachableError: it does not answer.
        ConfigError: it says that it is the other engine.
        StoreError: it lets nobody in with this key, or is no such cluster.

    """
    root = _root(connection)
    told = root.get("version", {})
    tagline = str(root.get("tagline"))
    says = told.get("distribution") or _BY_TAGLINE.get(tagline, engine)
    if says != engine and says in _NAMES:
        rest = connection.url.removeprefix(engine)
        raise ConfigError(f"What answers at {connection.url} is {_NAMES[says]}. Name it as {says}{rest}")
    number = told.get("number") or _of_a_node(connection)
    flavour = told.get("build_flavor", "default")
    return Facts(
        engine=engine,
        version=version(number),
        flavour=flavour,
        licence=_licence(connection) if engine == ELASTICSEARCH else None,
        has_ilm=engine == ELASTICSEARCH and _has(connection, "/_ilm/status"),
        has_ism=engine == OPENSEARCH and _has(connection, "/_plugins/_ism/policies"),
        has_ingest=flavour == SERVERLESS or _has_ingest(connection),
    )


def version(text: str) -> Version:
    """The three numbers of a version; what follows them does not count.

    >>> version("9.5.0-SNAPSHOT")
    (9, 5, 0)
    """
    found = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else (0, 0, 0)


def _root(connection: Connection) -> dict[str, Any]:
    response = connection.send("GET", "/")
    if response.status in _SHUT:
        raise StoreError(
            f"The cluster {connection.url} lets nobody in this way ({response.status}): "
            f"{verdicts.whole(response.body)}. Check its key, or its user and password."
        )
    return _object(response.json()) if response.is_well else {}


def _of_a_node(connection: Connection) -> str:
    """The version that a node states, for a cluster that says nothing of itself."""
    response = connection.send("GET", "/_nodes?filter_path=nodes.*.version")
    nodes = _object(response.json()).get("nodes", {}) if response.is_well else {}
    versions = [node["version"] for node in nodes.values()]
    if not versions:
        raise StoreError(
            f"What answers at {connection.url} does not say which cluster it is ({response.status}). "
            "Check store.url, and that this user has the cluster privilege 'monitor'."
        )
    return str(min(versions, key=version))


def _licence(connection: Connection) -> str | None:
    response = connection.send("GET", "/_license")
    if not response.is_well:
        return None
    told: str | None = _object(response.json()).get("license", {}).get("type")
    return told


def _has(connection: Connection, path: str) -> bool:
    """Whether the cluster knows an endpoint; one that it does not let us use is there all the same."""
    return connection.send("GET", path).status not in _MISSING_HANDLER


def _has_ingest(connection: Connection) -> bool:
    """Whether a node runs scripts before it stores; where nobody may look, it is taken to be so."""
    path = "/_nodes/ingest:true/ingest?filter_path=nodes.*.ingest.processors.type"
    response = connection.send("GET", path)
    if not response.is_well:
        return True
    nodes = _object(response.json()).get("nodes", {}).values()
    return any({"type": "script"} in node["ingest"]["processors"] for node in nodes)


def _object(value: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    return value if isinstance(value, dict) else {}
