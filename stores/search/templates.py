"""What a cluster is given so that it can hold mlmon's documents, all of it rendered from the schema.

One component of settings for all, one for each way of keeping, one of mappings for each dataset, and
`mlmon@custom`, which is the user's: it is made empty and never touched again, and what is in it wins. A
namespace with settings of its own has templates of its own.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

import msgspec
from msgspec import Struct

from mlmon.core.schema import EVENTS, Dataset
from mlmon.stores.search import lifecycle, names, stamping
from mlmon.stores.search.facts import Facts
from mlmon.stores.search.lifecycle import Keep
from mlmon.stores.search.mapping import mapping, state_mapping

VERSION: Final = 1
"""Raised whenever anything here renders otherwise; a higher one in a cluster is of a newer mlmon."""

SETTINGS: Final = "mlmon@settings"
CUSTOM: Final = "mlmon@custom"
STATE: Final = "mlmon.state"
PRIORITY: Final = 200
"""Above 100, which Elastic's own templates for `logs-*-*` have."""
MOST_FIELDS: Final = 1000
REFRESH: Final = "5s"


class Options(Struct, frozen=True, kw_only=True):
    """What a user may choose. A namespace other than the default gets templates of its own."""

    namespace: str = names.DEFAULT
    shards: int = 1
    replicas: int | None = None
    keep_events: str = "30d"
    keep_evaluations: str = "400d"
    keep_results: str = "400d"

    @property
    def suffix(self) -> str:
        """What the names of this namespace's parts end with."""
        return "" if self.namespace == names.DEFAULT else f"-{self.namespace}"

    @property
    def scope(self) -> str:
        """The namespaces that the patterns are for."""
        return "*" if self.namespace == names.DEFAULT else self.namespace


class Part(Struct, frozen=True, kw_only=True):
    """One thing to put into a cluster: what it is, where it goes, and its body.

    `is_users` is made where it is absent, and else left as it is.
    """

    kind: str
    name: str
    path: str
    body: dict[str, Any]
    is_users: bool = False


def parts(facts: Facts, options: Options) -> list[Part]:
    """Everything a cluster needs, in the order in which it must be put."""
    policies = {kept.name: kept for kept in (_policy(dataset, options) for dataset in Dataset)}
    made = [
        _policy_part(facts, kept, options) for kept in policies.values() if facts.has_ilm or facts.has_ism
    ]
    if facts.has_ingest:
        made.append(_stamping_part())
    made.append(_component(f"{SETTINGS}{options.suffix}", {"settings": _settings(facts, options)}))
    made += [_component(_settings_of(kept), _kept(facts, kept)) for kept in policies.values()]
    made.append(_component(f"{STATE}@mappings", {"mappings": state_mapping()}))
    for dataset in Dataset:
        body = mapping(dataset, dotted_members=facts.is_elasticsearch)
        made.append(_component(f"{dataset}@mappings", {"mappings": body}))
    made.append(_CUSTOM)
    for dataset in Dataset:
        name = f"{'logs-' if dataset in EVENTS else ''}{dataset}{options.suffix}"
        components = [_settings_of(_policy(dataset, options)), f"{dataset}@mappings"]
        made.append(_template(name, _patterns(dataset, options), components, options))
    state = [f"{STATE}-{options.scope}"]
    made.append(_template(f"{STATE}{options.suffix}", state, [f"{STATE}@mappings"], options))
    return made


_CUSTOM: Final = Part(
    kind="component template",
    name=CUSTOM,
    path=f"/_component_template/{CUSTOM}",
    body={"template": {}, "_meta": {"description": "Yours: what is here wins over mlmon's."}},
    is_users=True,
)


def _policy(dataset: Dataset, options: Options) -> Keep:
    return lifecycle.policy_of(
        dataset,
        keep_events=options.keep_events,
        keep_evaluations=options.keep_evaluations,
        keep_results=options.keep_results,
        suffix=options.suffix,
    )


