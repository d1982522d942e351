"""`mlmon reference promote`: put a kept reference in force."""

from __future__ import annotations

import click

from mlmon.cli.options import SOURCE, Asked, asks, examples, now, settings


@click.command(
    epilog=examples(
        "mlmon reference show --model m --all",
        "mlmon reference promote spring --model m",
        "mlmon reference promote 3 --model m",
    )
)
@asks(*SOURCE, "model", "version")
@click.argument("name", metavar="NAME")
def command(asked: Asked, name: str) -> None:
    """Make the reference NAME the one in force: a candidate, an earlier one, or that of a version.

    It stands for all versions of the model, with --version for that one. What it takes the place of is kept,
    and can be promoted again. The next pass of the jobs states all windows anew.
    """
    from mlmon.cli import units, wiring, wiring_reference
    from mlmon.cli.output import note
    from mlmon.core.errors import UsageError

    if asked.model is None:
        raise UsageError("Which model is it the reference of? Name it with --model.")
    with wiring.writing(settings(asked), wiring.RESULTS) as store:
        made = wiring_reference.promote(store, asked.model, name, version=asked.version or "", now=now())
    whose = f"{made.model}{f' {made.version}' if made.version else ''}"
    click.echo(f"The reference {name} of {whose} is in force: {units.count(made.n)} rows of {made.source}.")
    note("Next: mlmon analyze measures drift by it.")
