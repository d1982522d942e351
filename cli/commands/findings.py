"""`mlmon findings`: what is wrong, since when, and how sure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from mlmon.cli.options import SCOPE, Asked, asks, chosen, examples, settings, span

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlmon.cli.models import Cut
    from mlmon.core.query import Filter, Row
    from mlmon.core.result import Finding

_KEYS: Final = (
    "model", "version", "segment", "metric", "window_start", "window_end", "window", "value", "bound", "low",
    "high", "n", "severity", "state", "analyzer", "message", "evidence",
)  # fmt: skip
_STATES: Final = ("open", "firing", "resolved", "all")


@click.command(
    epilog=examples(
        "mlmon findings",
        "mlmon findings --since 7d --fail        # exit code 1 if there are any",
        "mlmon findings --state open --severity critical",
        "mlmon findings --state all --window month --format json",
    ),
)
@asks(*SCOPE, "window", "by", "format")
@click.option(
    "--state",
    type=click.Choice(_STATES),
    default="firing",
    show_default=True,
    help="Which ones; 'open' are those that fire in the newest window of their size.",
)
@click.option(
    "--severity", type=click.Choice(["info", "warning", "critical"]), help="Only those at least as severe."
)
@click.option("--fail", is_flag=True, help="End with exit code 1 if there are any.")
def command(asked: Asked, state: str, severity: str | None, *, fail: bool) -> None:
    """Print what the analyzers found wrong, newest first.

    The table has a line a thing that is wrong: since when, in how many windows, and the newest of them. The
    other formats have every window. --window picks the size of the windows judged; 'all' shows every size.
    --by shows those of single segments, versions or of one feature.
    """
    from mlmon.cli import findings, output, wiring
    from mlmon.cli.models import chosen_models, cut, of_results
    from mlmon.core.result import is_open

    config = settings(asked)
    with wiring.reading(config) as reader:
        models = chosen_models(reader, config, asked)
        side = cut(reader, models, asked.by) if models else None
        filters = _filters(of_results(asked, models), side, state, severity)
        last = {model.name: model.last for model in models}
        found = (
            finding
            for finding in findings.stored(reader, filters, span(asked))
            if _is_on(finding, side) and (state != "open" or is_open(finding, last.get(finding.model)))
        )
        rows = map(_row, found)
        count = output.write(
            _told(rows) if asked.format == "table" else rows,
            asked.format,
            keys=_KEYS,
            columns=_columns(several=len(models) > 1),
            empty=_empty(reader.url, is_empty=not models),
            hint="Next: mlmon metrics --model NAME --by FIELD shows where; mlmon serve draws it.",
        )
    if fail and count:
        click.get_current_context().exit(1)


def _empty(url: str, *, is_empty: bool) -> str:
    from mlmon.cli.models import NO_EVENTS

    if is_empty:
        return NO_EVENTS.format(url=url)
    return (
        "Nothing found. mlmon doctor says whether events arrive; "
        "drift needs a reference: mlmon reference show."
    )


def _filters(asked: Asked, side: Cut | None, state: str, severity: str | None) -> list[Filter]:
    from mlmon.core import schema
    from mlmon.core.query import Equals, OneOf
    from mlmon.core.result import Severity

    filters: list[Filter] = []
    if where := chosen(asked):
        filters.append(where)
    if state != "all":
        filters.append(Equals(schema.FINDING_STATE, "firing" if state == "open" else state))
    if severity is not None:
        ranks = [str(each) for each in Severity]
        filters.append(OneOf(schema.FINDING_SEVERITY, tuple(ranks[ranks.index(severity) :])))
    if asked.window != "all":
        filters.append(Equals(schema.WINDOW_SIZE, asked.window))
    if side is not None and side.feature is not None:
        filters.append(Equals(schema.RESULT_SUBJECT, side.feature))
    return filters


def _is_on(finding: Finding, side: Cut | None) -> bool:
    if side is None or side.field is None:
        return True
    return bool(finding.version) if side.field == "version" else finding.segment.startswith(f"{side.field}=")


def _row(finding: Finding) -> Row:
    return {
        "model": finding.model,
        "version": finding.version,
        "segment": finding.segment,
        "metric": finding.label,
        "window_start": finding.window.start,
        "window_end": finding.window.end,
        "window": finding.size,
        "value": finding.value,
        "bound": finding.bound,
        "low": finding.low,
        "high": finding.high,
        "n": finding.n,
        "severity": str(finding.severity),
        "state": str(finding.state),
        "analyzer": finding.analyzer,
        "message": finding.message,
        "evidence": finding.evidence,
    }


def _told(rows: Iterable[Row]) -> Iterable[Row]:
    """A row a thing, the newest of its windows, with the start of the first and how many there are."""
    told: dict[tuple[str, ...], Row] = {}
    for row in rows:
        key = tuple(row[name] for name in ("model", "version", "segment", "metric", "state"))
        first = told.setdefault(key, {**row, "windows": 0})
        first["windows"] += 1
        first["since"] = min(first.get("since", row["window_start"]), row["window_start"])
    return told.values()


def _columns(*, several: bool) -> list[Any]:
    from mlmon.cli import units
    from mlmon.cli.output import Column

    def when(row: Row) -> str:
        many = f"{row['windows']:,} windows" if row["windows"] > 1 else f"one {row['window']}"
        return f"{row['since']:%Y-%m-%d}\n{many}"

    columns = [
        Column("", lambda row: row["severity"] if row["state"] == "firing" else "resolved"),
        Column("since", when),
    ]
    if several:
        columns.append(Column("model", lambda row: row["model"], wraps=True))
    return [
        *columns,
        Column("what", lambda row: "\n".join(filter(None, (row["metric"], row["segment"], row["version"])))),
        Column("value", lambda row: units.metric_value(row["metric"], row["value"]), is_number=True),
        Column("found", lambda row: row["message"], wraps=True),
    ]
