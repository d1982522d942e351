"""`mlmon try changepoints`: where the series of a file changes for good."""

from __future__ import annotations

from typing import Final

import click

from mlmon.cli import columns, output, wiring_series
from mlmon.cli.options import examples, series_format
from mlmon.cli.sketch import sketch

_RESULTS: Final = ("row", "mean_before", "mean_after")


@click.command(
    epilog=examples(
        "mlmon try changepoints sales.csv --time month --value sold",
        "mlmon try changepoints sales.csv --time month --value sold --format json",
    )
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--time", metavar="COLUMN", required=True, help="The time, which is shown as it is.")
@click.option("--value", metavar="COLUMN", required=True, help="The number to look at.")
@series_format("json is the list of rows")
def command(file: str, time: str, value: str, form: str) -> None:
    """Show the rows (from 0) of FILE at which a new regime begins.

    Rows are taken in the file's order, as evenly spaced. A missing value is drawn between its neighbours.
    """
    lines, found = columns.read(file, {"time": time, "value": value})
    values = columns.numbers(file, value, found["value"], lines)
    changes = wiring_series.change_points(values)
    if form == "json":
        output.write_value(changes)
        return
    edges = [0, *changes, len(values)]
    rows = [
        {
            "row": row,
            time: found["time"][row],
            "mean_before": wiring_series.finite_mean(values[edges[place] : row]),
            "mean_after": wiring_series.finite_mean(values[row : edges[place + 2]]),
        }
        for place, row in enumerate(changes)
    ]
    output.write(
        rows,
        form,
        keys=[time, *_RESULTS],
        columns=[
            output.Column("row", lambda row: f"{row['row']:,}", is_number=True),
            output.Column(time, lambda row: str(row[time])),
            output.Column("mean before", lambda row: f"{row['mean_before']:.4g}", is_number=True),
            output.Column("mean after", lambda row: f"{row['mean_after']:.4g}", is_number=True),
        ],
        empty=f"No change in {len(values):,} rows.",
        hint="",
    )
    if form == "table":
        click.echo(sketch(values, changes))
