"""`mlmon try anomaly`: which rows of a file are anomalies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import click

from mlmon.cli import output, series, wiring_series
from mlmon.cli.options import examples, series_format
from mlmon.cli.progress import progress
from mlmon.cli.sketch import sketch

if TYPE_CHECKING:
    from mlmon.core.query import Row

_RESULTS: Final = ("score", "anomaly", "kind", "expected")
_TAKEN: Final = ("row", *_RESULTS)


@click.command(
    epilog=examples(
        "mlmon try anomaly load.csv --time at --value load",
        "mlmon try anomaly load.csv --time at --value load --format csv > scored.csv",
    )
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--time", metavar="COLUMN", required=True, help="The time: ISO 8601, or seconds since 1970.")
@click.option("--value", metavar="COLUMN", required=True, help="The number to look at.")
@series_format("table shows alarms only")
def command(file: str, time: str, value: str, form: str) -> None:
    """Score every row of FILE from 0 to 1, and say which are anomalies.

    A score rests on the row and those before it only, in the order of time. A row without a value scores 0.
    """
    values = series.numbers(file, value, what="value")
    times = series.moments(file, time)
    with progress("Scoring", len(values)) as advance:
        made = wiring_series.anomaly_scores(times, values, advance)
    if wiring_series.order_of(times) is not None:
        output.note(f"The rows of {file} are not in the order of '{time}'. They were scored in it.")
    keys = series.key(time, _TAKEN), series.key(value, _TAKEN)
    marked = [int(row) for row in made.anomaly.nonzero()[0]]
    rows = (
        {"row": row, **dict(zip(keys, cells, strict=True)), **wiring_series.anomaly_row(made, row)}
        for row, cells in enumerate(series.written(file, (time, value)))
        if form != "table" or made.anomaly[row]
    )
    output.write(
        ({**row, keys[1]: float(values[row["row"]])} for row in rows) if form == "json" else rows,
        form,
        keys=[*dict.fromkeys(keys), *_RESULTS],
        columns=list(_columns(*keys)),
        empty=f"No anomaly in {len(values):,} rows.",
        hint="",
    )
    if form == "table":
        click.echo(sketch(values.tolist(), marked))


def _columns(time: str, value: str) -> Iterator[output.Column]:
    def text(key: str) -> Any:  # noqa: ANN401 - a function of a row
        return lambda row: "" if row[key] is None else str(row[key])

    def number(key: str) -> Any:  # noqa: ANN401 - as above
        return lambda row: f"{row[key]:.4g}"

    yield output.Column("row", lambda row: f"{row['row']:,}", is_number=True)
    yield output.Column(time, text(time))
    yield output.Column(value, text(value), is_number=True)
    yield output.Column("expected", number("expected"), is_number=True)
    yield output.Column("score", _score, is_number=True)
    yield output.Column("kind", text("kind"))


def _score(row: Row) -> str:
    return f"{row['score']:.3f}"
