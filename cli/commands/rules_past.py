"""`mlmon rules backtest`, `tune` and `test`: what rules would have said, better bounds, and their trials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from mlmon.cli.options import SOURCE, Asked, asks, examples, now, settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from mlmon.cli.wiring_rules import Outcome, Replay, Rule
    from mlmon.core.config import Config
    from mlmon.core.query import Row

_KEYS: Final = (
    "rule", "says", "alerts", "hours", "confirmed", "unconfirmed", "no_outcomes", "open", "groups",
    "windows", "episodes",
)  # fmt: skip
_TRIED: Final = ("bound", "alerts", "confirmed", "false_per_30d", "hours", "chosen")


@click.command(
    epilog=examples(
        "mlmon rules backtest --since 90d",
        "mlmon rules backtest drift-and-worse --since 300d --plot drift.png",
        "mlmon rules backtest --since 90d --model fraud --format json",
    )
)
@asks(*SOURCE, "since", "until", "model", "format")
@click.argument("names", nargs=-1, metavar="[RULE]...")
@click.option(
    "--plot", metavar="FILE", type=click.Path(dir_okay=False), help="Draw the busiest into a .png or .json."
)
def backtest(asked: Asked, names: tuple[str, ...], plot: str | None) -> None:
    """Replay rules on what is stored: how often they would have fired, for how long, how often rightly.

    All rules, or those named. An alert is confirmed when performance was worse than the reference, by
    outcomes, in its windows or the week after. A model that is not live is looked at back from its last
    inference. Late data are there already, so an alert may have come later in fact.
    """
    from mlmon.cli import models, output, wiring, wiring_rules, wiring_rules_rows
    from mlmon.cli.output import note

    if plot is not None:
        wiring_rules_rows.check_plot(plot)
    config = settings(asked)
    which = _with_needed(_rules(config), names)
    until, past = _span(asked)
    with wiring.reading(config) as reader:
        known, url = models.chosen_models(reader, config, asked), reader.url
        done = wiring_rules.replays(reader, config, _of_model(which, asked.model), until=until, past=past)
    done = [each for each in done if not names or each.rule.name in names]
    output.write(
        [_row(each) for each in done],
        asked.format,
        keys=_KEYS,
        columns=_columns(),
        empty="There are no rules to try. See docs/rules.md.",
        hint="Next: mlmon rules tune RULE proposes a bound.",
    )
    if not known:
        note(models.NO_EVENTS.format(url=url))
        return
    for each in done:
        if why := wiring_rules_rows.said_nothing(each):
            note(f"Could not fire: {why}")
    _draw(done, plot, is_table=asked.format == "table")


def _rules(config: Config) -> Sequence[Rule]:
    from mlmon.cli import wiring_rules

    return wiring_rules.checked(config)


def _with_needed(known: Sequence[Rule], names: Sequence[str]) -> Sequence[Rule]:
    """The rules named, with all others where one of them waits for one."""
    from mlmon.core.errors import UsageError, nearest

    by_name = {rule.name: rule for rule in known}
    for name in names:
        if name not in by_name:
            raise UsageError(
                f"There is no rule '{name}'. There are: {', '.join(by_name)}.{nearest(name, by_name)}"
            )
    waits = any(by_name[name].only_if for name in names)
    return known if waits or not names else [by_name[name] for name in names]


def _of_model(rules: Sequence[Rule], model: str | None) -> Sequence[Rule]:
    from msgspec.structs import replace

    from mlmon.cli import wiring_rules

    if model is None:
        return rules
    return [replace(rule, models=(model,)) for rule in rules if wiring_rules.speaks_of(rule, model)]


def _span(asked: Asked) -> tuple[Any, timedelta]:
    """Up to when, and how far back; 90 days where nothing is said."""
    from mlmon.core.errors import UsageError
    from mlmon.core.window import parse_moment

    until = parse_moment(asked.until, now=now()) if asked.until else now()
    since = parse_moment(asked.since or "90d", now=until)
    if since >= until:
        raise UsageError(
            f"--since must lie before {until:%Y-%m-%d %H:%M} UTC. Give it as 90d, or an earlier time."
        )
    return until, until - since


def _row(done: Replay) -> Row:
    from mlmon.cli import wiring_rules, wiring_rules_rows

    hours = sum(each.lasted.total_seconds() for each in done.episodes) / 3600
    return {
        "rule": done.rule.name,
        "says": wiring_rules.said(done.rule),
        "alerts": len(done.episodes),
        "hours": round(hours, 2),
        "confirmed": done.confirmed,
        "unconfirmed": done.unconfirmed,
        "no_outcomes": len(done.episodes) - done.confirmed - done.unconfirmed,
        "open": sum(each.closed is None for each in done.episodes),
        "groups": len(done.judged),
        "windows": done.windows,
        "episodes": wiring_rules_rows.episode_rows(done),
    }


def _columns() -> list[Any]:
    from mlmon.cli import units
    from mlmon.cli.output import Column

    def lasted(row: Row) -> str:
        if not row["hours"]:
            return "still" if row["open"] else units.NOTHING
        return units.duration_ns(row["hours"] / row["alerts"] * 3600e9)

    def confirmed(row: Row) -> str:
        of = row["alerts"] - row["no_outcomes"]
        return f"{row['confirmed']} of {of}" if of else units.NOTHING

    return [
        Column("rule", lambda row: row["rule"]),
        Column("fired", lambda row: f"{row['alerts']:,}", is_number=True),
        Column("each for", lasted, is_number=True),
        Column("confirmed", confirmed, is_number=True),
        Column("says", lambda row: row["says"], wraps=True),
    ]


def _draw(done: Sequence[Replay], plot: str | None, *, is_table: bool) -> None:
    """The group with most alerts of the busiest rule, in the terminal and into a file."""
    from mlmon.cli import units, wiring_rules_rows
    from mlmon.cli.output import note
    from mlmon.cli.sketch import sketch

    busiest = max(done, key=lambda each: len(each.episodes), default=None)
    found = None if busiest is None else wiring_rules_rows.busiest_group(busiest)
    if busiest is None or found is None:
        if plot is not None:
            note("There is nothing to draw: no rule would have fired.")
        return
    group, windows = found
    if is_table:
        values = [float("nan") if each.value is None else each.value for each in windows]
        marked = [place for place, each in enumerate(windows) if each.verdict == "breach"]
        note(f"\n{busiest.rule.name}: {group}, a caret where it was too much")
        note(
            sketch(
                values,
                marked,
                along=f"{windows[0].start:%Y-%m-%d} to {windows[-1].end:%Y-%m-%d}",
                written=lambda mean: units.metric_value(busiest.rule.metric, mean),
            )
        )
    if plot is not None:
        wiring_rules_rows.plot(busiest, group, windows, plot)
        note(f"Wrote {plot}.")


@click.command(epilog=examples("mlmon rules tune slow", "mlmon rules tune slow --rate 0.5 --since 180d"))
@asks(*SOURCE, "since", "until", "model", "format")
@click.argument("name", metavar="RULE")
@click.option(
    "--rate",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    help="False alarms in 30 days that you would bear, all groups together.",
)
def tune(asked: Asked, name: str, *, rate: float) -> None:
    """Propose a bound for a rule: the tightest one whose false alarms stay under a rate.

    Bounds across the stored values are replayed. An alarm that outcomes do not confirm is false.
    """
    from mlmon.cli import models, output, wiring, wiring_rules, wiring_rules_rows
    from mlmon.cli.output import Column

    config = settings(asked)
    which = _with_needed(_rules(config), [name])
    until, past = _span(asked)
    with wiring.reading(config) as reader:
        models.chosen_models(reader, config, asked)
        of_model = _of_model(which, asked.model)
        done = wiring_rules.tuned(reader, config, of_model, name, until=until, past=past, rate=rate)
    rows = wiring_rules_rows.tried_rows(done)
    output.write(
        rows,
        asked.format,
        keys=_TRIED,
        columns=[
            Column("", lambda row: "->" if row["chosen"] else ""),
            Column("bound", lambda row: row["bound_said"], is_number=True),
            Column("fired", lambda row: f"{row['alerts']:,}", is_number=True),
            Column("confirmed", lambda row: f"{row['confirmed']:,}", is_number=True),
            Column("false in 30 d", lambda row: f"{row['false_per_30d']:.3g}", is_number=True),
        ],
        empty="Nothing was tried.",
        hint=wiring_rules_rows.advice(done, rate),
    )


@click.command("test", epilog=examples("mlmon rules test", "mlmon rules test rules/service.yaml"))
@asks(*SOURCE)
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path(dir_okay=False))
def test(asked: Asked, files: tuple[str, ...]) -> None:
    """Run the trials that rule files carry under `tests`; exit code 1 where one fails."""
    from mlmon.cli import wiring_rules
    from mlmon.cli.output import note

    config = settings(asked)
    found = wiring_rules.read_files(files, config) if files else wiring_rules.checked(config)
    done = wiring_rules.trials(found)
    for each in done:
        click.echo(f"{'ok    ' if each.is_right else 'FAILED'} {each.rule}: {each.case}")
        if not each.is_right:
            click.echo(_difference(each))
    wrong = sum(not each.is_right for each in done)
    if not done:
        note("No rule has trials. Write them in its file, under `tests`.")
        return
    click.echo(f"{len(done) - wrong} of {len(done)} trials are right.")
    if wrong:
        click.get_current_context().exit(1)


def _difference(one: Outcome) -> str:
    place = one.first_wrong or 1
    return (
        f"         at window {place} came {one.came[place - 1]}, expected {one.expected[place - 1]}\n"
        f"         all: {', '.join(one.came)}"
    )


COMMANDS: Final = (backtest, tune, test)
