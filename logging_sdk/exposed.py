"""The loggers of this process as Prometheus reads them, for a service that serves `/metrics` itself.

from prometheus_client import generate_latest
from mlmon.logging_sdk import metrics

def serve_metrics():
    return generate_latest() + metrics().encode()
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from mlmon.core import health, meters, schema
from mlmon.core.clock import to_datetime
from mlmon.core.exposition import Form, render
from mlmon.core.health import Part, Report
from mlmon.core.schema import Dataset
from mlmon.logging_sdk.health import Measured
from mlmon.logging_sdk.outlet import Outlet, outlets

_NEVER: Final = to_datetime(0)
_LABELS: Final = {schema.MODEL_NAME: "model", schema.MODEL_VERSION: "version"}


def metrics(form: Form = Form.TEXT) -> str:
    """The counts of all loggers of this process, by model and version, in Prometheus' text format.

    It reads counters and sends nothing, so it may be called as often as one likes, from any thread. Append
    it to what the service already serves; every name starts with `mlmon_producer_`.
    """
    loggers: defaultdict[tuple[str, str], list[Measured]] = defaultdict(list)
    for outlet in outlets():
        loggers[_key(outlet)].append(outlet.measured())
    reports = [
        (dict(zip(_LABELS.values(), key, strict=True)), _together(loggers[key])) for key in sorted(loggers)
    ]
    return render(meters.families(reports), form)


def _key(outlet: Outlet) -> tuple[str, str]:
    fields = outlet.producer.fields(Dataset.HEALTH)
    model, version = (str(fields.get(field, "")) for field in _LABELS)
    return model, version


def _together(loggers: Iterable[Measured]) -> Report:
    """Several loggers of one model and version as one: counts add up, the longest wait counts."""
    counters: defaultdict[str, float] = defaultdict(float)
    gauges: defaultdict[str, float] = defaultdict(float)
    for each in loggers:
        for name, value in each.counters.items():
            counters[name] += value
        for name, value in each.gauges.items():
            is_wait = name == health.OLDEST_SECONDS
            gauges[name] = max(gauges[name], value) if is_wait else gauges[name] + value
    return Report(
        part=Part.PRODUCER, id="", number=0, at=_NEVER, started=_NEVER, counters=counters, gauges=gauges
    )
