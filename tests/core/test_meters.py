from datetime import UTC, datetime

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mlmon.core import health, meters
from mlmon.core.exposition import render
from mlmon.core.health import Part, Report
from mlmon.core.meters import METERS

AT = datetime(2013, 3, 1, tzinfo=UTC)


def _report(part, counters=None, gauges=None):
    return Report(
        part=part, id="ab", number=0, at=AT, started=AT, counters=counters or {}, gauges=gauges or {}
    )


def test_every_number_of_a_report_becomes_a_metric():
    """Counters end in `_total`, a reason becomes a label, and the labels of the part stay."""
    report = _report(
        Part.PRODUCER, {health.EMITTED: 9, "dropped_spool_full": 2, "dropped_http_413": 1}, {health.QUEUED: 4}
    )
    text = render(meters.families([({"model": "m"}, report)]))
    read = {
        (sample.name, *sample.labels.items()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert read == {
        ("mlmon_producer_emitted_total", ("model", "m")): 9,
        ("mlmon_producer_dropped_total", ("model", "m"), ("reason", "spool_full")): 2,
        ("mlmon_producer_dropped_total", ("model", "m"), ("reason", "http_413")): 1,
        ("mlmon_producer_queued", ("model", "m")): 4,
    }


@pytest.mark.parametrize("part", Part)
def test_a_part_tells_its_own_numbers_only(part):
    """The same name in another part's report is another metric."""
    numbers = {meter.name: 1.0 for meter in METERS}
    text = render(meters.families([({}, _report(part, numbers, numbers))]))
    names = {family.name for family in text_string_to_metric_families(text)}
    assert names == {meter.metric for meter in METERS if meter.part is part}


def test_each_meter_has_a_name_of_its_own():
    """No two meters become one metric."""
    assert len({meter.metric for meter in METERS}) == len(METERS)