def _policy_part(facts: Facts, kept: Keep, options: Options) -> Part:
    if facts.has_ilm:
        body = lifecycle.ilm(kept, _meta(msgspec.structs.asdict(kept)))
        return Part(kind="lifecycle policy", name=kept.name, path=f"/_ilm/policy/{kept.name}", body=body)
    found = [
        pattern for dataset in Dataset if _policy(dataset, options) == kept
        for pattern in _patterns(dataset, options)
    ]  # fmt: skip
    body = lifecycle.ism(kept, found, _meta(msgspec.structs.asdict(kept)))
    return Part(kind="state policy", name=kept.name, path=f"/_plugins/_ism/policies/{kept.name}", body=body)


def _stamping_part() -> Part:
    digest = _meta(stamping.processors())["digest"]
    body = stamping.body(VERSION, digest)
    name = stamping.PIPELINE
    return Part(kind="ingest pipeline", name=name, path=f"/_ingest/pipeline/{name}", body=body)


def _patterns(dataset: Dataset, options: Options) -> list[str]:
    if dataset in EVENTS:
        return [f"logs-{dataset}-{options.scope}", f"logs-{dataset}.*-{options.scope}"]
    return [f"{dataset}-{options.scope}-*"]


def _settings(facts: Facts, options: Options) -> dict[str, Any]:
    found: dict[str, Any] = {
        "index.refresh_interval": REFRESH,
        "index.codec": "best_compression",
        "index.mapping.total_fields.limit": MOST_FIELDS,
        "index.mapping.ignore_malformed": True,
    }
    if facts.is_elasticsearch:
        found["index.mapping.total_fields.ignore_dynamic_beyond_limit"] = True
    if facts.is_serverless:
        return found
    found["index.number_of_shards"] = options.shards
    if options.replicas is None:
        found["index.auto_expand_replicas"] = "0-1"
    else:
        found["index.number_of_replicas"] = options.replicas
    return found


def _component(name: str, template: dict[str, Any]) -> Part:
    return Part(
        kind="component template",
        name=name,
        path=f"/_component_template/{name}",
        body={"template": template, "version": VERSION, "_meta": _meta(template)},
    )


def _settings_of(kept: Keep) -> str:
    """The component for what is kept alike: `mlmon-events@settings`, with the namespace behind it."""
    name, hyphen, namespace = kept.name.removeprefix("mlmon-").partition("-")
    return f"mlmon-{name}@settings{hyphen}{namespace}"


def _kept(facts: Facts, kept: Keep) -> dict[str, Any]:
    """What documents that are kept alike have beyond the settings of all."""
    own: dict[str, Any] = {}
    settings: dict[str, Any] = {"index.lifecycle.name": kept.name} if facts.has_ilm else {}
    if kept.rolls and facts.has_logsdb:
        # The source stays as it came: made up again from columns it would have its lists sorted.
        settings |= {"index.mode": "logsdb", "index.mapping.source.mode": "stored"}
    if kept.rolls and facts.has_ingest:
        settings[stamping.SETTING] = stamping.PIPELINE
    if settings:
        own["settings"] = settings
    if kept.rolls and facts.is_elasticsearch and not facts.has_ilm:
        own["lifecycle"] = lifecycle.data_stream(kept)
    return own


def _template(name: str, patterns: list[str], components: list[str], options: Options) -> Part:
    body: dict[str, Any] = {
        "index_patterns": patterns,
        "priority": PRIORITY + (50 if options.suffix else 0),
        "composed_of": [f"{SETTINGS}{options.suffix}", *components, CUSTOM],
    }
    if name.startswith("logs-"):
        body["data_stream"] = {}
    elif name != f"{STATE}{options.suffix}":
        body["template"] = {"aliases": {name.removesuffix(options.suffix): {}}}
    body |= {"version": VERSION, "_meta": _meta(body)}
    return Part(kind="index template", name=name, path=f"/_index_template/{name}", body=body)


def _meta(of: object) -> dict[str, Any]:
    """Who made it, in which version, and a digest by which a change is seen whatever the cluster adds."""
    digest = hashlib.blake2b(msgspec.json.encode(of, order="deterministic"), digest_size=8).hexdigest()
    return {"managed_by": "mlmon", "version": VERSION, "digest": digest}
