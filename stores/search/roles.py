"""Who may do what in a cluster: five roles, each with no more than its work needs.

The writer of a collector adds events and reads nothing. The analyzer reads all of a namespace and writes what
it computes. The reader reads. The operator also works off dead letters: sends them again, and deletes them,
and nothing else. The provisioner makes templates and looks at the cluster; it needs no document.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from mlmon.core.schema import EVENTS, Dataset
from mlmon.stores.search import names
from mlmon.stores.search.templates import STATE


class Role(StrEnum):
    """Whose work it is."""

    WRITER = "writer"
    ANALYZER = "analyzer"
    READER = "reader"
    OPERATOR = "operator"
    PROVISIONER = "provisioner"


_MADE: Final = (Dataset.EVALUATION, Dataset.JOB)
"""What the jobs append."""
_SENT: Final = tuple(dataset for dataset in EVENTS if dataset not in _MADE)
"""What producers and collectors send."""


def name_of(role: Role, namespace: str = "*") -> str:
    """What the role is called in a cluster: `mlmon_writer`, or with its namespace behind."""
    return f"mlmon_{role}" if namespace == "*" else f"mlmon_{role}_{namespace}"


def elasticsearch(role: Role, namespace: str = "*") -> dict[str, Any]:
    """The body of a role for Elasticsearch; as `privileges` of an API key it means the same."""
    match role:
        case Role.WRITER:
            return _role([], (_streams(namespace, *_SENT), ["create_doc", "auto_configure"]))
        case Role.ANALYZER:
            return _role(
                [],
                (_everything(namespace), ["read", "view_index_metadata", "maintenance"]),
                (_streams(namespace, *_MADE), ["create_doc", "auto_configure"]),
                (_computed(namespace), ["create_doc", "index", "delete", "auto_configure"]),
            )
        case Role.READER:
            return _role([], (_everything(namespace), ["read", "view_index_metadata"]))
        case Role.OPERATOR:
            return _role(
                ["monitor"],
                (_everything(namespace), ["read", "view_index_metadata", "maintenance"]),
                (_streams(namespace, *_SENT), ["create_doc", "auto_configure"]),
                ([_dead_letters(namespace)], ["delete"]),
            )
        case Role.PROVISIONER:
            return _role(
                ["monitor", "manage_index_templates", "manage_ilm", "manage_ingest_pipelines"],
                (_everything(namespace), ["manage", "monitor", "view_index_metadata"]),
            )


def opensearch(role: Role, namespace: str = "*") -> dict[str, Any]:
    """The body of a role for OpenSearch's security plugin."""
    match role:
        case Role.WRITER:
            return _opensearch(
                ["indices:data/write/bulk*"], (_streams(namespace, *_SENT), [*_ADD, "create_index"])
            )
        case Role.ANALYZER:
            return _opensearch(
                ["indices:data/write/bulk*", *_PIT],
                (_everything(namespace), ["read", "indices_monitor", *_LOOK, "indices:admin/refresh*"]),
                (_streams(namespace, *_MADE), [*_ADD, "create_index"]),
                (_computed(namespace), ["write", "create_index"]),
            )
        case Role.READER:
            return _opensearch([*_PIT], (_everything(namespace), ["read", *_LOOK]))
        case Role.OPERATOR:
            return _opensearch(
                ["cluster_monitor", "indices:data/write/bulk*", *_PIT],
                (_everything(namespace), ["read", *_LOOK, "indices:admin/refresh*"]),
                (_streams(namespace, *_SENT), [*_ADD, "create_index"]),
                ([_dead_letters(namespace)], ["indices:data/write/delete", "indices:data/write/bulk*"]),
            )
        case Role.PROVISIONER:
            return _opensearch(
                [
                    "cluster_monitor",
                    "cluster_manage_index_templates",
                    "cluster_manage_pipelines",
                    "cluster:admin/opendistro/ism/*",
                ],
                (_everything(namespace), ["indices_all"]),
            )


_ADD: Final = ("indices:data/write/index", "indices:data/write/bulk*", "indices:admin/mapping/put")
_LOOK: Final = ("indices:admin/mappings/get", "indices:admin/resolve/index", "indices:monitor/stats")
_PIT: Final = (
    "indices:data/read/point_in_time/create",
    "indices:data/read/point_in_time/delete",
)


def _streams(namespace: str, *datasets: Dataset) -> list[str]:
    return [f"logs-{dataset}{own}-{namespace}" for dataset in datasets for own in ("", ".*")]


def _dead_letters(namespace: str) -> str:
    """The stream that Logstash's pipelines write what they refuse to."""
    return names.stream(Dataset.APP, namespace, names.DEAD_LETTERS)


def _computed(namespace: str) -> list[str]:
    results = [f"{dataset}-{namespace}-*" for dataset in Dataset if dataset not in EVENTS]
    return [*results, f"{STATE}-{namespace}"]


def _everything(namespace: str) -> list[str]:
    return [*_streams(namespace, *EVENTS), *_computed(namespace)]


def _role(cluster: list[str], *grants: tuple[list[str], list[str]]) -> dict[str, Any]:
    return {
        "cluster": cluster,
        "indices": [{"names": names, "privileges": privileges} for names, privileges in grants],
    }


def _opensearch(cluster: list[str], *grants: tuple[list[str], list[str]]) -> dict[str, Any]:
    return {
        "cluster_permissions": cluster,
        "index_permissions": [
            {"index_patterns": names, "allowed_actions": actions} for names, actions in grants
        ],
    }


def paths(engine: str, namespace: str = "*") -> Mapping[str, dict[str, Any]]:
    """Each role by the path it is put to."""
    if engine == "opensearch":
        return {
            f"/_plugins/_security/api/roles/{name_of(role, namespace)}": opensearch(role, namespace)
            for role in Role
        }
    return {f"/_security/role/{name_of(role, namespace)}": elasticsearch(role, namespace) for role in Role}
