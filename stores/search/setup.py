"""Setting a cluster up: what is there is compared with what should be, and only what differs is put.

Running it again changes nothing. A cluster that a newer mlmon has set up is left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Any, Final
from urllib.parse import quote

import msgspec
from msgspec import Struct

from mlmon.core import schema
from mlmon.core.errors import StoreError, StoreVersionError
from mlmon.core.schema import EVENTS, Dataset
from mlmon.stores.search import stamping, verdicts
from mlmon.stores.search.connection import Connection
from mlmon.stores.search.facts import Facts
from mlmon.stores.search.templates import STATE, VERSION, Options, Part, parts

_NOT_FOUND: Final = 404
_IN_USE: Final = "in use"
_DIGESTS: Final = ("_meta.digest", "policy.description")
"""Keys that differ whenever any other does, and say nothing to a person."""
_NO_ILM: Final = (
    "This Elasticsearch has no index lifecycle management. The streams carry a data stream lifecycle "
    "instead; indices of metrics and findings are not deleted by themselves."
)
_NO_ISM: Final = (
    "This OpenSearch has no index state management, so nothing is deleted by itself. Install the "
    "plugin opensearch-index-management, then run this again."
)
_NO_INGEST: Final = (
    "No node of this cluster runs ingest pipelines with scripts, so events that waited in Logstash keep "
    f"an old {schema.EVENT_INGESTED}. Let a node have the role ingest, then run mlmon setup."
)


class Status(StrEnum):
    """How a part of the cluster compares with what it should be."""

    SAME = "same"
    ABSENT = "absent"
    DIFFERS = "differs"
    YOURS = "yours"


class Change(Struct, frozen=True, kw_only=True):
    """One part, how it is, and the keys that differ: what is there, and what should be."""

    part: Part
    status: Status
    differences: dict[str, tuple[str | None, str | None]] = {}
    revision: str = ""
    """What some engines want to hear again when a thing is replaced."""

    @property
    def is_due(self) -> bool:
        """Whether there is something to do."""
        return self.status in (Status.ABSENT, Status.DIFFERS)


def plan(connection: Connection, facts: Facts, options: Options) -> list[Change]:
    """Compare a cluster with what it should be; nothing is changed.

    Raises:
        StoreVersionError: a newer mlmon has set it up.
        StoreError: it does not let this user look, or does not answer.

    """
    return [_compared(connection, part) for part in parts(facts, options)]


def missing(facts: Facts) -> Iterator[tuple[str, str]]:
    """What this cluster cannot do by itself: what that is about, and a sentence or two."""
    if facts.is_elasticsearch and not facts.has_ilm and not facts.is_serverless:
        yield "lifecycle", _NO_ILM
    if not facts.is_elasticsearch and not facts.has_ism:
        yield "lifecycle", _NO_ISM
    if not facts.has_ingest:
        yield "stamps", _NO_INGEST


def apply(connection: Connection, changes: Sequence[Change]) -> Iterator[Change]:
    """Put what is due, and give each change when it is made; streams that are there follow their mappings.

    Raises:
        StoreError: the cluster refused one; those before it are made, and running it again goes on.

    """
    for change in changes:
        if change.is_due:
            path = change.part.path + change.revision
            response = connection.send("PUT", path, msgspec.json.encode(change.part.body))
            if not response.is_well:
                raise _refused(
                    connection, f"to take the {change.part.kind} {change.part.name}", response.body
                )
            yield change
    for dataset in _with_new_mappings(changes):
        _follow(connection, dataset, changes)
    if any(change.is_due and stamping.SETTING in _settings(change.part) for change in changes):
        _stamp(connection, changes)


def going(connection: Connection, facts: Facts, options: Options) -> Iterator[Part]:
    """What `remove` would take away, in its order; of a namespace only what is its own.

    Raises:
        StoreVersionError: a newer mlmon has set it up.
        StoreError: data streams need the parts, or the cluster does not let this user look.

    """
    made = parts(facts, options)
    if not options.suffix:
        _check_unused(connection, made, options)
    found = [(part, _existing(connection, part)[0]) for part in reversed(made)]
    there = [(part, body) for part, body in found if body is not None and part.name.endswith(options.suffix)]
    for part, body in there:
        _check_version(connection, part, body)
    yield from (part for part, body in there if not part.is_users or body == part.body)


def remove(connection: Connection, facts: Facts, options: Options) -> Iterator[Part]:
    """Take away what was set up, and give each part when it is gone. Documents and what is yours stay.

    Raises:
        StoreError: as `going`; also where a stream of the namespace has no other template.

    """
    for part in going(connection, facts, options):
        response = connection.send("DELETE", part.path)
        if response.status == _NOT_FOUND:
            continue
        if not response.is_well:
            why = verdicts.whole(response.body)
            raise StoreError(
                f"The cluster {connection.url} does not let go of the {part.kind} {part.name}: {why}."
                + (f" {_delete_streams(options)}" if _IN_USE in why else "")
            )
        yield part


def _check_unused(connection: Connection, made: Sequence[Part], options: Options) -> None:
    """Refuse before anything is removed, since with half of its templates a cluster would guess types."""
    streams = _streams(connection, _stream_patterns(made))
    if streams:
        raise StoreError(
            f"The cluster {connection.url} still has {len(streams)} data streams, such as {streams[0]}, and "
            f"they need what was set up. Nothing was removed. {_delete_streams(options)}"
        )
    response = connection.send("GET", f"/_index_template/{STATE}-*")
    templates = response.json().get("index_templates", ()) if response.is_well else ()
    if templates:
        namespace = templates[0]["name"].removeprefix(f"{STATE}-")
        raise StoreError(
            f"In the cluster {connection.url} {len(templates)} namespaces have settings of their own, such as"
            f" {namespace}. Nothing was removed. Remove those first, each with: "
            f"MLMON_STORE_NAMESPACE={namespace} mlmon setup --remove"
        )


def _delete_streams(options: Options) -> str:
    return (
        "Delete the data streams first, if you want to lose what is in them: "
        f"DELETE /_data_stream/logs-mlmon.*-{options.scope}"
    )


def _compared(connection: Connection, part: Part) -> Change:
    there, revision = _existing(connection, part)
    if there is None:
        status = Status.ABSENT
        return Change(part=part, status=status, differences=_differences({}, part.body), revision=revision)
    if part.is_users:
        return Change(part=part, status=Status.YOURS)
    _check_version(connection, part, there)
    differences = _differences(there, part.body)
    status = Status.DIFFERS if differences else Status.SAME
    return Change(part=part, status=status, differences=differences, revision=revision)


def _check_version(connection: Connection, part: Part, there: dict[str, Any]) -> None:
    found = _version(there)
    if found > VERSION:
        raise StoreVersionError(
            f"The {part.kind} {part.name} in {connection.url} is of version {found}, and this mlmon makes "
            f"version {VERSION}. A newer mlmon has set this cluster up: install that one here too."
        )


def _existing(connection: Connection, part: Part) -> tuple[dict[str, Any] | None, str]:
    """What the cluster has of a part, and what it wants to hear again when that is replaced."""
    response = connection.send("GET", part.path)
    if response.status == _NOT_FOUND:
        return None, ""
    if not response.is_well:
        raise _refused(connection, f"to show the {part.kind} {part.name}", response.body)
    told = response.json()
    if "component_templates" in told:
        return told["component_templates"][0]["component_template"], ""
    if "index_templates" in told:
        return told["index_templates"][0]["index_template"], ""
    if "_seq_no" in told:
        revision = f"?if_seq_no={told['_seq_no']}&if_primary_term={told['_primary_term']}"
        return {"policy": told["policy"]}, revision
    found: dict[str, Any] = told[part.name]
    return ({"policy": found["policy"]} if "policy" in found else found), ""


def _version(there: dict[str, Any]) -> int:
    """The version of mlmon's parts that this one has; 0 where mlmon did not make it."""
    policy = there.get("policy", {})
    meta = there.get("_meta") or policy.get("_meta") or {}
    if meta.get("managed_by") == "mlmon":
        return int(meta.get("version", 0))
    words = str((policy or there).get("description", "")).split()
    return int(words[1].rstrip(":")) if words[:1] == ["mlmon"] and words[1].rstrip(":").isdigit() else 0


