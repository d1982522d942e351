"""`mlmon serve`: the page alone."""

from __future__ import annotations

import click

from mlmon.cli.options import SOURCE, Asked, asks, examples, settings


@click.command(epilog=examples("mlmon serve", "mlmon serve --store /var/lib/mlmon --port 8081"))
@asks(*SOURCE)
@click.option("--host", metavar="ADDRESS", help="The address to listen on. Default: page.host.")
@click.option("--port", type=click.IntRange(0, 65535), help="The port. Default: page.port; 0: a free one.")
def command(asked: Asked, host: str | None, port: int | None) -> None:
    """Serve the page of a store, until stopped.

    It only reads, so it runs beside a collector.
    """
    from mlmon.cli import signals, wiring
    from mlmon.cli.output import note

    config = settings(asked, page__host=host, page__port=port)
    with (
        signals.stopping() as stop,
        wiring.reading(config) as reader,
        wiring.serving(reader, config) as page,
    ):
        click.echo(page)
        note("Ctrl-C ends.")
        stop.wait()
