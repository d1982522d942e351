"""`mlmon outcomes`: bring in what turned out to be true, and see what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from mlmon.cli.options import SCOPE, SOURCE, Asked, asks, examples, now, settings, span

if TYPE_CHECKING:
    from mlmon.cli.load import Loaded
    from mlmon.core.config import Config
    from mlmon.core.query import Row

_KEYS: Final = ("model", "version", "inferences", "with_outcome", "coverage", "delay_p50", "final")
_SHOWN: Final = 10


@click.group(epilog=examples("mlmon outcomes load truth.csv --model flight-delay", "mlmon outcomes status"))
def command() -> None:
    """Load outcomes from a file, or see how many are there."""


@command.command(
    epilog=examples(
        "mlmon outcomes load truth.csv --model flight-delay",
        "mlmon outcomes load truth.parquet --id-column flight --label-column late",
        "mlmon outcomes load prices.ndjson --model price --value-column paid",
        "mlmon outcomes load truth.csv --model m --ship http://127.0.0.1:5959",
    ),
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@asks(*SOURCE, "model")
@click.option("--id-column", metavar="COLUMN", help="The inference's id. Default: inference_id or id.")
@click.option("--label-column", metavar="COLUMN", help="The true class. Default: label or outcome, if there.")
@click.option("--value-column", metavar="COLUMN", help="The true number. Default: value, if there.")
@click.option(
    "--observed-at-column",
    metavar="COLUMN",
    help="When it became known (UTC). Default: observed_at, else now.",
)
@click.option(
    "--revision",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Higher than before for corrections.",
)
@click.option("--ship", metavar="URL", help="Send to this running collector instead of writing to the store.")
def load(asked: Asked, file: str, **named: Any) -> None:  # noqa: ANN401 - the column options and --ship
    """Load outcomes from FILE: CSV, NDJSON, Parquet or Arrow.

    Each row is an outcome, and loading a file twice changes nothing. A bad row is told with its line and kept
    with the dead letters; the rest is loaded. Outcomes meet their inferences at the next pass of
    `mlmon analyze` or `mlmon up`.
    """
    from mlmon.cli import load as loading
    from mlmon.cli.progress import progress

    config = settings(asked)
    plan = loading.plan(file, config, asked, **named)
    with progress(f"Loading {file}") as advance:
        done = loading.run(plan, config, now=now(), advance=advance)
    _tell(done, plan, config)
    if done.bad and not done.read - done.bad:
        click.get_current_context().exit(1)


def _tell(done: Loaded, plan: Any, config: Config) -> None:  # noqa: ANN401 - a loading plan
    from mlmon.cli import units
    from mlmon.cli.output import note

    for line, problem in done.problems[:_SHOWN]:
        note(f"{plan.path}:{line}: {problem}")
    if done.bad > _SHOWN:
        note(f"... and {done.bad - _SHOWN:,} more bad rows.")
    click.echo(
        f"{units.counted(done.stored, 'outcome')} loaded, {done.duplicates:,} there already, "
        f"{units.counted(done.bad, 'bad row')}."
    )
    if done.bad and plan.ship is None:
        note(f"The bad rows are kept with the dead letters of {config.store.url}.")
    if done.bad and plan.ship is not None:
        note("Mend the bad rows and load the file again: what is there already changes nothing.")
    if done.checked:
        _tell_match(done, plan)
    note("Next: mlmon outcomes status. A pass of mlmon analyze (or a running mlmon up) joins them.")


def _tell_match(done: Loaded, plan: Any) -> None:  # noqa: ANN401 - as above
    from mlmon.cli.output import note

    if done.matched or not done.sample_stored:
        note(f"{done.matched:,} of {done.checked:,} ids match an inference of {plan.model}.")
        return
    note(
        f"0 of {done.checked:,} ids match an inference of {plan.model}; ids in the file look like "
        f"'{done.sample_file}', in the store like '{done.sample_stored}'. "
        "Name another column with --id-column, or make the ids alike."
    )


@command.command(
    epilog=examples("mlmon outcomes status", "mlmon outcomes status --model flight-delay --since 30d")
)
@asks(*SCOPE, "format")
def status(asked: Asked) -> None:
    """Show how many inferences have an outcome, how late outcomes come, and what became of the others."""
    from mlmon.cli import output, units, wiring, wiring_analyze
    from mlmon.cli.models import NO_EVENTS, chosen_models
    from mlmon.cli.output import Column

    config = settings(asked)
    with wiring.reading(config) as reader:
        models = chosen_models(reader, config, asked)
        rows = [row for model in models if (row := _status(reader, config, asked, model)) is not None]
        output.write(
            rows,
            asked.format,
            keys=_KEYS,
            columns=[
                Column("model", lambda row: row["model"], wraps=True),
                Column("inferences", lambda row: units.count(row["inferences"]), is_number=True),
                Column("with outcome", lambda row: units.count(row["with_outcome"]), is_number=True),
                Column("coverage", lambda row: units.ratio(row["coverage"]), is_number=True),
                Column("median delay", lambda row: units.duration_ns(row["delay_p50"]), is_number=True),
                Column("final", lambda row: "yes" if row["final"] else "not yet"),
            ],
            empty=NO_EVENTS.format(url=reader.url),
            hint="",
        )
        tally = wiring_analyze.outcome_tally(reader)
    if models:
        _tell_tally(tally)


def _tell_tally(tally: Any) -> None:  # noqa: ANN401 - a tally of outcomes
    from mlmon.cli.output import note

    parts = ("joined", "corrected", "retracted", "duplicates", "superseded", "pending", "expired")
    counts = [f"{getattr(tally, part):,} {part}" for part in parts if getattr(tally, part)]
    if not counts:
        note("No outcomes yet. Send them with log.outcome(...), or load a file: mlmon outcomes load FILE")
        return
    note(f"Of all outcomes so far: {', '.join(counts)}.")
    if tally.pending or tally.expired:
        note("Those pending or expired name an inference that is not there. Compare the ids: mlmon doctor")
    else:
        note("Next: mlmon metrics --metric coverage --window 1d")


def _status(reader: Any, config: Config, asked: Asked, model: Any) -> Row | None:  # noqa: ANN401 - a reader, a model
    from mlmon.cli import wiring_analyze

    window = span(asked) or model.served
    if window is None:
        return None
    made = wiring_analyze.metrics(
        reader, model, window, size="all", by=(), version=asked.version or "", now=now(), config=config,
        analyzers=("service", "outcomes"),
    )  # fmt: skip
    by_name = {metric.name: metric for metric in made}
    if "inferences" not in by_name:
        return None
    covered, delay = by_name.get("coverage"), by_name.get("outcome_delay_p50")
    return {
        "model": model.name,
        "version": asked.version or "",
        "inferences": by_name["inferences"].value,
        "with_outcome": round((covered.value or 0) * covered.n) if covered else 0,
        "coverage": covered.value if covered else None,
        "delay_p50": delay.value if delay else None,
        "final": covered.final if covered else False,
    }
