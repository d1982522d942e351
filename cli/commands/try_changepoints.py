"""`mlmon try changepoints`: where the series of a file changes for good."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import click

from mlmon.cli import output, series, wiring_series
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

    Rows are taken in the order of time, as evenly spaced. A missing value is drawn between its neighbours.
    """
    values = series.numbers(file, value, what="value")
    times = series.moments_if_any(file, time)
    order = None if times is None else wiring_series.order_of(times)
    ordered = values if order is None else values[order]
    changes = wiring_series.change_points(ordered)
    found = changes if order is None else [int(order[place]) for place in changes]
    if order is not None:
        output.note(f"The rows of {file} are not in the order of '{time}'. They were looked at in it.")
    if form == "json":
        output.write_value(sorted(found))
        return
    at = series.key(time, _RESULTS)
    written = dict(_written(file, time, set(found)))
    edges = [0, *changes, len(values)]
    rows = [
        {
            "row": row,
            at: written[row],
            "mean_before": wiring_series.finite_mean(ordered[edges[place] : edges[place + 1]]),
            "mean_after": wiring_series.finite_mean(ordered[edges[place + 1] : edges[place + 2]]),
        }
        for place, row in enumerate(found)
    ]
    output.write(
        rows,
        form,
        keys=[at, *_RESULTS],
        columns=[
            output.Column("row", lambda row: f"{row['row']:,}", is_number=True),
            output.Column(at, lambda row: str(row[at])),
            output.Column("mean before", lambda row: f"{row['mean_before']:.4g}", is_number=True),
            output.Column("mean after", lambda row: f"{row['mean_after']:.4g}", is_number=True),
        ],
        empty=f"No change in {len(values):,} rows.",
        hint="",
    )
    if form == "table":
        click.echo(sketch(ordered.tolist(), changes))


def _written(file: str, time: str, rows: set[int]) -> Iterator[tuple[int, str | None]]:
    """What the file writes as the time of some rows."""
    for row, (at,) in enumerate(series.written(file, (time,)) if rows else ()):
        if row in rows:
            yield row, at
