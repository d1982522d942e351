"""`mlmon keys`: who may send events to the collector, and to which namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from mlmon.cli.options import SOURCE, Asked, asks, examples, now, settings

if TYPE_CHECKING:
    from mlmon.core.query import Row

_KEYS: Final = ("id", "namespace", "name", "created_at", "revoked_at")
_NONE: Final = "There are no keys. Make one with: mlmon keys create --namespace NAME"


@click.group(
    epilog=examples("mlmon keys create --namespace shop", "mlmon keys list", "mlmon keys revoke 3f9c01ab")
)
def command() -> None:
    """Make, list and revoke the keys of senders."""


@command.command(
    epilog=examples(
        "mlmon keys create --namespace shop", "mlmon keys create --namespace shop --name checkout > key.txt"
    )
)
@asks(*SOURCE)
@click.option("--namespace", required=True, metavar="NAME", help="The one that the key lets write to.")
@click.option("--name", default="", metavar="TEXT", help="What or whom the key is for, to know it again.")
def create(asked: Asked, namespace: str, name: str) -> None:
    """Make a key and print it, this once: the store keeps a hash of it only.

    A collector that runs takes it within a second or two.
    """
    from mlmon.cli import wiring_collect
    from mlmon.cli.output import note

    made, shown = wiring_collect.create_key(settings(asked), namespace=namespace, name=name, now=now())
    click.echo(shown)
    note(
        f"Key {made.id} writes to the namespace '{made.namespace}'. It is not shown again. "
        "Give it to the service as MLMON_LOG_KEY, or in a file that MLMON_LOG_KEY_FILE names."
    )


@command.command("list", epilog=examples("mlmon keys list", "mlmon keys list --format json"))
@asks(*SOURCE, "format")
def listing(asked: Asked) -> None:
    """List the keys, also those revoked, without their secrets."""
    from mlmon.cli import output, wiring_collect
    from mlmon.cli.output import Column

    def when(name: str) -> Any:  # noqa: ANN401 - a function of a row
        from datetime import datetime

        from mlmon.cli import units

        return lambda row: units.ago(datetime.fromisoformat(row[name]), now()) if row[name] else ""

    rows: list[Row] = [
        {name: getattr(key, name) for name in _KEYS} for key in wiring_collect.keys(settings(asked))
    ]
    output.write(
        rows,
        asked.format,
        keys=_KEYS,
        columns=[
            Column("id", lambda row: row["id"]),
            Column("namespace", lambda row: row["namespace"], wraps=True),
            Column("name", lambda row: row["name"], wraps=True),
            Column("created", when("created_at")),
            Column("revoked", when("revoked_at")),
        ],
        empty=_NONE,
        hint="",
    )


@command.command(epilog=examples("mlmon keys revoke 3f9c01ab"))
@asks(*SOURCE)
@click.argument("key_id", metavar="ID")
def revoke(asked: Asked, key_id: str) -> None:
    """Let a key no longer in. ID is the middle part of the key; mlmon keys list shows it.

    A collector that runs refuses it within a second or two. This cannot be undone.
    """
    from mlmon.cli import wiring_collect

    gone = wiring_collect.revoke_key(settings(asked), key_id, now=now())
    click.echo(f"Key {gone.id} of the namespace '{gone.namespace}' is revoked.")
