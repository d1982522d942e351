"""`mlmon collect`."""

import click


@click.command()
def command() -> None:
    """To be written."""
