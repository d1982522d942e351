"""`mlmon metrics`: the numbers, by window, version or segment."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

import click

from mlmon.cli.options import SCOPE, Asked, asks, examples, settings

if TYPE_CHECKING:
    from mlmon.cli.models import Cut
    from mlmon.core.query import Row
    from mlmon.core.result import Metric

_HINT: Final = (
    "Next: --window month or --by FIELD cuts them; --format json has every metric. mlmon findings judges."
)


@click.command(
    epilog=examples(
        "mlmon metrics",
        "mlmon metrics --window month --metric roc_auc --metric log_loss",
        "mlmon metrics --by carrier --metric recall --since 2013-06-01",
        "mlmon metrics --by temp --window 1d",
        "mlmon metrics --window 1d --format csv > metrics.csv",
    ),
)
@asks(*SCOPE, "window", "by", "format")
@click.option(
    "--metric",
    "patterns",
    metavar="NAME",
    multiple=True,
    help="Only this metric: recall, psi, 'psi[temp]', 'latency*'.",
)
def command(asked: Asked, patterns: tuple[str, ...]) -> None:
    """Print metrics with their 95 % intervals.

    A table shows the main ones; name others with --metric. The other formats give all, with every digit,
    under the keys model, version, segment, metric, window_start, window_end, value, n, low, high, coverage
    and final. A value marked ~ is not final: outcomes may still come.
    """
    from mlmon.cli import metrics, output, wiring
    from mlmon.cli.models import NO_EVENTS, chosen_models, cut

    config = settings(asked)
    wanted = patterns or (metrics.HEADLINES if asked.format == "table" and asked.by is None else ())
    with wiring.reading(config) as reader:
        models = chosen_models(reader, config, asked)
        side = cut(reader, models, asked.by) if models else None
        found: Iterable[Metric] = (
            metrics.asked_for(reader, config, asked, models, side, wanted) if side is not None else ()
        )
        if asked.format == "table":
            found = sorted(found, key=_by_metric())
        output.write(
            map(metrics.to_row, found),
            asked.format,
            keys=metrics.KEYS,
            columns=_columns(asked, side, several=len(models) > 1),
            empty=_empty(asked, patterns, side) if side is not None else NO_EVENTS.format(url=reader.url),
            hint=_HINT,
        )


def _empty(asked: Asked, patterns: tuple[str, ...], side: Cut) -> str:
    if side.feature is not None and asked.since is None and asked.until is None:
        return (
            f"'{side.feature}' is logged as a feature, and most that is said of one needs a reference "
            "(mlmon reference build). To cut results by it, log it as a segment too: "
            f"ModelLogger(..., segments=['{side.feature}'])."
        )
    if patterns:
        return (
            f"There is no metric {', '.join(patterns)} there. "
            "mlmon metrics --format csv lists all names; drift needs a reference, performance needs outcomes."
        )
    return "There are no metrics in that time. Widen it with --since and --until, or leave them out."


def _by_metric() -> Any:  # noqa: ANN401 - a key to sort by
    """Metrics in the order they were first met, so that a table reads as one block a metric."""
    places: dict[str, int] = {}
    return lambda metric: (metric.model, places.setdefault(metric.label, len(places)))


def _columns(asked: Asked, side: Cut | None, *, several: bool) -> list[Any]:
    from mlmon.cli import units
    from mlmon.cli.output import Column

    columns = [Column("model", lambda row: row["model"])] if several else []
    columns.append(Column("metric", lambda row: row["metric"]))
    if side is not None and side.field is not None:
        columns.append(Column(side.field, lambda row: row["segment"].partition("=")[2] or row["version"]))
    if asked.window != "all":
        columns.append(Column("from", lambda row: units.window_start(row["window_start"], asked.window)))
    columns += [
        Column("value", _value, is_number=True),
        Column("95 % interval", _interval, is_number=True),
        Column("n", lambda row: units.count(row["n"]), is_number=True),
    ]
    if asked.window == "all" or side is None or side.field is None:
        columns.append(Column("outcomes", lambda row: units.ratio(row["coverage"]), is_number=True))
    return columns


def _value(row: Row) -> str:
    from mlmon.cli import units

    return units.metric_value(row["metric"], row["value"]) + ("" if row["final"] else " ~")


def _interval(row: Row) -> str:
    from mlmon.cli import units

    if row["low"] is None or row["high"] is None:
        return ""
    low, high = (units.metric_value(row["metric"], row[side]) for side in ("low", "high"))
    return f"{low.removesuffix(' %')} - {high}"
