"""`mlmon serve`."""

import click


@click.command()
def command() -> None:
    """To be written."""
