"""What `mlmon doctor` looks at in a cluster: how each thing is, and what to do where it is not well."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from mlmon.cli import wiring_cluster
from mlmon.cli.check import Check, Status
from mlmon.cli.units import counted
from mlmon.cli.wiring_cluster import Cluster
from mlmon.core.config import Config
from mlmon.core.errors import MlmonError, StoreVersionError

if TYPE_CHECKING:
    from mlmon.cli.wiring_cluster import Change

_SHARDS_A_NODE: Final = 1000
"""What Elasticsearch and OpenSearch allow, unless they are told otherwise."""
_MANY: Final = 0.8
_SKEW_S: Final = 5.0
_SETTLING_S: Final = 60.0
_MOST_SHOWN: Final = 5
_MAY_NOT_LOOK: Final = "this user may not look at it"


def run(config: Config, now: datetime) -> Iterator[Check]:
    """Every check of the cluster itself; nothing but the first where it does not answer."""
    try:
        with wiring_cluster.cluster(config) as at:
            yield _version(at)
            yield _licence(at)
            yield _health(at)
            yield from _templates(at)
            yield from lifecycle(at)
            yield _clock(at, now)
            yield _blocks(at)
            yield _conflicts(at)
            yield _ignored(at)
            yield _refused(at, config)
    except MlmonError as error:
        fix = "Nothing else can be looked at before this is mended."
        yield Check(name="store", status=Status.FAIL, detail=str(error), fix=fix)


def _version(at: Cluster) -> Check:
    if at.facts.is_supported:
        return Check(name="store", status=Status.OK, detail=at.name)
    fix = "Upgrade the cluster: mlmon is made for Elasticsearch 8.15 and OpenSearch 2.11, and later ones."
    return Check(name="store", status=Status.WARN, detail=f"{at.name} is old", fix=fix)


def _licence(at: Cluster) -> Check:
    if not at.facts.is_elasticsearch:
        return _ok("licence", "OpenSearch has none; nothing of mlmon needs one")
    licence = at.facts.licence
    left_out = (
        "" if licence not in ("basic", None) else "; Watcher and Kibana's mail and chat need a paid one"
    )
    return _ok("licence", f"{licence or 'unknown'}{left_out}. Nothing of mlmon needs it")


def _health(at: Cluster) -> Check:
    found = wiring_cluster.examine().health(at.connection)
    if found is None:
        return _ok("cluster", _MAY_NOT_LOOK)
    shards, nodes = counted(found.shards, "shard"), counted(found.nodes, "node")
    detail = f"{found.status}, {shards} on {nodes}, {found.unassigned} unassigned"
    if found.status == "red":
        fix = "Some data cannot be read or written. See why: GET /_cluster/allocation/explain"
        return Check(name="cluster", status=Status.FAIL, detail=detail, fix=fix)
    if found.shards > _MANY * _SHARDS_A_NODE * max(found.nodes, 1):
        fix = "Near the limit of 1,000 a node no index can be made. Fewer shards: store.shards, or keep less."
        return Check(name="cluster", status=Status.WARN, detail=detail, fix=fix)
    if found.status == "yellow":
        fix = "Copies have no node to be on. Add a node, or set store.replicas: 0 and run mlmon setup."
        return Check(name="cluster", status=Status.WARN, detail=detail, fix=fix)
    return _ok("cluster", detail)


def _templates(at: Cluster) -> Iterator[Check]:
    try:
        plan = wiring_cluster.plan(at)
    except StoreVersionError as error:
        yield Check(name="templates", status=Status.FAIL, detail=str(error), fix="Upgrade this mlmon.")
        return
    due = [change.part.name for change in plan if change.is_due]
    if not due:
        yield _ok("templates", f"all {len(plan)} are as they should be")
        return
    if _is_served(at, plan):
        yield Check(
            name="templates",
            status=Status.WARN,
            detail=f"the namespace {at.options.namespace} has no settings of its own; those for all hold",
            fix="Give it those of this configuration (shards, replicas, how long it keeps): mlmon setup",
        )
        return
    shown = ", ".join(due[:_MOST_SHOWN]) + (" and more" if len(due) > _MOST_SHOWN else "")
    is_absent = any(change.status == "absent" for change in plan)
    yield Check(
        name="templates",
        status=Status.FAIL if is_absent else Status.WARN,
        detail=f"{len(due)} of {len(plan)} are absent or differ: {shown}",
        fix="See how with mlmon setup --dry-run, then run mlmon setup.",
    )


def _is_served(at: Cluster, plan: Sequence[Change]) -> bool:
    """Whether a namespace was never set up, and what serves all namespaces was."""
    own = [change for change in plan if change.part.name.endswith(at.options.suffix)]
    if not at.options.suffix or not all(change.status == "absent" for change in own):
        return False
    return not any(change.status == "absent" for change in wiring_cluster.plan_for_all(at))


def lifecycle(at: Cluster) -> Iterator[Check]:
    """Whether what is old will be deleted: what the cluster lacks for that, and an index that stays."""
    for name, line in wiring_cluster.missing(at):
        detail, _, fix = line.partition(". ")
        yield Check(name=name, status=Status.WARN, detail=detail, fix=fix)
    if at.facts.has_ilm or at.facts.has_ism:
        yield _stuck(at) or _unmanaged(at)


def _stuck(at: Cluster) -> Check | None:
    if not at.facts.has_ilm:
        return None
    stuck = wiring_cluster.examine().stuck(at.connection, at.options.namespace)
    if not stuck:
        return None
    index, reason = next(iter(stuck.items()))
    return Check(
        name="lifecycle",
        status=Status.WARN,
        detail=f"{_with_others(index, len(stuck))} stands still: {reason}",
        fix=f"Mend the reason, then: POST /{index}/_ilm/retry",
    )


def _unmanaged(at: Cluster) -> Check:
    by_ism = at.facts.has_ism
    found = wiring_cluster.examine().unmanaged(at.connection, at.options.namespace, by_ism=by_ism)
    if not found:
        return _ok("lifecycle", "each index has one, and goes on" if found is not None else _MAY_NOT_LOOK)
    index = found[0]
    way = (
        f'POST /_plugins/_ism/add/{index} {{"policy_id": "POLICY"}}'
        if by_ism
        else f'PUT /{index}/_settings {{"index.lifecycle.name": "POLICY"}}'
    )
    return Check(
        name="lifecycle",
        status=Status.WARN,
        detail=f"nothing will ever delete {_with_others(index, len(found))}: no policy is attached",
        fix=f"Attach one of those that mlmon setup puts, such as mlmon-events: {way}",
    )


def _clock(at: Cluster, now: datetime) -> Check:
    ahead = wiring_cluster.examine().clock_ahead(at.connection, now)
    if ahead is None:
        return _ok("clock", _MAY_NOT_LOOK)
    seconds = ahead.total_seconds()
    detail = f"the cluster's is {abs(seconds):.1f} s {'ahead of' if seconds > 0 else 'behind'} this machine's"
    if abs(seconds) <= _SKEW_S:
        return _ok("clock", detail)
    fix = "Set both by NTP. Where clocks differ by a minute, jobs may pass over events that come late."
    status = Status.FAIL if abs(seconds) > _SETTLING_S else Status.WARN
    return Check(name="clock", status=status, detail=detail, fix=fix)


def _blocks(at: Cluster) -> Check:
    found = wiring_cluster.examine().blocked(at.connection, at.options.namespace)
    if not found:
        return _ok("writes", "no index is blocked" if found is not None else _MAY_NOT_LOOK)
    return Check(
        name="writes",
        status=Status.FAIL,
        detail=f"{len(found)} indices take no writes, such as {found[0]}",
        fix="Free disk space where it ran out; then set index.blocks.read_only_allow_delete to null.",
    )


def _conflicts(at: Cluster) -> Check:
    found = wiring_cluster.examine().conflicts(at.connection, at.options.namespace)
    if not found:
        return _ok("mappings", "no field has two types" if found is not None else _MAY_NOT_LOOK)
    field, types = next(iter(found.items()))
    is_both = f"{field} is {' and '.join(types)}"
    return Check(
        name="mappings",
        status=Status.WARN,
        detail=f"{len(found)} fields have different types in different indices: {is_both}",
        fix="Leave such fields out of mlmon@custom, run mlmon setup, and roll the stream over.",
    )


def _ignored(at: Cluster) -> Check:
    found = wiring_cluster.examine().ignored(at.connection, at.options.namespace)
    if found is None or not found.count:
        return _ok("values", "none is marked as not indexed" if found is not None else _MAY_NOT_LOOK)
    fields = f", in {', '.join(found.fields)}" if found.fields else ""
    return Check(
        name="values",
        status=Status.WARN,
        detail=f"{found.count:,} events have a value that no question finds{fields}",
        fix="It is kept, and is too long, of another type than the field's, or of one field too many for an "
        "index (1,000). Mend the sender.",
    )


def _refused(at: Cluster, config: Config) -> Check:
    found = wiring_cluster.refused(at, config)
    if not found:
        return _ok("logstash", "it refused nothing" if found is not None else _MAY_NOT_LOOK)
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in sorted(found.items()))
    return Check(
        name="logstash",
        status=Status.WARN,
        detail=f"{sum(found.values()):,} dead letters came by Logstash: {reasons}",
        fix="See why: mlmon deadletter ls. Mend the sender, then: mlmon deadletter replay",
    )


def _with_others(name: str, count: int) -> str:
    return name if count == 1 else f"{name}, with {count - 1} others,"


def _ok(name: str, detail: str) -> Check:
    return Check(name=name, status=Status.OK, detail=detail)
