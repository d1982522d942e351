"""The metrics a command line asks for: those the jobs stored where there are any, else computed now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from itertools import groupby
from typing import TYPE_CHECKING, Final

from mlmon.cli import wiring_analyze
from mlmon.cli.models import VERSION, Cut
from mlmon.cli.options import Asked, now, span
from mlmon.core import schema
from mlmon.core.config import Config
from mlmon.core.query import AllOf, Equals, Filter, Row, Scan
from mlmon.core.result import Metric, from_document
from mlmon.core.schema import Dataset
from mlmon.core.store import Reader
from mlmon.core.window import Window

if TYPE_CHECKING:
    from mlmon.cli.wiring_analyze import Model

KEYS: Final = (
    "model", "version", "segment", "metric", "window_start", "window_end", "value", "n", "low", "high",
    "coverage", "final",
)  # fmt: skip
HEADLINES: Final = (
    "inferences", "error_rate", "latency_p50", "latency_p95", "coverage", "outcome_delay_p50",
    "accuracy", "precision", "recall", "f1", "roc_auc", "log_loss", "brier", "calibration_error",
    "f1_macro", "mae", "rmse", "bias", "r2", "psi[*]",
)  # fmt: skip
"""What a table shows where no metric was named; the other forms always give all."""


def asked_for(
    reader: Reader, config: Config, asked: Asked, models: Sequence[Model], cut: Cut, patterns: Sequence[str]
) -> Iterator[Metric]:
    """The metrics of the models, in the order model, window, version, segment, metric."""
    for model in models:
        for metric in _of_model(reader, config, asked, model, cut):
            if is_wanted(metric, cut) and (not patterns or is_named(metric, patterns)):
                yield metric


def is_named(metric: Metric, patterns: Iterable[str]) -> bool:
    """Whether one of the patterns fits: `psi*`, `psi[temp]`, `psi` for all its subjects."""
    return any(
        fnmatchcase(metric.label, pattern.replace("[", "[[]")) or pattern == metric.name
        for pattern in patterns
    )


def is_wanted(metric: Metric, cut: Cut) -> bool:
    """Whether a metric is on the side of the cut: its field's segments, its versions, its feature."""
    if cut.feature is not None:
        return metric.subject == cut.feature and not metric.segment
    if cut.field is None:
        return not metric.segment
    if cut.field == VERSION:
        return bool(metric.version) and not metric.segment
    return metric.segment.startswith(f"{cut.field}=")


def to_row(metric: Metric) -> Row:
    """A metric under the keys that machines read."""
    return {
        "model": metric.model,
        "version": metric.version,
        "segment": metric.segment,
        "metric": metric.label,
        "window_start": metric.window.start,
        "window_end": metric.window.end,
        "value": metric.value,
        "n": metric.n,
        "low": metric.low,
        "high": metric.high,
        "coverage": metric.coverage,
        "final": metric.final,
    }


def _of_model(reader: Reader, config: Config, asked: Asked, model: Model, cut: Cut) -> Iterator[Metric]:
    is_found = False
    if _may_be_stored(config, asked, model, cut):
        for metric in stored(reader, _filters(asked, model, cut), span(asked)):
            is_found = True
            yield metric
    window = span(asked) or model.served
    if is_found or window is None:
        return
    whole = model.served
    if asked.window != "all" and whole is not None:
        start, end = max(window.start, whole.start), min(window.end, whole.end)
        if start >= end:
            return
        window = Window(start=start, end=end)
    by = (cut.field,) if cut.field is not None else ()
    computed = wiring_analyze.metrics(
        reader, model, window, size=asked.window, by=by, version=asked.version or "", now=now(), config=config
    )
    # Order is by window, and one analyzer comes after the other, so all of one model is held here.
    yield from sorted(computed, key=lambda metric: (metric.window.start, metric.version, metric.segment))


def _may_be_stored(config: Config, asked: Asked, model: Model, cut: Cut) -> bool:
    """Whether the jobs write such rows: hours have no segments, and a single version no rows of its own."""
    if asked.window not in config.analyze.windows:
        return False
    if (asked.version is not None or cut.field == VERSION) and len(model.versions) < 2:  # noqa: PLR2004 - several
        return False
    return asked.window != "1h" or cut.field in (None, VERSION)


def _filters(asked: Asked, model: Model, cut: Cut) -> list[Filter]:
    filters: list[Filter] = [
        Equals(schema.MODEL_NAME, model.name),
        Equals(schema.WINDOW_SIZE, asked.window),
    ]
    if cut.field != VERSION:
        filters.append(Equals(schema.MODEL_VERSION, asked.version or ""))
    elif asked.version:
        filters.append(Equals(schema.MODEL_VERSION, asked.version))
    if cut.field in (None, VERSION):
        filters.append(Equals(schema.RESULT_SEGMENT, ""))
    if cut.feature is not None:
        filters.append(Equals(schema.RESULT_SUBJECT, cut.feature))
    return filters


def stored(reader: Reader, filters: Sequence[Filter], window: Window | None) -> Iterator[Metric]:
    """Stored metrics that pass all filters, ordered by window, version, segment and analyzer."""
    scan = Scan(dataset=Dataset.METRIC, window=window, where=AllOf(tuple(filters)))
    documents = (document for batch in reader.scan(scan) for document in batch)
    metrics = (made for document in documents if isinstance(made := from_document(document), Metric))
    for _, together in groupby(metrics, key=lambda metric: metric.window.start):
        yield from sorted(together, key=_order)


def _order(metric: Metric) -> tuple[str, str, int, str, str]:
    place = {"service": 0, "outcomes": 1, "performance": 2, "drift": 3}.get(metric.analyzer, 4)
    return metric.version, metric.segment, place, metric.name, metric.subject
