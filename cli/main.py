"""The command `mlmon`: finds the command named, runs it, and turns what goes wrong into an exit code.

Exit codes: 0 fine, 1 findings or failed checks where asked, 2 usage, 3 a store, port or peer that cannot
be reached, 130 interrupted, 141 the reader of a pipe went away.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from keyword import iskeyword
from typing import IO, Any, Final, NoReturn

import click

from mlmon.core.errors import MlmonError, StoreError, UsageError, WireError, nearest

FINE: Final = 0
FAILED: Final = 1
WRONG_USAGE: Final = 2
UNREACHABLE: Final = 3
INTERRUPTED: Final = 130
PIPE_CLOSED: Final = 141

SECTIONS: Final = {
    "Start": ("demo", "up", "setup", "doctor", "config"),
    "Try": ("try",),
    "Look": ("models", "metrics", "findings", "accounting", "logs", "report", "serve", "dashboards"),
    "Feed": ("outcomes", "reference", "collect", "keys", "analyze", "deadletter", "pipeline"),
    "Alert": ("rules",),
    "Take out": ("export", "copy"),
}
NEWCOMER: Final = ("demo", "up", "models", "findings", "doctor")


class Told(click.ClickException):
    """An error of ours as click tells it: one paragraph, and the exit code of its kind."""

    def __init__(self, error: MlmonError) -> None:
        """Keep the message and choose the exit code."""
        super().__init__(str(error))
        self.exit_code = exit_code(error)  # type: ignore[misc]  # click reads it off the instance too


class Ended(click.ClickException):
    """An end that needs no word: an interrupt, or a pipe whose reader went away."""

    def __init__(self, code: int) -> None:
        """Keep the exit code."""
        super().__init__("")
        self.exit_code = code  # type: ignore[misc]  # click reads it off the instance too

    def show(self, file: IO[Any] | None = None) -> None:
        """Say nothing."""


def exit_code(error: MlmonError) -> int:
    """The exit code of an error by its kind."""
    if isinstance(error, UsageError):
        return WRONG_USAGE
    return UNREACHABLE if isinstance(error, StoreError | WireError) else FAILED


def _of_system(error: OSError) -> MlmonError:
    """What the operating system refused, such as a full disk or a file that may not be written."""
    about = f"{error.filename}: " if error.filename else ""
    return MlmonError(f"{about}{error.strerror or error}. Check the path, its rights and the space there.")


class Commands(click.Group):
    """A group whose commands are modules, imported when they are named."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Every command, in the order of the help."""
        return [name for names in SECTIONS.values() for name in names]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of a command; None where there is no such command."""
        if cmd_name not in self.list_commands(ctx):
            return None
        module = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name
        command: click.Command = import_module(f"mlmon.cli.commands.{module}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or name the nearest one."""
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            ctx.fail(f"No such command '{name}'.{nearest(name, self.list_commands(ctx))} See mlmon --help.")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by section."""
        for section, names in SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl(self._lines(ctx, names))

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's signature
        """Run the command, and tell errors of ours as click tells its own."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except MlmonError as error:
            raise Told(error) from None
        except KeyboardInterrupt:
            raise Ended(INTERRUPTED) from None
        except BrokenPipeError:
            # What is still buffered would be written, and fail again, when the interpreter ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise Ended(PIPE_CLOSED) from None
        except OSError as error:
            raise Told(_of_system(error)) from None
        return result

    def _lines(self, ctx: click.Context, names: tuple[str, ...]) -> list[tuple[str, str]]:
        found = [(name, self.get_command(ctx, name)) for name in names]
        return [(name, command.get_short_help_str(64)) for name, command in found if command is not None]

    def welcome(self, ctx: click.Context) -> str:
        """What someone reads who typed `mlmon` and nothing else."""
        lines = [f"  mlmon {name:<9} {about}" for name, about in self._lines(ctx, NEWCOMER)]
        return "\n".join(
            ["mlmon watches machine-learning models through their logs. Begin with:", "", *lines, "",
             "All commands: mlmon --help. One command: mlmon COMMAND --help."]
        )  # fmt: skip


@click.command(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 fine; 1 findings or failed checks, where asked; 2 wrong usage; "
    "3 a store, port or peer cannot be reached.",
)
@click.version_option(None, "--version", "-V", package_name="mlmon", message="mlmon %(version)s")
@click.pass_context
def cli(context: click.Context) -> None:
    """Watch machine-learning models through the logs they write."""
    group = context.command
    if context.invoked_subcommand is None and isinstance(group, Commands):
        click.echo(group.welcome(context))


def _check_text(arguments: list[str]) -> None:
    """Refuse words that are not UTF-8, which Python hands on in halves of characters.

    Raises:
        click.UsageError: one is not.

    """
    for word in arguments:
        if not word.isascii() and word.encode(errors="replace").decode() != word:
            raise click.UsageError(f"{word!a} is not UTF-8. Write it so, or rename what it names.")


def main() -> NoReturn:
    """Run the command line and leave with its exit code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run a command line and give its exit code; whatever goes wrong is one paragraph on stderr."""
    try:
        _check_text(arguments)
        code = cli.main(arguments, prog_name="mlmon", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    return code if isinstance(code, int) else FINE
