"""`mlmon collect`: take events in, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mlmon.cli.options import SOURCE, Asked, asks, door_options, examples, now, settings

if TYPE_CHECKING:
    from mlmon.cli.wiring_collect import Collector

_TIDY_S = 3600.0


@click.command(
    epilog=examples(
        "mlmon collect",
        "mlmon collect --store /var/lib/mlmon --http-port 6000 --tcp-port 6001",
        "mlmon collect --tail 'logs/*.log'",
    ),
)
@asks(*SOURCE)
@click.option("--host", metavar="ADDRESS", help="The address to listen on. Default: collector.host.")
@door_options
def command(asked: Asked, tail: tuple[str, ...], **ports: Any) -> None:  # noqa: ANN401 - the host and the ports
    """Take events in by http, TCP and Beats, and from files, into the store.

    Files are followed over rotation and restarts; docs/files.md has how.
    Beyond this machine it asks for TLS and keys; docs/collector.md has how.

    Runs until stopped. A sender is answered when its events are durable. On SIGTERM or Ctrl-C what was
    taken is still written.
    Analyse elsewhere with mlmon analyze --every 1m; mlmon up does both.
    """
    from mlmon.cli import signals, tailing, wiring, wiring_collect

    config = settings(
        asked,
        collector__tail=tail or None,
        **{f"collector__{name}": value for name, value in ports.items()},
    )
    with (
        signals.stopping() as stop,
        wiring.writing(config, wiring.EVENTS) as store,
        wiring_collect.collecting(store, config) as collector,
    ):
        click.echo("\n".join([*doors(collector), *tailing.lines(config.collector.tail)]))
        tailing.catching_up(collector.tail, stop)
        while not stop.wait(_TIDY_S):
            wiring.tidy(store, now())
    tell_done(collector)


def doors(collector: Collector) -> list[str]:
    """The addresses of the open doors, one a line."""
    found = {name: getattr(collector.doors, name) for name in ("http", "tcp", "beats")}
    return [f"{name:<10} {address}" for name, address in found.items() if address]


def tell_done(collector: Collector) -> None:
    """Say what was taken in."""
    from mlmon.cli.output import note

    counters = collector.counters()
    dead = sum(counters.dead_lettered.values())
    note(
        f"Stopped: {counters.stored:,} events stored, {counters.duplicates:,} were there already, "
        f"{dead:,} refused."
    )
