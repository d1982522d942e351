"""What `mlmon rules export` asks: rules for other engines, and the clusters that take them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct

from mlmon.cli import wiring_cluster
from mlmon.core.errors import UsageError

if TYPE_CHECKING:
    from mlmon.alerts.exports.put import Send, Simulated
    from mlmon.alerts.exports.search import Place
    from mlmon.alerts.rules import Rule
    from mlmon.core.config import Config
    from mlmon.stores.search.connection import Connection

TARGETS: Final = ("watcher", "opensearch", "kibana", "elastalert")


class Exported(Struct, frozen=True, kw_only=True):
    """One rule for one engine: the engine's own value, what its file is called, and its text."""

    rule: str
    file: str
    text: str
    made: Any


class Refused(Struct, frozen=True, kw_only=True):
    """One rule that an engine cannot say, and why."""

    rule: str
    reason: str


def place(config: Config, *, by_mlmon: bool = False) -> Place:
    """The indices of the settings, and how late results may be: two passes, at least 2 minutes."""
    from datetime import timedelta

    from mlmon.alerts.exports.search import Place
    from mlmon.core.window import parse_duration
    from mlmon.stores.search import names

    namespace = names.checked(config.store.namespace)
    lag = max(2 * parse_duration(config.analyze.every), timedelta(minutes=2))
    return Place(index=lambda dataset: names.pattern(dataset, namespace), lag=lag, by_mlmon=by_mlmon)


def export(
    rules: Sequence[Rule], target: str, config: Config, notify: tuple[str, ...], *, by_mlmon: bool = False
) -> tuple[list[Exported], list[Refused]]:
    """The rules that an engine can say, and the others; with `by_mlmon` it only tells what mlmon judged.

    Raises:
        UsageError: `notify` names no way that the engine has to tell.

    """
    from mlmon.alerts.exports.search import RefusedError

    where, done, refused = place(config, by_mlmon=by_mlmon), list[Exported](), list[Refused]()
    for rule in rules:
        try:
            done.append(_WAYS[target](rule, where, notify))
        except RefusedError as error:
            refused.append(Refused(rule=rule.name, reason=str(error)))
    return done, refused


def _watcher(rule: Rule, where: Place, notify: tuple[str, ...]) -> Exported:
    from mlmon.alerts.exports import watcher

    made = watcher.watch(rule, where, notify or ("log",))
    return Exported(rule=rule.name, file=f"{rule.name}.json", text=_json(made.body), made=made)


def _opensearch(rule: Rule, where: Place, notify: tuple[str, ...]) -> Exported:
    from mlmon.alerts.exports import opensearch

    made = opensearch.monitor(rule, where, notify)
    return Exported(rule=rule.name, file=f"{rule.name}.json", text=_json(made.body), made=made)


def _kibana(rule: Rule, where: Place, notify: tuple[str, ...]) -> Exported:
    from mlmon.alerts.exports import kibana

    made = kibana.kibana_rule(rule, where, notify)
    return Exported(rule=rule.name, file=f"{rule.name}.json", text=_json(made.body), made=made)


def _elastalert(rule: Rule, where: Place, notify: tuple[str, ...]) -> Exported:
    import yaml

    from mlmon.alerts.exports import elastalert

    made = elastalert.elastalert(rule, where, notify or ("debug",))
    text = yaml.safe_dump(made, sort_keys=False, allow_unicode=True)
    return Exported(rule=rule.name, file=f"{rule.name}.yaml", text=text, made=made)


_WAYS: Final[dict[str, Callable[[Rule, Place, tuple[str, ...]], Exported]]] = {
    "watcher": _watcher,
    "opensearch": _opensearch,
    "kibana": _kibana,
    "elastalert": _elastalert,
}


def _json(body: Any) -> str:  # noqa: ANN401 - what an engine is given
    return msgspec.json.format(msgspec.json.encode(body), indent=2).decode() + "\n"


def write(exported: Sequence[Exported], folder: str) -> list[Path]:
    """Write each to a file of its own."""
    root = Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    paths = []
    for each in exported:
        paths.append(root / each.file)
        paths[-1].write_text(each.text, encoding="utf-8")
    return paths


def push(exported: Sequence[Exported], target: str, config: Config) -> list[tuple[str, bool]]:
    """Put each where it runs, the cluster or the Kibana of the settings; gives names and whether each is new.

    Raises:
        UsageError: the engine takes files only, or the settings name none of its kind.
        StoreError, WireError: it is not taken.

    """
    from mlmon.alerts.exports import put

    if target == "elastalert":
        raise UsageError("ElastAlert2 takes files only. Write them with --out DIR, its folder of rules.")
    if target == "kibana":
        return _into_kibana(exported, config)
    way: Callable[[Send, Any], bool] = put.put_watch if target == "watcher" else put.put_monitor
    with wiring_cluster.cluster(config) as at:
        send = _sender(at.connection)
        return [(each.rule, way(send, each.made)) for each in exported]


def _into_kibana(exported: Sequence[Exported], config: Config) -> list[tuple[str, bool]]:
    from mlmon.cli import wiring_kibana

    with wiring_kibana.connected(config, wiring_kibana.target(config, "kibana")) as client:
        return [(each.rule, client.put_rule(each.made.id, each.made.body)) for each in exported]


def simulate(exported: Sequence[Exported], target: str, config: Config) -> list[tuple[str, Simulated]]:
    """Let the cluster run each watch once, now, without storing it or telling anyone.

    Raises:
        UsageError: only Watcher can.
        StoreError: the cluster does not run it.

    """
    from mlmon.alerts.exports import put

    if target != "watcher":
        raise UsageError(f"Only Watcher can run a rule once without keeping it, {target} cannot.")
    with wiring_cluster.cluster(config) as at:
        send = _sender(at.connection)
        return [(each.rule, put.simulate(send, each.made)) for each in exported]


def _sender(connection: Connection) -> Send:
    def send(method: str, path: str, body: Any) -> tuple[int, Any]:  # noqa: ANN401 - what an engine is given
        response = connection.send(method, path, msgspec.json.encode(body))
        return response.status, response.json()

    return send
