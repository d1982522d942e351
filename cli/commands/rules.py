"""`mlmon rules`: alert rules as files; what they say now, what they would have said, and who keeps quiet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from mlmon.cli.commands import rules_export, rules_mute, rules_past
from mlmon.cli.options import SOURCE, Asked, asks, examples, now, settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlmon.cli.wiring_rules import Memory, Round, Rule
    from mlmon.core.query import Row

_KEYS: Final = (
    "name", "says", "window", "severity", "owner", "routes", "runbook", "open", "models", "about", "place",
)  # fmt: skip
_ALERTS: Final = (
    "id", "rule", "severity", "phase", "model", "version", "segment", "subject", "logger", "since", "fired",
    "value", "bound", "n", "told", "quiet", "flapping", "owner", "runbook",
)  # fmt: skip
_ID: Final = 8


@click.group(
    epilog=examples(
        "mlmon rules check",
        "mlmon rules backtest --since 90d",
        "mlmon rules evaluate --every 1m",
        "mlmon rules alerts",
    )
)
def command() -> None:
    """Check, try and run alert rules; silence and take alerts."""


for made in (*rules_past.COMMANDS, *rules_mute.COMMANDS, rules_export.command):
    command.add_command(made)


@command.command("list", epilog=examples("mlmon rules list", "mlmon rules list --format json"))
@asks(*SOURCE, "format")
def listing(asked: Asked) -> None:
    """List the rules: those of the folder, and those that come with mlmon."""
    from mlmon.cli import output, wiring, wiring_rules
    from mlmon.core.errors import StoreError

    config = settings(asked)
    found = wiring_rules.checked(config)
    try:
        with wiring.reading(config) as reader:
            kept = wiring_rules.memory(reader)
    except StoreError:
        kept = None
    output.write(
        [_row(rule, kept) for rule in found],
        asked.format,
        keys=_KEYS,
        columns=_columns(),
        empty=f"There are no rules. Write some into {config.rules.folder}/, see docs/rules.md.",
        hint="Next: mlmon rules backtest --since 90d shows what they would have said.",
    )


def _row(rule: Rule, kept: Memory | None) -> Row:
    from mlmon.cli import wiring_rules

    alerts = () if kept is None else kept.kept
    return {
        "name": rule.name,
        "says": wiring_rules.said(rule),
        "window": rule.size,
        "severity": str(rule.severity),
        "owner": rule.owner,
        "routes": list(rule.routes),
        "runbook": rule.runbook,
        "open": sum(each.rule == rule.name and each.alert.is_open for each in alerts),
        "models": list(rule.models),
        "about": rule.about,
        "place": rule.place,
    }


def _columns() -> list[Any]:
    from mlmon.cli.output import Column

    return [
        Column("rule", lambda row: row["name"]),
        Column("", lambda row: row["severity"]),
        Column("open", lambda row: str(row["open"] or "-"), is_number=True),
        Column("says", lambda row: row["says"], wraps=True),
    ]


@command.command(epilog=examples("mlmon rules check", "mlmon rules check rules/service.yaml"))
@asks(*SOURCE)
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path(dir_okay=False))
def check(asked: Asked, files: tuple[str, ...]) -> None:
    """Read the rules and say what is wrong with them, by file and line.

    Those of the settings, with their routes and windows, or those of the files named. Exit code 2 where one
    cannot be meant. No store is needed.
    """
    from mlmon.cli import units, wiring_rules

    config = settings(asked)
    found = wiring_rules.read_files(files, config) if files else wiring_rules.checked(config)
    own = [rule for rule in found if wiring_rules.is_own(rule)]
    shipped = len(found) - len(own)
    many = len({rule.place.rpartition(":")[0] for rule in own})
    said = f"{units.counted(len(own), 'rule')} in {units.counted(many, 'file')}"
    if not own and not files:
        said = f"no rule in {config.rules.folder}/*.yaml"
    also = f", and {shipped} that come with mlmon" if shipped else ""
    click.echo(f"{said[0].upper()}{said[1:]}{also}: all right.")


@command.command(epilog=examples("mlmon rules schema > rules.schema.json"))
def schema() -> None:
    """Print the JSON Schema of rule files, for editors."""
    import json

    from mlmon.cli import wiring_rules

    click.echo(json.dumps(wiring_rules.json_schema(), indent=2))


@command.command(epilog=examples("mlmon rules evaluate", "mlmon rules evaluate --every 1m"))
@asks(*SOURCE)
@click.option(
    "--every", metavar="DURATION", help="Go on, with a pass every so often (30s, 1m), until stopped."
)
def evaluate(asked: Asked, every: str | None) -> None:
    """Judge the rules now, and tell what changed.

    Running it twice changes nothing and tells nothing twice. It reads what the jobs computed: run it after
    mlmon analyze. mlmon up does both.
    """
    from mlmon.cli import signals, wiring, wiring_rules
    from mlmon.cli.output import note
    from mlmon.core.errors import MlmonError
    from mlmon.core.window import parse_duration

    config = settings(asked)
    pause = parse_duration(every) if every is not None else None
    with wiring.reading(config):
        pass  # so that a store which is not there is an error, and is not made
    with wiring.writing(config, wiring.RESULTS) as store:
        if pause is None:
            done = wiring_rules.evaluate(
                store, config, wiring_rules.checked(config), wiring_rules.told(store, config), now()
            )
            click.echo(told(done))
            for route, said in done.sent.errors.items():
                note(f"Route {route}: {said}")
            note("Next: mlmon rules alerts")
            if done.sent.errors:
                raise MlmonError("Not every notice was taken; what is left is sent by the next pass.")
            return
        with signals.stopping() as stop:
            passes = wiring_rules.Evaluator(store, config, note)
            note(f"A pass every {every}. Ctrl-C ends.")
            while not stop.is_set():
                if (made := passes.once(now())) is not None:
                    click.echo(told(made))
                stop.wait(pause.total_seconds())


def told(done: Round) -> str:
    """One line about a pass."""
    from mlmon.cli import units

    return (
        f"{units.counted(done.rules, 'rule')}, {units.counted(done.groups, 'group')} judged with "
        f"{units.counted(done.questions, 'question')}: {done.open:,} open, {done.fired:,} fired, "
        f"{done.resolved:,} resolved, {units.counted(done.sent.taken, 'message')} taken"
        f"{f', {done.sent.waiting:,} to be sent again' if done.sent.waiting else ''}."
    )


@command.command(
    epilog=examples("mlmon rules alerts", "mlmon rules alerts --fail", "mlmon rules alerts --all")
)
@asks(*SOURCE, "model", "format")
@click.option("--all", "every", is_flag=True, help="Also what is pending, and what was resolved lately.")
@click.option("--fail", is_flag=True, help="End with exit code 1 if any is open.")
def alerts(asked: Asked, *, every: bool, fail: bool) -> None:
    """Print the alerts that are open, as the last evaluation left them."""
    from mlmon.cli import output, wiring, wiring_mutes, wiring_rules, wiring_rules_rows

    config = settings(asked)
    with wiring.reading(config) as reader:
        kept, mutes = wiring_rules.memory(reader), wiring_mutes.muted(config, reader)
    rows = [
        row
        for row in wiring_rules_rows.alert_rows(kept, mutes, wiring_rules.rules(config), now())
        if (every or row["phase"] in ("firing", "recovering")) and asked.model in (None, row["model"])
    ]
    output.write(
        rows,
        asked.format,
        keys=_ALERTS,
        columns=_alert_columns(),
        empty="No alert is open." if kept.met else "The rules were not evaluated yet: mlmon rules evaluate",
        hint="Take one: mlmon rules ack ID. Quiet: mlmon rules silence --rule NAME --for 2h.",
    )
    if fail and any(row["phase"] in ("firing", "recovering") for row in rows):
        click.get_current_context().exit(1)


def _alert_columns() -> Sequence[Any]:
    from mlmon.cli import units
    from mlmon.cli.output import Column

    def state(row: Row) -> str:
        return "\n".join(filter(None, (row["phase"], row["quiet"], "flapping" if row["flapping"] else "")))

    def what(row: Row) -> str:
        parts = (row["model"], row["version"], row["segment"], row["subject"], row["logger"])
        return "\n".join((row["rule"], ", ".join(part for part in parts if part)))

    return [
        Column("alert", lambda row: row["id"][:_ID]),
        Column("", lambda row: row["severity"]),
        Column("state", state, wraps=True),
        Column("rule", what, wraps=True),
        Column("value", lambda row: row["value_said"], is_number=True),
        Column("bound", lambda row: row["bound_said"], is_number=True),
        Column("since", lambda row: units.ago(row["since"], now())),
    ]
