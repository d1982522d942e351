"""`mlmon try`: an analyzer on a file, without a store and without set-up."""

from __future__ import annotations

from importlib import import_module
from typing import Final

import click

from mlmon.cli.options import examples
from mlmon.core.errors import nearest

TRIES: Final = (
    "drift",
    "quality",
    "performance",
    "concept-drift",
    "anomaly",
    "changepoints",
)
"""What can be tried, in the order of the help; each is a module `try_` and its name, with `_` for `-`."""


class Tries(click.Group):
    """A group whose commands are modules, imported when they are named."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Everything that can be tried."""
        return list(TRIES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """Import the module of a command; None where there is no such command."""
        if cmd_name not in TRIES:
            return None
        module = import_module(f"mlmon.cli.commands.try_{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or name the nearest one."""
        if not args[0].startswith("-") and args[0] not in TRIES:
            ctx.fail(f"No such command '{args[0]}'.{nearest(args[0], TRIES)} See mlmon try --help.")
        return super().resolve_command(ctx, args)


@click.command("try", cls=Tries, epilog=examples("mlmon try concept-drift errors.csv --error wrong"))
def command() -> None:
    """Try an analyzer on a file of your own: CSV, Parquet or NDJSON."""
