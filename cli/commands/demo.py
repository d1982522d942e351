"""`mlmon demo`: a year of flights through the whole of it."""

from __future__ import annotations

import click

from mlmon.cli.options import examples


@click.command(
    epilog=examples(
        "mlmon demo",
        "mlmon demo --once",
        "mlmon demo --store flights --report flights.html",
        "mlmon demo --ship http://127.0.0.1:5959",
    ),
)
@click.option("--once", is_flag=True, help="End after the report instead of serving the page.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    help="The page's; 0: a free one.",
)
@click.option(
    "--store", metavar="URL", default="mlmon-demo", show_default=True, help="The folder for the demo's store."
)
@click.option(
    "--report",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    default="mlmon-demo.html",
    show_default=True,
    help="Where the report goes.",
)
@click.option("--ship", metavar="URL", help="Only serve the year, to a collector or Logstash there.")
def command(*, once: bool, port: int, store: str, report: str, ship: str | None) -> None:
    """Watch a model through a real year: 284,821 flights.

    Trains a model on two months of flights from New York, serves the rest of the year through the SDK and the
    collector, joins the outcomes, analyses, prints what went wrong, writes the report and serves the page
    until Ctrl-C. It needs the extra 'demo': pip install 'mlmon[demo]'.
    """
    from mlmon.cli import wiring

    if ship is not None:
        wiring.ship_demo(ship)
        return
    wiring.demo(once=once, port=port, store=store, report=report)