def _differences(there: dict[str, Any], wanted: dict[str, Any]) -> dict[str, tuple[str | None, str | None]]:
    """The keys of what is wanted that are otherwise there. What a cluster adds of its own does not count."""
    old, new = dict(_flat("", there)), dict(_flat("", wanted))
    found: dict[str, tuple[str | None, str | None]] = {
        key: (old.get(key), value) for key, value in new.items() if old.get(key) != value
    }
    said = {key: both for key, both in found.items() if not key.endswith(_DIGESTS)}
    return said or found


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - any JSON
    """Dotted keys with their values as text, since clusters nest keys and write numbers as text."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(f"{prefix}.{key}" if prefix else key, inner)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _flat(f"{prefix}[{place}]", inner)
    elif value is not None:
        yield prefix, str(value).lower() if isinstance(value, bool) else str(value)


def _with_new_mappings(changes: Sequence[Change]) -> Iterator[Dataset]:
    for change in changes:
        dataset = change.part.name.removesuffix("@mappings")
        if change.status is Status.DIFFERS and dataset in set(Dataset):
            yield Dataset(dataset)


def _follow(connection: Connection, dataset: Dataset, changes: Sequence[Change]) -> None:
    """Give the indices that are there the fields that are new; where that cannot be, begin a new one."""
    name = f"{dataset}@mappings"
    [part] = [change.part for change in changes if change.part.name == name]
    mappings = part.body["template"]["mappings"]
    # A stream's own time is never changed, and some versions refuse to hear of it again.
    fields = {field: of for field, of in mappings["properties"].items() if field != schema.TIMESTAMP}
    body = msgspec.json.encode({**mappings, "properties": fields})
    if dataset not in EVENTS:
        pattern = f"{dataset}-*"
        path = f"/{pattern}/_mapping?allow_no_indices=true&ignore_unavailable=true"
        response = connection.send("PUT", path, body)
        if not response.is_well and response.status != _NOT_FOUND:
            raise _refused(connection, f"to add the new fields to {pattern}", response.body)
        return
    for stream in _streams(connection, f"logs-{dataset}-*,logs-{dataset}.*-*"):
        if connection.send("PUT", f"/{stream}/_mapping?write_index_only=true", body).is_well:
            continue
        rolled = connection.send("POST", f"/{stream}/_rollover")
        if not rolled.is_well:
            raise _refused(connection, f"to begin a new index of {stream}", rolled.body)


def _settings(part: Part) -> dict[str, Any]:
    settings: dict[str, Any] = part.body.get("template", {}).get("settings", {})
    return settings


def _stamp(connection: Connection, changes: Sequence[Change]) -> None:
    """Let the streams that are there stamp what comes, as those that are made from now on do."""
    body = msgspec.json.encode({stamping.SETTING: stamping.PIPELINE})
    for stream in _streams(connection, _stream_patterns(change.part for change in changes)):
        response = connection.send("PUT", f"/{stream}/_settings", body)
        if not response.is_well:
            raise _refused(connection, f"to let {stream} stamp its events", response.body)


def _stream_patterns(made: Iterable[Part]) -> str:
    """The patterns of the templates that are for data streams."""
    bodies = [part.body for part in made if "data_stream" in part.body]
    return ",".join(pattern for body in bodies for pattern in body["index_patterns"])


def _streams(connection: Connection, pattern: str) -> list[str]:
    response = connection.send("GET", f"/_resolve/index/{quote(pattern, safe='*,')}")
    found = response.json().get("data_streams", ()) if response.is_well else ()
    return [quote(each["name"]) for each in found]


def _refused(connection: Connection, what: str, body: bytes) -> StoreError:
    return StoreError(
        f"The cluster {connection.url} refuses {what}: {verdicts.whole(body)}. "
        "Check that this user has the role of a provisioner; see docs/elasticsearch.md."
    )
