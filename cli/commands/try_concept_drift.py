"""`mlmon try concept-drift`: where a model's errors in a file say that the world has changed."""

from __future__ import annotations

import math
from typing import Final

import click

from mlmon.cli import output, series, wiring_series
from mlmon.cli.options import examples, series_format
from mlmon.cli.sketch import sketch
from mlmon.core.errors import UsageError

_KEYS: Final = ("row", "mean_before", "mean_after")
_AROUND: Final = 100


@click.command(
    epilog=examples(
        "mlmon try concept-drift errors.csv --error wrong",
        "mlmon try concept-drift errors.csv --error wrong --detector ddm",
    )
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--error", metavar="COLUMN", required=True, help="The error: 0 or 1, or any number.")
@click.option(
    "--detector",
    metavar="NAME",
    default="adwin",
    show_default=True,
    help="adwin, ddm, eddm, hddm-a, hddm-w, kswin or page-hinkley.",
)
@series_format("json is the list of rows")
def command(file: str, error: str, detector: str, form: str) -> None:
    """Show the rows (from 0) of FILE at which a detector raises an alarm.

    The rows are read in the file's order. A row without a value is passed over.
    """
    made = wiring_series.drift_detector(detector)
    errors = series.numbers(file, error, what="error").tolist()
    places = [row for row, value in enumerate(errors) if not math.isnan(value)]
    for row in places:
        complaint = wiring_series.drift_fault(detector, errors[row])
        if complaint:
            line = series.line_of(file, row)
            raise UsageError(f"{file}:{line}: the error {errors[row]:g} is not allowed: {complaint}.")
    alarms = [places[each] for each in wiring_series.drift_alarms(made, (errors[row] for row in places))]
    if form == "json":
        output.write_value(alarms)
        return
    output.write(
        (_row(errors, row) for row in alarms),
        form,
        keys=_KEYS,
        columns=[
            output.Column("row", lambda row: f"{row['row']:,}", is_number=True),
            _mean_column(f"mean of {_AROUND} before", "mean_before"),
            _mean_column(f"mean of {_AROUND} after", "mean_after"),
        ],
        empty=f"No alarm of {detector} in {len(places):,} errors.",
        hint="",
    )  # fmt: skip
    if form == "table":
        click.echo(sketch(errors, alarms))


def _mean_column(title: str, key: str) -> output.Column:
    return output.Column(title, lambda row: f"{row[key]:.4g}", is_number=True)


def _row(errors: list[float], row: int) -> dict[str, object]:
    return {
        "row": row,
        "mean_before": _mean(errors[max(0, row - _AROUND) : row]),
        "mean_after": _mean(errors[row : row + _AROUND]),
    }


def _mean(values: list[float]) -> float:
    finite = [value for value in values if not math.isnan(value)]
    return math.fsum(finite) / len(finite) if finite else math.nan
