"""`mlmon rules silence`, `ack` and `unsilence`: who keeps quiet, for how long, by whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from mlmon.cli.options import SOURCE, Asked, asks, examples, now, settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

_KEYS: Final = ("id", "kind", "rule", "model", "version", "segment", "subject", "author", "until", "comment")


def _by(function: Callable[..., Any]) -> Callable[..., Any]:
    function = click.option("--comment", default="", metavar="TEXT", help="Why.")(function)
    return click.option("--by", "author", metavar="NAME", help="Who; default: the user of this machine.")(
        function
    )


def _author(author: str | None) -> str:
    import getpass

    try:
        return author or getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return "unknown"


def _until(text: str) -> datetime:
    from mlmon.core.window import parse_duration

    return now() + parse_duration(text)


@click.command(
    epilog=examples(
        "mlmon rules silence --rule slow --model fraud --for 2h --comment release",
        "mlmon rules silence --model 'eu-*' --for 1d",
        "mlmon rules silence              # lists those that hold",
    )
)
@asks(*SOURCE, "model", "version", "format")
@click.option("--rule", metavar="NAME", help="The rule; '*' and '?' stand for signs. Default: all.")
@click.option("--segment", metavar="FIELD=VALUE", help="The segment. Default: all.")
@click.option("--subject", metavar="NAME", help="The feature or class. Default: all.")
@click.option("--for", "lasting", metavar="DURATION", help="For how long: 30m, 2h, 3d.")
@_by
def silence(
    asked: Asked,
    *,
    rule: str | None,
    segment: str | None,
    subject: str | None,
    lasting: str | None,
    author: str | None,
    comment: str,
) -> None:
    """Hold notices back for a while; without options, list what holds.

    Rules are judged all the same. What still fires afterwards is told then; the end of an alert that was told
    is always told. It works while mlmon up runs.
    """
    from mlmon.cli import wiring, wiring_mutes, wiring_rules_rows
    from mlmon.cli.output import note
    from mlmon.core.errors import UsageError

    config = settings(asked)
    given = {
        "rule": rule,
        "model": asked.model,
        "version": asked.version,
        "segment": segment,
        "subject": subject,
    }
    if lasting is None and not any(given.values()):
        _list(asked)
        return
    if lasting is None:
        raise UsageError("For how long? Give --for, such as --for 2h.")
    patterns = {name: value for name, value in given.items() if value is not None}
    made = wiring_mutes.silence(
        config, author=_author(author), until=_until(lasting), now=now(), comment=comment, **patterns
    )
    click.echo(
        f"{made.id} holds until {made.until:%Y-%m-%d %H:%M} UTC. End it: mlmon rules unsilence {made.id}"
    )
    with wiring.reading(config) as reader:
        for said in wiring_rules_rows.covered(reader, config, made):
            note(said)


def _list(asked: Asked) -> None:
    from mlmon.cli import output, wiring, wiring_mutes, wiring_rules_rows
    from mlmon.cli.output import Column

    config = settings(asked)
    with wiring.reading(config) as reader:
        rows = wiring_rules_rows.mute_rows(wiring_mutes.muted(config, reader), now())
    output.write(
        rows,
        asked.format,
        keys=_KEYS,
        columns=[
            Column("id", lambda row: row["id"][:8]),
            Column("", lambda row: row["kind"]),
            Column("of", lambda row: row["of"], wraps=True),
            Column("until", lambda row: f"{row['until']:%Y-%m-%d %H:%M}"),
            Column("by", lambda row: row["author"]),
            Column("why", lambda row: row["comment"], wraps=True),
        ],
        empty="Nothing is silenced, and no alert is taken.",
        hint="End one: mlmon rules unsilence ID",
    )


@click.command(epilog=examples("mlmon rules ack 3a621e8f", "mlmon rules ack 3a621e8f --for 1d --by ada"))
@asks(*SOURCE)
@click.argument("alert", metavar="ALERT")
@click.option("--for", "lasting", default="8h", show_default=True, metavar="DURATION", help="For how long.")
@_by
def ack(asked: Asked, alert: str, *, lasting: str, author: str | None, comment: str) -> None:
    """Take an alert: it is not told again for a while. Its end is told.

    ALERT is the id that a notice and mlmon rules alerts show, or its beginning.
    """
    from mlmon.cli import wiring_mutes

    made = wiring_mutes.ack(
        settings(asked), alert, author=_author(author), until=_until(lasting), now=now(), comment=comment
    )
    click.echo(f"{made.alert[:8]} is taken by {made.author} until {made.until:%Y-%m-%d %H:%M} UTC.")


@click.command(epilog=examples("mlmon rules unsilence 5f0c1a2b"))
@asks(*SOURCE)
@click.argument("name", metavar="ID")
def unsilence(asked: Asked, name: str) -> None:
    """End a silence by its id, or give an alert back by the alert's id."""
    from mlmon.cli import wiring_mutes

    wiring_mutes.unsilence(settings(asked), name, now=now())
    click.echo(f"{name} has ended. Notices go out with the next pass.")


COMMANDS: Final = (silence, ack, unsilence)
