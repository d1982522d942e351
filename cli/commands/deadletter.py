"""`mlmon deadletter`: what was refused, why, and what to do with it."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import click

from mlmon.cli.options import SOURCE, Asked, asks, examples, now, settings, span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmon.cli.wiring_collect import Letters
    from mlmon.core.config import Config
    from mlmon.core.query import Row

_GROUP_KEYS: Final = ("reason", "door", "model", "service", "count", "first", "last", "detail", "advice")
_KEYS: Final = (
    "id", "at", "reason", "detail", "source", "model", "service", "producer", "sequence", "event_id", "body",
    "is_base64",
)  # fmt: skip
_MOST_SHOWN: Final = 300
_NONE: Final = "There are no such dead letters: nothing was refused."


@contextmanager
def _opened(config: Config) -> Iterator[Letters]:
    """The letters, with a word about those that cannot be seen."""
    from mlmon.cli import output, wiring_collect

    with wiring_collect.letters(config) as letters:
        if letters.unseen:
            output.note(letters.unseen)
        yield letters


_reason = click.option("--reason", metavar="REASON", help="Only those refused for this reason; see ls.")


@click.group(
    epilog=examples(
        "mlmon deadletter ls", "mlmon deadletter show --reason not_valid", "mlmon deadletter replay"
    )
)
def command() -> None:
    """See what was refused and why; replay it, or drop it."""


@command.command(
    epilog=examples("mlmon deadletter ls", "mlmon deadletter ls --since 1d --format json"),
)
@asks(*SOURCE, "since", "until", "format")
def ls(asked: Asked) -> None:
    """List what was refused, by reason, door, model and service.

    --since and --until bound the time of the refusal.
    """
    from mlmon.cli import output

    with _opened(settings(asked)) as letters:
        found = letters.groups(letters.selection(span=span(asked)))
        output.write(
            (_group_row(letters, group) for group in found),
            asked.format,
            keys=_GROUP_KEYS,
            columns=_group_columns(),
            empty=_NONE,
            hint="Next: mlmon deadletter show --reason REASON prints records, and says what to do.",
        )
        if gone := sum(letters.dropped().values()):
            output.note(f"{gone:,} more were dropped earlier.")


def _group_row(letters: Letters, group: Any) -> Row:  # noqa: ANN401 - a group of letters
    from msgspec import structs

    return {**structs.asdict(group), "advice": letters.advice(group.reason)}


def _group_columns() -> list[Any]:
    from datetime import datetime

    from mlmon.cli import units
    from mlmon.cli.output import Column

    def newest(row: Row) -> str:
        try:
            return units.ago(datetime.fromisoformat(row["last"]), now())
        except ValueError:
            return _printable(row["last"])

    def whose(row: Row) -> str:
        return "\n".join(_printable(row[key]) for key in ("door", "model", "service") if row[key])

    return [
        Column("letters", lambda row: units.count(row["count"]), is_number=True),
        Column("reason", lambda row: _printable(row["reason"])),
        Column("from", whose, wraps=True),
        Column("newest", newest),
        Column("for example", lambda row: _printable(row["detail"]), wraps=True),
    ]


@command.command(
    epilog=examples(
        "mlmon deadletter show --reason too_large --limit 5",
        "mlmon deadletter show --limit 0 --format ndjson | jq -r .body",
    ),
)
@asks(*SOURCE, "since", "until", "format")
@_reason
@click.option(
    "--limit", type=click.IntRange(min=0), default=20, show_default=True, help="The newest N; 0 for all."
)
def show(asked: Asked, reason: str | None, limit: int) -> None:
    """Print refused records, oldest first, and what to do about each reason.

    The table cuts long records; the other formats have them whole, in base64 where they are no text.
    """
    from mlmon.cli import output

    with _opened(settings(asked)) as letters:
        selection = letters.selection(reason=reason, span=span(asked))
        reasons: set[str] = set()
        output.write(
            _rows(letters, selection, limit, reasons),
            asked.format,
            keys=_KEYS,
            columns=_columns(),
            empty=_NONE,
            hint="",
        )
        for each in sorted(reasons):
            output.note(f"{_printable(each)}: {letters.advice(each)}")
        if reasons:
            output.note("Then: mlmon deadletter replay, or mlmon deadletter drop --reason REASON.")


def _rows(letters: Letters, selection: Any, limit: int, reasons: set[str]) -> Iterator[Row]:  # noqa: ANN401 - a selection of letters
    from collections import deque

    from msgspec import structs

    found = letters.read(selection)
    for letter in deque(found, maxlen=min(limit, sys.maxsize)) if limit else found:
        reasons.add(letter.reason)
        yield {**structs.asdict(letter), "id": letter.name}


def _columns() -> list[Any]:
    from mlmon.cli.output import Column

    return [
        Column("refused at (UTC)", lambda row: _printable(row["at"][:19].replace("T", " "))),
        Column("reason", lambda row: _printable(row["reason"])),
        Column("record", _shown, wraps=True),
    ]


def _shown(row: Row) -> str:
    body = row["body"]
    cut = f"{_printable(body[:_MOST_SHOWN])}..." if len(body) > _MOST_SHOWN else _printable(body)
    return "\n".join((_printable(f"{row['detail']} ({row['source']})"), cut))


def _printable(text: str) -> str:
    """Text without what would steer a terminal: a record may hold anything."""
    return "".join(one if one.isprintable() else f"\\x{ord(one):02x}" for one in text)


@command.command(
    epilog=examples(
        "mlmon deadletter replay",
        "mlmon deadletter replay --reason too_large --since 7d",
        "mlmon deadletter replay --ship http://collector:5959",
    ),
)
@asks(*SOURCE, "since", "until")
@_reason
@click.option("--ship", metavar="URL", help="Send through the collector here. Default: collector.http_port.")
def replay(asked: Asked, reason: str | None, ship: str | None) -> None:
    """Send refused records through validation again, after what was wrong has been mended.

    Each is stored once, also if this is stopped and run again. What is refused again stays, with the reason
    it has now. Where a collector writes to the store, the records go through its http door.
    """
    from mlmon.cli import wiring_collect
    from mlmon.cli.progress import progress

    config = settings(asked)
    with _opened(config) as letters:
        selection = letters.selection(reason=reason, span=span(asked))
        total = letters.by_reason(selection).total()
        if not total:
            click.echo(_NONE)
            return
        with (
            wiring_collect.replaying(config, ship) as (validator, sink, place),
            progress("Replaying", total) as advance,
        ):
            done = letters.replay(selection, validator, sink, advance)
        _tell(done, place)
        if done.refused and not done.stored + done.duplicates:
            click.get_current_context().exit(1)


def _tell(done: Any, place: str) -> None:  # noqa: ANN401 - what a replay did
    from mlmon.cli.output import note

    refused = done.refused.total() + done.refused_there
    click.echo(
        f"{done.stored:,} stored, {done.duplicates:,} there already, {refused:,} refused again: {place}"
    )
    for reason, count in done.refused.most_common():
        note(f"{count:,} stay for {reason}. See: mlmon deadletter show --reason {reason}")
    if done.refused_there:
        note(f"{done.refused_there:,} were refused by the collector, whose settings differ; it keeps them.")
    if done.of_files:
        note(f"{done.of_files:,} rows of files stay. Mend the file and load it: mlmon outcomes load FILE")


@command.command(
    epilog=examples("mlmon deadletter drop --reason not_json", "mlmon deadletter drop --until 30d --yes"),
)
@asks(*SOURCE, "since", "until")
@_reason
@click.option("--yes", is_flag=True, help="Do not ask.")
def drop(asked: Asked, reason: str | None, *, yes: bool) -> None:
    """Remove refused records for good.

    How many were dropped, for which reason and of which producer, is remembered, so that every event stays
    accounted for.
    """
    from mlmon.cli import units
    from mlmon.cli.progress import progress

    with _opened(settings(asked)) as letters:
        selection = letters.selection(reason=reason, span=span(asked))
        found = letters.by_reason(selection)
        if not found:
            click.echo(_NONE)
            return
        if not yes:
            _confirm(
                found.total(), ", ".join(f"{count:,} {_printable(name)}" for name, count in found.items())
            )
        with progress("Dropping", found.total()) as advance:
            count = letters.drop(selection, advance)
        click.echo(f"{units.counted(count, 'letter')} dropped.")


def _confirm(count: int, reasons: str) -> None:
    import sys

    from mlmon.cli import units
    from mlmon.core.errors import UsageError

    if not sys.stdin.isatty():
        raise UsageError(
            f"{units.counted(count, 'letter')} would be dropped for good ({reasons}). "
            "Nobody is there to be asked; add --yes."
        )
    click.confirm(f"Drop {units.counted(count, 'letter')} for good ({reasons})?", abort=True, err=True)
