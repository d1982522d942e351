"""`mlmon try performance`: how good the predictions in a file are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mlmon.cli.options import Asked, asks, examples

if TYPE_CHECKING:
    from mlmon.core.query import Row


@click.command(
    epilog=examples(
        "mlmon try performance served.csv --score score --outcome late",
        "mlmon try performance served.parquet --prediction said --outcome was",
    )
)
@asks("format")
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False))
@click.option("--outcome", metavar="COLUMN", required=True, help="What turned out: a class or a number.")
@click.option("--prediction", metavar="COLUMN", help="What was said: a class or a number.")
@click.option("--score", metavar="COLUMN", help="The probability of the positive class.")
@click.option("--positive", metavar="CLASS", help="The class that the score is of. Default: it is found out.")
@click.option(
    "--threshold",
    type=float,
    default=0.5,
    show_default=True,
    help="Without --prediction: the score from which on the positive class is said.",
)
@click.option(
    "--task",
    type=click.Choice(("binary", "multiclass", "regression")),
    help="What the columns are. Default: what they look like.",
)
def command(
    asked: Asked,
    file: str,
    outcome: str,
    prediction: str | None,
    score: str | None,
    positive: str | None,
    threshold: float,
    task: str | None,
) -> None:
    """Tell how good the predictions in FILE are: every metric with its interval.

    Two classes get the confusion counts and, with scores, the calibration too. Rows without an outcome are
    left out.
    """
    from mlmon.cli import frame, output, units, wiring_try
    from mlmon.cli.output import Column

    wanted = dict.fromkeys(name for name in (outcome, prediction, score) if name is not None)
    values = frame.read(file, only=tuple(wanted)).values
    found = wiring_try.performance(
        outcome=values[outcome],
        prediction=values[prediction] if prediction else None,
        score=values[score] if score else None,
        positive=positive,
        threshold=threshold,
        task=task,
    )
    output.write(
        found.rows,
        asked.format,
        keys=wiring_try.performance_keys(),
        columns=[
            Column("", lambda row: "" if row["part"] == "metric" else row["part"]),
            Column("metric", lambda row: f"{row['name']} {row.get('subject') or ''}".strip()),
            Column("value", _value, is_number=True),
            Column("95 % interval", _interval, is_number=True),
            Column("n", lambda row: units.count(row["n"]), is_number=True),
        ],
        empty=f"{file} has no rows.",
        hint=_hint(found.task, found.positive, found.without_outcome),
    )


def _value(row: Row) -> str:
    from mlmon.cli import units

    if row["part"] == "confusion":
        return units.count(row["value"])
    return units.ratio(row["value"]) if row["part"] == "calibration" else _metric(row, "value")


def _interval(row: Row) -> str:
    from mlmon.cli import units

    if row.get("low") is None or row.get("high") is None:
        return ""
    if row["part"] == "calibration":
        return f"{row['low'] * 100:.1f} - {units.ratio(row['high'])}"
    return f"{_metric(row, 'low').removesuffix(' %')} - {_metric(row, 'high')}"


def _metric(row: Row, key: str) -> str:
    from mlmon.cli import units

    return units.metric_value(row["name"], row[key])


def _hint(task: str, positive: str | None, without_outcome: int) -> str:
    from mlmon.cli import units

    about = f"Taken as {task}" + (f"; the score is of '{positive}'" if positive is not None else "")
    lost = f"; {units.counted(without_outcome, 'row')} without an outcome left out" if without_outcome else ""
    return f"{about}{lost}."
