"""What can be set: every key with its type, default and meaning, and the variables of the environment.

Every key has a variable: `collector.http_port` is `MLMON_COLLECTOR_HTTP_PORT`. How the values come about is
`mlmon.core.settings`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final, Literal, get_type_hints

from msgspec import Meta, Struct

from mlmon.core.occasions import EventConfig

PREFIX: Final = "MLMON_"
"""What every variable begins with."""

NOTIFY: Final = "MLMON_NOTIFY_"
"""Before the name of a route: the variable with its address, which may hold a secret."""

STORE_KEY: Final = "MLMON_STORE_KEY"
STORE_PASSWORD: Final = "MLMON_STORE_PASSWORD"  # noqa: S105 - a name, no secret
STORE_TOKEN: Final = "MLMON_STORE_TOKEN"  # noqa: S105 - as above
KIBANA_KEY: Final = "MLMON_KIBANA_KEY"
KIBANA_PASSWORD: Final = "MLMON_KIBANA_PASSWORD"  # noqa: S105 - as above
SECRETS: Final = frozenset({STORE_KEY, STORE_PASSWORD, STORE_TOKEN, KIBANA_KEY, KIBANA_PASSWORD})
"""Variables that are no settings, so that no file holds them and nothing prints them."""

_Port = Annotated[int, Meta(ge=0, le=65535)]
_Count = Annotated[int, Meta(ge=0)]
_Duration = Annotated[str, Meta(pattern=r"^\d+[smhdw]$")]
_Above0 = Annotated[str, Meta(pattern=r"^0*[1-9]\d*[smhdw]$")]
"""A duration above 0: what is kept for no time is lost at once, and who pauses for none never rests."""


class StoreConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where events and results are kept, and for how long."""

    url: Annotated[
        str,
        Meta(description="A folder for the embedded store, or a cluster: `elasticsearch+https://host:9200`."),
    ] = "mlmon-data"
    keep_events: Annotated[
        _Above0,
        Meta(description="How long events are kept, counted from when they were stored."),
    ] = "30d"
    keep_evaluations: Annotated[
        _Above0,
        Meta(
            description="How long evaluations are kept, one for each outcome. A window that is stated again "
            "needs all of its own."
        ),
    ] = "400d"
    keep_results: Annotated[_Above0, Meta(description="How long metrics and findings are kept.")] = "400d"
    folder: Annotated[
        str,
        Meta(description="With a cluster: what stays on this machine, such as dead letters and keys."),
    ] = "mlmon-data"
    namespace: Annotated[
        str, Meta(description="In a cluster: the team or environment whose streams are written and read.")
    ] = "default"
    stream_per_model: Annotated[
        bool, Meta(description="In a cluster: events of each model go to data streams of their own.")
    ] = False
    compress: Annotated[
        bool,
        Meta(description="To a cluster: events go by gzip, a tenth of the bytes for half as much CPU again."),
    ] = False
    shards: Annotated[int, Meta(ge=1, description="In a cluster: primary shards of each index.")] = 1
    replicas: Annotated[
        _Count | None,
        Meta(description="In a cluster: copies of each shard; null is one where there is a second node."),
    ] = None
    user: Annotated[
        str | None, Meta(description="Who asks a cluster; the password is in `MLMON_STORE_PASSWORD`.")
    ] = None
    password_file: Annotated[
        str | None, Meta(description="A file with the password, in place of `MLMON_STORE_PASSWORD`.")
    ] = None
    key_file: Annotated[
        str | None, Meta(description="A file with an API key, in place of `MLMON_STORE_KEY`.")
    ] = None
    token_file: Annotated[
        str | None, Meta(description="A file with a bearer token, in place of `MLMON_STORE_TOKEN`.")
    ] = None
    ca_file: Annotated[
        str | None, Meta(description="The certificate authority to believe, and no other; PEM.")
    ] = None
    fingerprint: Annotated[
        str | None, Meta(description="SHA-256 of the cluster's own certificate, to believe just that one.")
    ] = None


class CollectorConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The doors events come in by. A port of 0 takes a free one; null closes the door."""

    host: Annotated[str, Meta(description="The address to listen on.")] = "127.0.0.1"
    http_port: Annotated[_Port | None, Meta(description="HTTP, acknowledged.")] = 5959
    tcp_port: Annotated[_Port | None, Meta(description="Logstash's json_lines, not acknowledged.")] = 5960
    beats_port: Annotated[_Port | None, Meta(description="Beats, acknowledged.")] = 5044
    tail: Annotated[
        tuple[str, ...], Meta(description="Files to follow; `*`, `?` and `**` stand for parts of names.")
    ] = ()
    max_event_bytes: Annotated[
        int, Meta(ge=1, le=15 << 20, description="A larger event goes to the dead letters.")
    ] = 1 << 20
    max_batch_bytes: Annotated[int, Meta(ge=1, description="A larger request is refused.")] = 64 << 20
    max_future: Annotated[
        _Duration,
        Meta(description="An event further ahead of the clock goes to the dead letters."),
    ] = "1h"
    tls_cert: Annotated[
        str | None,
        Meta(description="File with the certificate and its chain, PEM; all doors speak TLS then."),
    ] = None
    tls_key: Annotated[
        str | None, Meta(description="File with the certificate's private key, PEM. Default: in tls_cert.")
    ] = None
    tls_client_ca: Annotated[
        str | None, Meta(description="File with the authorities whose clients may connect, PEM.")
    ] = None
    allow_plaintext: Annotated[
        bool, Meta(description="Listen without TLS beyond this machine, as behind a proxy that ends TLS.")
    ] = False
    require_keys: Annotated[
        bool | None, Meta(description="Refuse who shows no key. Default: if host is not this machine alone.")
    ] = None
    max_connections: Annotated[
        int, Meta(ge=1, description="Connections at all doors together; one more is closed at once.")
    ] = 1000
    slow_after: Annotated[
        _Above0, Meta(description="A sender that stops amid a message for so long is cut off.")
    ] = "30s"


class AnalyzeConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the jobs compute and how often."""

    every: Annotated[_Above0, Meta(description="Time from one pass to the next.")] = "1m"
    windows: Annotated[tuple[str, ...], Meta(description="Sizes of the windows results are written for.")] = (
        "1h",
        "1d",
        "7d",
        "month",
    )
    maturity: Annotated[
        _Duration, Meta(description="How long outcomes may take; then a window is final.")
    ] = "7d"
    orphan_wait: Annotated[_Duration, Meta(description="How long an outcome waits for its inference.")] = "7d"
    anomalies: Annotated[
        tuple[Literal["1h", "1d"], ...],
        Meta(description="Sizes of the windows whose metrics are looked at as series for anomalies."),
    ] = ("1h", "1d")
    anomaly_parts: Annotated[
        tuple[Literal["version", "segment"], ...],
        Meta(description="Parts that are looked at for anomalies and changes beside all traffic."),
    ] = ("version",)
    gap_after: Annotated[
        _Duration, Meta(description="How long an event may take to arrive before it is missed.")
    ] = "10m"


class PageConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The built-in page."""

    host: Annotated[str, Meta(description="The address to listen on.")] = "127.0.0.1"
    port: Annotated[_Port, Meta(description="The port; 0 takes a free one.")] = 8080


class KibanaConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The Kibana, or OpenSearch Dashboards, that dashboards are put into."""

    url: Annotated[
        str | None,
        Meta(description="Where it is, such as `https://kibana:5601`; null is nowhere."),
    ] = None
    space: Annotated[str, Meta(description="The space that dashboards are put into.")] = "default"
    user: Annotated[
        str | None, Meta(description="Who puts them there; the password is in `MLMON_KIBANA_PASSWORD`.")
    ] = None
    password_file: Annotated[
        str | None, Meta(description="A file with the password, in place of `MLMON_KIBANA_PASSWORD`.")
    ] = None
    key_file: Annotated[
        str | None, Meta(description="A file with an API key, in place of `MLMON_KIBANA_KEY`.")
    ] = None
    ca_file: Annotated[
        str | None, Meta(description="The certificate authority to believe, and no other; PEM.")
    ] = None


class ExpectConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a feature must be; what is left out is not checked."""

    type: Literal["number", "text"] | None = None
    missing: Annotated[float, Meta(ge=0, le=1)] | None = None
    low: float | None = None
    high: float | None = None
    categories: tuple[str, ...] | None = None


class ModelConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What cannot be read off a model's events."""

    positive_label: Annotated[str | None, Meta(description="The class whose probability the score is.")] = (
        None
    )
    segments: Annotated[
        tuple[str, ...] | None, Meta(description="Segment fields to compute results for; default: all seen.")
    ] = None
    maturity: Annotated[_Duration | None, Meta(description="As analyze.maturity, for this model.")] = None
    drift_against: Annotated[
        Literal["fixed", "previous", "rolling", "seasonal"],
        Meta(
            description="What drift is measured from: the reference, the window before, the last four, "
            "or the same hour or day of the week in the last four weeks."
        ),
    ] = "fixed"
    expect: Annotated[
        dict[str, ExpectConfig],
        Meta(
            description="What each feature must be, by its name: `type` (number or text), `missing` (the "
            "highest share), `low`, `high`, `categories`."
        ),
    ] = {}
    concept_drift: Annotated[
        Literal["adwin", "ddm", "eddm", "hddm-a", "hddm-w", "kswin", "page-hinkley", "off"],
        Meta(
            description="The detector that watches the errors: adwin, ddm, eddm, hddm-a, hddm-w, kswin or "
            "page-hinkley, of the extra `streaming`; or off."
        ),
    ] = "adwin"
    fresh: Annotated[
        _Duration | None, Meta(description="How old the newest inference may be; null is any age.")
    ] = None


class RouteConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where notices go. An address with a secret is in `MLMON_NOTIFY_NAME` or in a file, never here."""

    alertmanager: Annotated[
        str | None, Meta(description="The address of an Alertmanager, such as `http://alertmanager:9093`.")
    ] = None
    url_file: Annotated[
        str | None,
        Meta(description="A file with the address of a notifier, in place of `MLMON_NOTIFY_NAME`."),
    ] = None
    severities: Annotated[
        tuple[Literal["info", "warning", "critical"], ...],
        Meta(description="Only notices so severe; default: all."),
    ] = ()
    owners: Annotated[
        tuple[str, ...], Meta(description="Only notices of rules of these owners; `*` stands for any.")
    ] = ()


class RulesConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Alert rules, and who hears of them."""

    folder: Annotated[str, Meta(description="The folder with the rule files.")] = "rules"
    builtin: Annotated[bool, Meta(description="Whether the rules that come with mlmon hold too.")] = True
    page: Annotated[
        str | None, Meta(description="The page's address as people reach it, for links in notices.")
    ] = None
    routes: Annotated[
        dict[str, RouteConfig], Meta(description="Where notices go, by a name; see docs/alerts.md.")
    ] = {}


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings."""

    version: Annotated[int, Meta(ge=1, le=1, description="Version of this file's form.")] = 1
    store: StoreConfig = StoreConfig()
    collector: CollectorConfig = CollectorConfig()
    analyze: AnalyzeConfig = AnalyzeConfig()
    page: PageConfig = PageConfig()
    kibana: KibanaConfig = KibanaConfig()
    rules: RulesConfig = RulesConfig()
    events: Annotated[
        tuple[EventConfig, ...],
        Meta(
            description="Times that are known to be unlike others: `name`, `start` and `end` or `dates`, "
            "`yearly`, `models`; see docs/anomalies.md."
        ),
    ] = ()
    models: dict[str, ModelConfig] = {}


BY_NAME: Final[dict[str, type[Struct]]] = {"models": ModelConfig, "rules.routes": RouteConfig}
"""Settings that are a section for each name; they have no variables."""


def all_keys(section: type[Struct] = Config, prefix: str = "") -> Iterator[str]:
    """Every dotted key that has a variable, in the order of the documentation."""
    for name, kind in get_type_hints(section).items():
        if isinstance(kind, type) and issubclass(kind, Struct):
            yield from all_keys(kind, f"{prefix}{name}.")
        elif f"{prefix}{name}" not in BY_NAME:
            yield f"{prefix}{name}"


def variable(key: str) -> str:
    """The environment variable of a key.

    >>> variable("collector.http_port")
    'MLMON_COLLECTOR_HTTP_PORT'
    """
    return PREFIX + key.replace(".", "_").upper()
