"""`mlmon accounting`: where the events of every producer are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from mlmon.cli.options import SOURCE, Asked, asks, examples, now, settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlmon.cli.wiring_analyze import Account, Named
    from mlmon.core.query import Row

_CUTS: Final = ("model", "service", "host", "producer")
_KEYS: Final = (
    "model", "service", "host", "producer", "producers", "emitted", "stored", "sampled_out", "dropped",
    "dropped_because", "letters_waiting", "letters_discarded", "on_the_way", "unknown", "duplicates", "since",
    "heard",
)  # fmt: skip
_RUN_KEYS: Final = ("first", "last", "count")
_MOST_RUNS: Final = 100
_EMPTY: Final = "No numbered event has arrived yet. Send some with the SDK (ModelLogger): mlmon up says how"


@click.command(
    epilog=examples(
        "mlmon accounting",
        "mlmon accounting --since 7d --by service",
        "mlmon accounting --check              # exit code 1 if an event is unknown",
        "mlmon accounting --producer ID        # which of its numbers are missing",
    )
)
@asks(*SOURCE, "since", "model", "format")
@click.option(
    "--by", type=click.Choice(_CUTS), default="service", show_default=True, help="One row each of these."
)
@click.option("--producer", metavar="ID", help="Only this producer, and its missing numbers.")
@click.option("--check", is_flag=True, help="End with exit code 1 if any event is unknown.")
def command(asked: Asked, by: str, producer: str | None, *, check: bool) -> None:
    """Say where all events are: stored, sampled out, dropped, dead letters, on the way, or unknown.

    Every event has a number, so none can vanish unseen. --since picks the producers of which something
    arrived since then; each is counted whole, from its start. It needs no run of mlmon analyze.
    """
    from mlmon.cli import output, wiring, wiring_analyze

    config = settings(asked)
    with wiring.reading(config) as reader:
        at = wiring_analyze.accounting(reader, config, now())
        accounts = _chosen(at.accounts(), asked, producer)
        of_all = wiring_analyze.total_account(accounts)
        if asked.format == "table" and accounts:
            click.echo(sentence(of_all))
        if producer is None:
            rows = [_row(each) for each in wiring_analyze.cut_accounts(accounts, by)]
            output.write(rows, asked.format, keys=_KEYS, columns=_columns(rows, by), empty=_EMPTY, hint="")
            _tell_more(of_all, at.unnumbered, at.letters.nameless)
        else:
            _write_runs(wiring_analyze.missing_numbers(reader, at, producer), asked.format)
            _tell_drops(of_all)
    if check and of_all.unknown:
        click.get_current_context().exit(1)


def _chosen(accounts: Sequence[Named], asked: Asked, producer: str | None) -> list[Named]:
    from mlmon.core.errors import UsageError, nearest
    from mlmon.core.window import parse_moment

    since = parse_moment(asked.since, now=now()) if asked.since else None
    names = [each.producer for each in accounts if each.producer]
    if producer is not None and producer not in names:
        raise UsageError(
            f"There is no producer '{producer}'.{nearest(producer, names)} "
            "See them all: mlmon accounting --by producer"
        )
    return [
        each
        for each in accounts
        if (producer is None or each.producer == producer)
        and (asked.model is None or each.model == asked.model)
        and (since is None or (each.account.heard is not None and each.account.heard >= since))
    ]


def sentence(account: Account) -> str:
    """The account in one sentence; what is 0 is left out, but never what is stored and what is unknown."""
    parts = [
        (account.stored, "stored", True),
        (account.sampled_out, "sampled out", False),
        (account.dropped_in_all, "dropped", False),
        (account.dead_lettered, "dead-lettered", False),
        (account.on_the_way, "on the way", False),
        (account.unknown, "unknown", True),
    ]
    told = ", ".join(f"{number:,} {word}" for number, word, always in parts if number or always)
    return f"Of {account.made:,} {'event' if account.made == 1 else 'events'}: {told}."


def _row(named: Named) -> Row:
    account = named.account
    return {
        "model": named.model,
        "service": named.service,
        "host": named.host,
        "producer": named.producer,
        "producers": account.producers,
        "emitted": account.emitted,
        "stored": account.stored,
        "sampled_out": account.sampled_out,
        "dropped": account.dropped_in_all,
        "dropped_because": account.dropped,
        "letters_waiting": account.waiting,
        "letters_discarded": account.discarded,
        "on_the_way": account.on_the_way,
        "unknown": account.unknown,
        "duplicates": account.duplicates,
        "since": account.since,
        "heard": account.heard,
    }


def _columns(rows: Sequence[Row], by: str) -> list[Any]:
    from mlmon.cli import units
    from mlmon.cli.output import Column

    def names(row: Row) -> str:
        shown = ("model", "host") if by == "host" else _CUTS[: _CUTS.index(by) + 1]
        return (
            "\n".join(filter(None, (row[name] for name in shown if name != "host" or by != "producer")))
            or "-"
        )

    def letters(row: Row) -> str:
        return units.count(row["letters_waiting"] + row["letters_discarded"])

    numbers = [
        Column("stored", lambda row: units.count(row["stored"]), is_number=True),
        Column("sampled out", lambda row: units.count(row["sampled_out"]), is_number=True),
        Column("dropped", _dropped, is_number=True),
        Column("letters", letters, is_number=True),
        Column("on the way", lambda row: units.count(row["on_the_way"]), is_number=True),
        Column("unknown", lambda row: units.count(row["unknown"]), is_number=True),
        Column("last", lambda row: units.ago(row["heard"], now()), is_number=True),
    ]
    always = ("stored", "unknown", "last")
    shown = [
        column for column in numbers if column.title in always or any(column.show(row) != "0" for row in rows)
    ]
    return [Column("model" if by == "model" else f"model and {by}", names, wraps=True), *shown]


def _dropped(row: Row) -> str:
    from mlmon.cli import units

    return "\n".join([units.count(row["dropped"]), *row["dropped_because"]])


def _tell_more(account: Account, unnumbered: int, nameless: int) -> None:
    from mlmon.cli import units
    from mlmon.cli.output import note

    apart = "not in this account"
    if account.duplicates:
        note(f"{units.counted(account.duplicates, 'event')} came again and were stored once.")
    if unnumbered:
        note(f"{units.counted(unnumbered, 'log line')} of other tools: without a number, {apart}.")
    if nameless:
        note(f"{units.counted(nameless, 'dead letter')} without a producer's name: {apart}.")
    if account.unknown:
        note("Next: mlmon accounting --by producer shows whose; mlmon accounting --producer ID shows which.")
    elif account.waiting:
        note("Next: mlmon deadletter ls says why they were refused.")


def _tell_drops(account: Account) -> None:
    from mlmon.cli.output import note

    if account.dropped:
        reasons = ", ".join(f"{number:,} {reason}" for reason, number in account.dropped.items())
        note(f"Of these the producer dropped some and did not say which: {reasons}.")


def _write_runs(runs: Sequence[tuple[int, int]], form: str) -> None:
    from mlmon.cli import output, units
    from mlmon.cli.output import Column

    rows = [{"first": first, "last": last, "count": last - first + 1} for first, last in runs]
    output.write(
        rows[:_MOST_RUNS],
        form,
        keys=_RUN_KEYS,
        columns=[
            Column("first missing", lambda row: units.count(row["first"]), is_number=True),
            Column("last missing", lambda row: units.count(row["last"]), is_number=True),
            Column("events", lambda row: units.count(row["count"]), is_number=True),
        ],
        empty="None of its numbers is missing.",
        hint="",
    )
    if len(rows) > _MOST_RUNS:
        output.note(f"{len(rows) - _MOST_RUNS:,} more stretches are not shown.")
