"""The routes of the settings as what sends: secrets come from the environment or from files alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from mlmon.alerts.evaluator import Compose, Sync, Told
from mlmon.alerts.memory import Kept, Memory
from mlmon.alerts.notify.alertmanager import PREFIX, Alertmanager
from mlmon.alerts.notify.apprise import ChartOf, sender
from mlmon.alerts.outbox import Send
from mlmon.alerts.routes import takes
from mlmon.core.address import parts_of
from mlmon.core.config import NOTIFY, RouteConfig, RulesConfig
from mlmon.core.errors import ConfigError


def told(
    settings: RulesConfig,
    environ: Mapping[str, str],
    *,
    chart: ChartOf | None = None,
    compose: Compose | None = None,
) -> Told:
    """Everything that notices need on their way.

    Raises:
        ConfigError: a route without an address, with two, or with one that nothing knows.
        MissingExtraError: a route needs the extra `notify`.

    """
    senders: dict[str, Send] = {}
    syncs: list[Sync] = []
    for name, route in settings.routes.items():
        address = _address(name, route, environ)
        if address.startswith(PREFIX):
            to = Alertmanager(route=name, url=address.removeprefix(PREFIX), page=settings.page)
            senders[name] = to.send
            syncs.append(_sync(to, name, settings.routes))
        else:
            senders[name] = sender(name, address, page=settings.page, chart=chart)
    return Told(routes=settings.routes, senders=senders, compose=compose, syncs=syncs)


def variable(route: str) -> str:
    """The environment variable with the address of a route.

    >>> variable("on-call")
    'MLMON_NOTIFY_ON_CALL'
    """
    return NOTIFY + route.upper().replace("-", "_").replace(".", "_")


def _address(name: str, route: RouteConfig, environ: Mapping[str, str]) -> str:
    found = []
    if route.alertmanager:
        parts = parts_of(route.alertmanager)
        if parts is None or not parts.hostname:
            raise ConfigError(
                f"rules.routes.{name}.alertmanager is '{route.alertmanager}', which is no address. "
                "Write it as http://alertmanager:9093."
            )
        if "@" in parts.netloc:
            raise ConfigError(
                f"rules.routes.{name}.alertmanager holds a password. "
                f"Put 'alertmanager+http://USER:PASSWORD@HOST:9093' into {variable(name)} instead."
            )
        found.append(PREFIX + route.alertmanager)
    if route.url_file:
        found.append(_read(name, route.url_file))
    if environ.get(variable(name)):
        found.append(environ[variable(name)])
    if len(found) != 1:
        said = "has no address" if not found else "has more than one address"
        raise ConfigError(
            f"The route '{name}' {said}. Give one: {variable(name)} in the environment, "
            f"rules.routes.{name}.url_file, or rules.routes.{name}.alertmanager."
        )
    return found[0]


def _read(name: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(
            f"rules.routes.{name}.url_file, {path}, cannot be read: {error.strerror}. Check its path."
        ) from None


def _sync(to: Alertmanager, name: str, routes: Mapping[str, RouteConfig]) -> Sync:
    def sync(memory: Memory, now: datetime) -> None:
        to.sync(memory, now, mine=[kept for kept in memory.kept if _is_mine(kept, name, routes)])

    return sync


def _is_mine(kept: Kept, name: str, routes: Mapping[str, RouteConfig]) -> bool:
    rule = kept.of
    return (
        rule is not None
        and kept.told is not None
        and kept.alert.is_open
        and takes(routes[name], name, routes=rule.routes, severity=str(rule.severity), owner=rule.owner)
    )
