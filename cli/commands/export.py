"""`mlmon export`: take documents out, as Parquet, CSV or NDJSON."""

from __future__ import annotations

import click

from mlmon.cli.options import SCOPE, Asked, asks, chosen, examples, settings, span

_WHAT = ("events", "inferences", "outcomes", "logs", "evaluations", "metrics", "findings")


@click.command(
    epilog=examples(
        "mlmon export evaluations --out evaluations.parquet",
        "mlmon export metrics --window month --out metrics.csv",
        "mlmon export inferences --model m --since 7d --out inferences.ndjson",
    ),
)
@click.argument("what", type=click.Choice(_WHAT), metavar="WHAT")
@asks(*SCOPE, "window")
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(dir_okay=False, writable=True),
    required=True,
    help="Where to: the suffix .parquet, .csv or .ndjson decides the form. A file there is replaced.",
)
def command(asked: Asked, what: str, out: str) -> None:
    """Write documents to a file, with their fields as columns.

    WHAT is one of events, inferences, outcomes, logs, evaluations, metrics, findings.
    'events' are inferences, outcomes and logs together. --window picks one size of metrics and findings;
    'all' takes every size. Memory stays bounded whatever the size of the store.
    """
    from pathlib import Path

    from mlmon.cli import exporting, output, units, wiring
    from mlmon.cli.models import chosen_models
    from mlmon.cli.progress import progress

    config = settings(asked)
    with wiring.reading(config) as reader:
        if asked.model is not None:
            chosen_models(reader, config, asked)
        job = exporting.plan(
            reader, what, Path(out), where=chosen(asked), window=span(asked), size=asked.window
        )
        with progress(f"Exporting {what}", job.total) as advance:
            exporting.run(reader, job, advance)
    if not job.total:
        output.note(
            f"There are no {what} in {config.store.url} that fit; {out} has no rows. See: mlmon doctor"
        )
        return
    click.echo(f"{units.count(job.total)} {what} in {out}, {units.size_bytes(Path(out).stat().st_size)}.")
