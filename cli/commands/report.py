"""`mlmon report`: one HTML file that says it all, to send or to keep."""

from __future__ import annotations

import click

from mlmon.cli.options import SOURCE, Asked, asks, examples, settings, span


@click.command(
    epilog=examples(
        "mlmon report --out report.html",
        "mlmon report --out june.html --since 2013-06-01 --until 2013-07-01",
    ),
)
@asks(*SOURCE, "since", "until", "model")
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(dir_okay=False, writable=True),
    required=True,
    help="Where to. A file there is replaced.",
)
def command(asked: Asked, out: str) -> None:
    """Write a report: one HTML file that works offline.

    It holds every model, or the one named, over the time from --since to --until.
    """
    from pathlib import Path

    from mlmon.cli import units, wiring
    from mlmon.cli.models import chosen_models
    from mlmon.cli.output import note
    from mlmon.core.errors import UsageError

    config = settings(asked)
    path = Path(out)
    if not path.parent.is_dir():
        raise UsageError(f"The folder of '{out}' is not there. Make it, or name another file with --out.")
    with wiring.reading(config) as reader:
        chosen_models(reader, config, asked)
        text = wiring.report(reader, config, model=asked.model, window=span(asked))
    path.write_text(text, encoding="utf-8")
    click.echo(f"{out}, {units.size_bytes(path.stat().st_size)}")
    note("Next: open it in a browser; mlmon serve shows the same, live.")
