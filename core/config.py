"""The configuration: `mlmon.yaml`, then `MLMON_*` variables, then flags; the later wins.

Every key has a variable: `collector.http_port` is `MLMON_COLLECTOR_HTTP_PORT`. A key or variable that is not
known is an error that names it and the nearest right one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_type_hints

import msgspec
from msgspec import Meta, Struct

from mlmon.core.errors import ConfigError, nearest
from mlmon.core.occasions import EventConfig

FILE: Final = "mlmon.yaml"
_PREFIX: Final = "MLMON_"
NOTIFY: Final = "MLMON_NOTIFY_"
"""Before the name of a route: the variable with its address, which may hold a secret."""

_OTHER_VARIABLES: Final = ("MLMON_CONFIG", "MLMON_LOG_", "MLMON_TEST_", NOTIFY)
STORE_KEY: Final = "MLMON_STORE_KEY"
STORE_PASSWORD: Final = "MLMON_STORE_PASSWORD"  # noqa: S105 - a name, no secret
STORE_TOKEN: Final = "MLMON_STORE_TOKEN"  # noqa: S105 - as above
KIBANA_KEY: Final = "MLMON_KIBANA_KEY"
KIBANA_PASSWORD: Final = "MLMON_KIBANA_PASSWORD"  # noqa: S105 - as above
_SECRETS: Final = frozenset({STORE_KEY, STORE_PASSWORD, STORE_TOKEN, KIBANA_KEY, KIBANA_PASSWORD})
"""Variables that are no settings, so that no file holds them and nothing prints them."""
_Port = Annotated[int, Meta(ge=0, le=65535)]
_Count = Annotated[int, Meta(ge=0)]
_Duration = Annotated[str, Meta(pattern=r"^\d+[smhdw]$")]


class StoreConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where events and results are kept, and for how long."""

    url: Annotated[
        str,
        Meta(description="A folder for the embedded store, or a cluster: `elasticsearch+https://host:9200`."),
    ] = "mlmon-data"
    keep_events: Annotated[
        _Duration,
        Meta(description="How long events are kept, counted from when they were stored."),
    ] = "30d"
    keep_evaluations: Annotated[
        _Duration,
        Meta(
            description="How long evaluations are kept, one for each outcome. A window that is stated again "
            "needs all of its own."
        ),
    ] = "400d"
    keep_results: Annotated[_Duration, Meta(description="How long metrics and findings are kept.")] = "400d"
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
        _Duration, Meta(description="A sender that stops amid a message for so long is cut off.")
    ] = "30s"


class AnalyzeConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the jobs compute and how often."""

    every: Annotated[_Duration, Meta(description="Time from one pass to the next.")] = "1m"
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


_BY_NAME: Final[dict[str, type[Struct]]] = {"models": ModelConfig, "rules.routes": RouteConfig}
"""Settings that are a section for each name; they have no variables."""


def keys(section: type[Struct] = Config, prefix: str = "") -> Iterator[str]:
    """Every dotted key that has a variable, in the order of the documentation."""
    for name, kind in get_type_hints(section).items():
        if isinstance(kind, type) and issubclass(kind, Struct):
            yield from keys(kind, f"{prefix}{name}.")
        elif f"{prefix}{name}" not in _BY_NAME:
            yield f"{prefix}{name}"


def variable(key: str) -> str:
    """The environment variable of a key.

    >>> variable("collector.http_port")
    'MLMON_COLLECTOR_HTTP_PORT'
    """
    return _PREFIX + key.replace(".", "_").upper()


def load(
    path: str | Path | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
) -> Config:
    """Read the configuration.

    `path` of None takes `MLMON_CONFIG`, else `mlmon.yaml` in the working folder where there is one. `flags`
    are dotted keys with values; those of None were not given.

    Raises:
        ConfigError: a file that cannot be read, an unknown key or variable, a value of a wrong type.

    """
    environ = environ or {}
    tree = _read(path, environ)
    _check_known(tree)
    for name, text in _variables(environ):
        _set(tree, name, _parsed(text))
    for key, value in (flags or {}).items():
        if value is not None:
            _set(tree, key, value)
    try:
        return msgspec.convert(_plain(tree), Config, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(
            f"The configuration is wrong: {error}. See the table of settings in docs/configuration.md."
        ) from None


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever YAML made of it
    """The tree with its dates as text: YAML makes dates of what looks like one."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value.isoformat() if isinstance(value, date) else value


def _read(path: str | Path | None, environ: Mapping[str, str]) -> dict[str, Any]:
    named = path or environ.get("MLMON_CONFIG")
    file = Path(named or FILE)
    if named is None and not file.exists():
        return {}
    try:
        tree = msgspec.yaml.decode(file.read_bytes())
    except OSError as error:
        raise ConfigError(
            f"The configuration file {file} cannot be read: {error.strerror}. Check its path."
        ) from None
    except msgspec.DecodeError as error:
        raise ConfigError(f"The configuration file {file} is no YAML: {error}.") from None
    if tree is not None and not isinstance(tree, dict):
        raise ConfigError(
            f"The configuration file {file} must hold keys and values, such as 'store:', "
            f"not a {type(tree).__name__}."
        )
    return tree or {}


def _check_known(tree: dict[str, Any], section: type[Struct] = Config, prefix: str = "") -> None:
    """Refuse an unknown key before msgspec does, to name the nearest right one."""
    hints = get_type_hints(section)
    for name, value in tree.items():
        if name not in hints:
            raise ConfigError(
                f"The configuration has an unknown key '{prefix}{name}' (value {value!r}). "
                f"Allowed here: {', '.join(hints)}.{nearest(str(name), hints)}"
            )
        if f"{prefix}{name}" in _BY_NAME and isinstance(value, dict):
            of_one = _BY_NAME[f"{prefix}{name}"]
            for key, settings in value.items():
                _check_known(settings if isinstance(settings, dict) else {}, of_one, f"{prefix}{name}.{key}.")
        elif isinstance(hints[name], type) and issubclass(hints[name], Struct) and isinstance(value, dict):
            _check_known(value, hints[name], f"{name}.")


def _variables(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    known = {variable(key): key for key in keys()}
    for name, text in environ.items():
        if not name.startswith(_PREFIX) or name.startswith(_OTHER_VARIABLES) or name in _SECRETS:
            continue
        if name not in known:
            raise ConfigError(f"The environment has an unknown setting {name}={text}.{nearest(name, known)}")
        yield known[name], text


def _parsed(text: str) -> Any:  # noqa: ANN401 - whatever YAML makes of it
    try:
        return msgspec.yaml.decode(text.encode())
    except msgspec.DecodeError:
        return text


def _set(tree: dict[str, Any], key: str, value: Any) -> None:  # noqa: ANN401 - checked when the tree is converted
    *sections, name = key.split(".")
    for section in sections:
        tree = tree.setdefault(section, {})
    tree[name] = value
