"""`mlmon models`: every model at a glance."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import click

from mlmon.cli.options import SCOPE, Asked, asks, examples, now, settings, span

if TYPE_CHECKING:
    from datetime import datetime

    from mlmon.cli.wiring_analyze import Model
    from mlmon.core.config import Config
    from mlmon.core.query import Row
    from mlmon.core.store import Reader

_KEYS: Final = (
    "model", "versions", "task", "inferences", "error_rate", "latency_p95", "performance", "value", "low",
    "high", "coverage", "final", "findings", "first", "last",
)  # fmt: skip
_HEADLINES: Final = ("roc_auc", "f1_macro", "mae", "accuracy")
_ANALYZERS: Final = ("service", "outcomes", "performance")


@click.command(
    epilog=examples("mlmon models", "mlmon models --since 7d", "mlmon models --format json"),
)
@asks(*SCOPE, "format")
def command(asked: Asked) -> None:
    """Show every model at a glance.

    Traffic, errors, latency, performance, outcomes and findings, over the time from --since to --until;
    without them, over all there is. Performance is one headline metric: ROC AUC, macro F1 or mean absolute
    error, by the model's task.
    """
    from mlmon.cli import output, wiring
    from mlmon.cli.models import NO_EVENTS, chosen_models

    config = settings(asked)
    with wiring.reading(config) as reader:
        found = chosen_models(reader, config, asked)
        moment = now()
        rows = (row for model in found for row in _rows(reader, config, asked, model, moment))
        output.write(
            rows,
            asked.format,
            keys=_KEYS,
            columns=_columns(moment),
            empty=NO_EVENTS.format(url=reader.url) if not found else "No model served anything in that time.",
            hint="Next: mlmon findings says what is wrong; mlmon metrics --model NAME gives the numbers.",
        )


def _rows(reader: Reader, config: Config, asked: Asked, model: Model, moment: datetime) -> Iterator[Row]:
    from mlmon.cli import findings, wiring_analyze

    window = span(asked) or model.served
    if window is None:
        return
    version = asked.version or ""
    made = wiring_analyze.metrics(
        reader,
        model,
        window,
        size="all",
        by=(),
        version=version,
        now=moment,
        config=config,
        analyzers=_ANALYZERS,
    )
    by_name = {metric.label: metric for metric in made}
    if "inferences" not in by_name:
        return
    of_all = version if len(model.versions) > 1 else ""
    last = min(window.end, model.last or window.end)
    headline: Any = next((by_name[name] for name in _HEADLINES if name in by_name), None)
    row = {name: by_name[name].value if name in by_name else None for name in ("inferences", "error_rate")}
    yield row | {
        "model": model.name,
        "versions": [version] if version else list(model.versions),
        "task": model.task,
        "latency_p95": by_name["latency_p95"].value if "latency_p95" in by_name else None,
        "performance": headline.name if headline else None,
        "value": headline.value if headline else None,
        "low": headline.low if headline else None,
        "high": headline.high if headline else None,
        "coverage": by_name["coverage"].value if "coverage" in by_name else None,
        "final": headline.final if headline else None,
        "findings": findings.count_open(reader, model.name, of_all, last),
        "first": model.first,
        "last": model.last,
    }


def _columns(moment: datetime) -> list[Any]:
    from mlmon.cli import units
    from mlmon.cli.output import Column

    return [
        Column("model", lambda row: row["model"], wraps=True),
        Column("served", lambda row: units.count(row["inferences"]), is_number=True),
        Column("errors", lambda row: units.ratio(row["error_rate"]), is_number=True),
        Column("p95", lambda row: units.duration_ns(row["latency_p95"]), is_number=True),
        Column("performance", _performance, is_number=True),
        Column("outcomes", lambda row: units.ratio(row["coverage"]), is_number=True),
        Column("open", lambda row: units.count(row["findings"]), is_number=True),
        Column("last", lambda row: units.ago(row["last"], moment), is_number=True),
    ]


def _performance(row: Row) -> str:
    from mlmon.cli import units

    if row["performance"] is None:
        return units.NOTHING
    not_final = "" if row["final"] else " ~"
    return f"{units.metric_value(row['performance'], row['value'])}{not_final}\n{row['performance']}"
