"""`mlmon copy`: everything of one store into another."""

from __future__ import annotations

import click

from mlmon.cli.options import Asked, asks, examples, settings


@click.command(
    epilog=examples(
        "mlmon copy mlmon-data elasticsearch+https://host:9200",
        "mlmon copy elasticsearch://localhost:9200 backup",
    ),
)
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@asks("config")
def command(asked: Asked, source: str, target: str) -> None:
    """Copy events, results and references from one store to another.

    FROM and TO are folders or clusters. A copy that was stopped goes on where it was, and copying again
    brings what is new: nothing is there twice. The jobs' own state is not copied; the next 'mlmon analyze'
    makes it anew.
    """
    from msgspec.structs import replace

    from mlmon.cli import copying, output, units, wiring
    from mlmon.cli.progress import progress
    from mlmon.core.errors import UsageError
    from mlmon.core.schema import Dataset

    config = settings(asked)
    place = replace(config, store=replace(config.store, url=source))
    other = replace(config, store=replace(config.store, url=target))
    if wiring.location(place) == wiring.location(other):
        raise UsageError(f"FROM '{source}' and TO '{target}' are one store. Name two different stores.")
    datasets = tuple(Dataset)
    with wiring.reading(place) as reader, wiring.writing(other, wiring.EVENTS, wiring.RESULTS) as store:
        left = copying.total(reader, store, datasets)
        with progress("Copying", left) as advance:
            done = copying.run(reader, store, datasets, advance)
    click.echo(
        f"{units.counted(done.stored, 'event')}, {units.counted(done.results, 'result')} and "
        f"{units.counted(done.references, 'reference')} copied to {target}."
    )
    if done.known:
        output.note(f"{units.count(done.known)} events were there already.")
