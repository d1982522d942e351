"""The metrics that the jobs have stated, read back as series: one point a window."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from mlmon.analyzers.ask import Ask
from mlmon.core import schema
from mlmon.core.clock import isoformat
from mlmon.core.query import AllOf, Equals, OneOf, Scan
from mlmon.core.result import Metric, from_document
from mlmon.core.schema import Dataset
from mlmon.core.store import Reader
from mlmon.core.window import Window

_MONTHS: Final = 12


Named = dict[tuple[str, str], list[Metric]]
"""Series by name and subject, each in the order of its windows."""


def series(
    reader: Reader, ask: Ask, window: Window, names: Sequence[str], *, subjects: bool = False
) -> Named:
    """The final metrics of all traffic in a span.

    Those that speak of a subject, such as a feature, come only where asked for.

    Raises:
        StoreError: the store could not answer.

    """
    return by_part(reader, ask, window, names, subjects=subjects).get(("", ""), {})


def by_part(
    reader: Reader,
    ask: Ask,
    window: Window,
    names: Sequence[str],
    *,
    subjects: bool = False,
    parts: Collection[str] = (),
) -> dict[tuple[str, str], Named]:
    """As `series`, for all traffic and each of its `parts`, of `version` and `segment`; by these two.

    Raises:
        StoreError: the store could not answer.

    """
    wholes = {"version": schema.MODEL_VERSION, "segment": schema.RESULT_SEGMENT}
    whole = [Equals(field, "") for name, field in wholes.items() if name not in parts]
    of_all = () if subjects else (Equals(schema.RESULT_SUBJECT, ""),)
    scan = Scan(
        dataset=Dataset.METRIC,
        window=window,
        where=AllOf(
            (
                Equals(schema.MODEL_NAME, ask.model.name),
                *whole,
                Equals(schema.WINDOW_SIZE, ask.size),
                Equals(schema.METRIC_FINAL, value=True),
                OneOf(schema.METRIC_NAME, tuple(names)),
                *of_all,
            )
        ),
    )
    found: dict[tuple[str, str], Named] = {}
    for documents in reader.scan(scan):
        for document in documents:
            metric = from_document(document)
            if isinstance(metric, Metric):
                part = found.setdefault((metric.version, metric.segment), {})
                part.setdefault((metric.name, metric.subject), []).append(metric)
    return {part: _in_order(named) for part, named in sorted(found.items())}


def _in_order(named: Named) -> Named:
    return {key: sorted(each, key=lambda one: one.window.start) for key, each in sorted(named.items())}


def months(at: datetime, step: int, later: int = 0) -> datetime:
    """The start of the stretch of so many months that a moment is in, or of one so many later.

    >>> months(datetime(2013, 5, 9, tzinfo=UTC), 3).isoformat()
    '2013-04-01T00:00:00+00:00'
    """
    number = (at.year * _MONTHS + at.month - 1) // step + later
    year, month = divmod(number * step, _MONTHS)
    return datetime(year, month + 1, 1, tzinfo=UTC)


def in_words(name: str, value: float | None) -> str:
    """A value of a metric for a sentence; durations in ms.

    >>> in_words("latency_p95", 31_200_000.0), in_words("inferences", 1250.0)
    ('31.2 ms', '1250')
    """
    if value is None:
        return "nothing"
    return f"{value / 1e6:.4g} ms" if name.startswith("latency") else f"{value:.4g}"


def spoken(name: str) -> str:
    """The name of a metric in a sentence.

    >>> spoken("latency_p95")
    'latency p95'
    """
    return name.replace("_", " ")


def drawn(metrics: Sequence[Metric], **columns: Sequence[float | None]) -> dict[str, Any]:
    """A series as the evidence of a finding carries it: starts, values, and columns beside them."""
    return {
        "size": metrics[0].size if metrics else "",
        "start": [isoformat(metric.window.start) for metric in metrics],
        "value": [metric.value for metric in metrics],
        **{name: list(values) for name, values in columns.items()},
    }
