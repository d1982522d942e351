"""`mlmon dashboards`: the dashboards of Kibana and of OpenSearch Dashboards, rendered from the panels."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

import click

from mlmon.cli.options import SOURCE, Asked, asks, examples, settings
from mlmon.cli.wiring_kibana import TARGETS
from mlmon.core.panel import ALL
from mlmon.core.window import SIZES

if TYPE_CHECKING:
    from mlmon.cli.wiring_kibana import Comparison, Rendered
    from mlmon.core.config import Config

P = ParamSpec("P")
R = TypeVar("R")

_SIZES: Final = tuple(size for size in SIZES if size != ALL)
_RENDER: Final = "mlmon dashboards render --target kibana --out DIR"
_PUSH: Final = "mlmon dashboards push --kibana https://HOST:5601"
_DIFF: Final = "mlmon dashboards diff --kibana https://HOST:5601"


def _shared(function: Callable[P, R]) -> Callable[P, R]:
    options = (
        click.option(
            "--target",
            type=click.Choice(TARGETS),
            help="Whose dashboards. Default: those of the store's kind.",
        ),
        click.option(
            "--size",
            type=click.Choice(_SIZES),
            default="1d",
            show_default=True,
            help="Results of windows of this size; each size has dashboards of its own.",
        ),
    )
    return functools.reduce(lambda made, option: option(made), reversed(options), function)


def _where(function: Callable[P, R]) -> Callable[P, R]:
    options = (
        click.option("--kibana", metavar="URL", help="Where it is. Default: kibana.url of the settings."),
        click.option("--space", metavar="NAME", help="The space of Kibana. Default: kibana.space."),
    )
    return functools.reduce(lambda made, option: option(made), reversed(options), function)


@click.group(epilog=examples(_RENDER, _PUSH, _DIFF))
def command() -> None:
    """Dashboards for Kibana and OpenSearch Dashboards."""


@command.command(epilog=examples(_RENDER, "mlmon dashboards render --target opensearch --out DIR"))
@asks(*SOURCE)
@_shared
@click.option(
    "--out", metavar="DIR", type=click.Path(file_okay=False), help="Where to write. Default: to stdout."
)
def render(asked: Asked, *, target: str | None, size: str, out: str | None) -> None:
    """Write the dashboards as a file to import by hand: Stack Management, Saved Objects, Import.

    Choose to overwrite there. Panels that a target cannot show are told with the reason.
    """
    from mlmon.cli import wiring_kibana
    from mlmon.cli.output import note

    config = settings(asked)
    of = wiring_kibana.target(config, target)
    wanted = wiring_kibana.rendered(config, of, size)
    if out is None:
        click.echo(wiring_kibana.file(wanted), nl=False)
    else:
        path = Path(out) / f"mlmon-{of}.ndjson"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(wiring_kibana.file(wanted))
        click.echo(str(path))
    _tell_refused(wanted)
    note(f"{len(wanted.objects)} objects. Put them there: mlmon dashboards push --kibana URL")


@command.command(epilog=examples(_PUSH, "mlmon dashboards push --kibana https://HOST:5601 --space team"))
@asks(*SOURCE)
@_shared
@_where
def push(asked: Asked, *, target: str | None, size: str, kibana: str | None, space: str | None) -> None:
    """Put the dashboards into Kibana, over those that are there.

    The way in is an API key in MLMON_KIBANA_KEY, or kibana.user with MLMON_KIBANA_PASSWORD. A Kibana that
    starts is waited for. Pushed again, all is as after once.
    """
    put(settings(asked, kibana__url=kibana, kibana__space=space), target=target, size=size)


@command.command(epilog=examples(_DIFF))
@asks(*SOURCE)
@_shared
@_where
def diff(asked: Asked, *, target: str | None, size: str, kibana: str | None, space: str | None) -> None:
    """Show what a push would change, key by key, and change nothing."""
    show(settings(asked, kibana__url=kibana, kibana__space=space), target=target, size=size)


def put(config: Config, *, target: str | None = None, size: str = "1d") -> None:
    """Push all dashboards, and say what was done."""
    from mlmon.cli import wiring_kibana
    from mlmon.cli.output import note

    of = wiring_kibana.target(config, target)
    wanted = wiring_kibana.rendered(config, of, size)
    with wiring_kibana.connected(config, of) as client:
        click.echo(client.name)
        count = client.push(wanted.objects)
        first = next(each for each in wanted.objects if each["type"] == "dashboard")
        address = client.address(first["id"])
    _tell_refused(wanted)
    note(f"{count} objects put. Begin here: {address}")


def show(config: Config, *, target: str | None = None, size: str = "1d") -> None:
    """Show how what is there differs from what would be pushed."""
    from mlmon.cli import wiring_kibana
    from mlmon.cli.output import note

    of = wiring_kibana.target(config, target)
    wanted = wiring_kibana.rendered(config, of, size)
    with wiring_kibana.connected(config, of) as client:
        click.echo(client.name)
        compared = wiring_kibana.compare(client, wanted)
    due = [each for each in compared if each.status != "same"]
    for each in due:
        _tell(each)
    _tell_refused(wanted)
    note(f"{len(due)} objects would be put, {len(compared) - len(due)} are as they should be.")


def _tell(each: Comparison) -> None:
    click.echo(f"{'+' if each.status == 'absent' else '~'} {each.type} {each.id}: {each.title}")
    for key, (old, new) in each.differences.items():
        click.echo(f"    {key}: {'(none)' if old is None else old} -> {new}")


def _tell_refused(wanted: Rendered) -> None:
    from mlmon.cli.output import note

    for each in wanted.refused:
        note(f"Not shown: {each.panel} on {each.dashboard}. {each.reason}")
