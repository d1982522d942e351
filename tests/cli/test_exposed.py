from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mlmon.cli import exposed, reports
from mlmon.core import health, schema
from mlmon.core.clock import to_ns
from mlmon.core.config import Config
from mlmon.core.event import encode
from mlmon.core.exposition import render
from mlmon.core.health import Part, Report
from mlmon.stores.embedded import open_store

NOW = datetime(2013, 5, 20, 12, tzinfo=UTC)


@pytest.fixture
def told(tmp_path):
    """Give a store and a function that writes a report into it at a moment."""
    at = [NOW]
    with_reports = open_store(tmp_path / "told", clock=lambda: to_ns(at[0]))

    def tell(part, part_id, number, ago, counters=None, gauges=None, *, started=timedelta(days=30), **more):
        at[0] = NOW - ago
        report = Report(
            part=part, id=part_id, number=number, at=at[0], started=NOW - started,
            counters=counters or {}, gauges=gauges or {},
        )  # fmt: skip
        fields = {getattr(schema, name): value for name, value in more.items()}
        with_reports.write([encode(health.to_document(report, fields))])

    yield with_reports, tell
    with_reports.close()


def test_the_latest_report_of_each_live_part_counts(told):
    """Of several reports the latest is told, and of a part that has been quiet for ten minutes none."""
    store, tell = told
    tell(Part.PRODUCER, "gone", 0, timedelta(minutes=11), {"emitted": 1}, MODEL_NAME="m", SERVICE_NAME="s")
    tell(Part.PRODUCER, "a", 4, timedelta(minutes=2), {"emitted": 5}, {"queued": 9}, MODEL_NAME="m")
    tell(Part.COLLECTOR, "c", 0, timedelta(seconds=90), {"stored": 7}, HOST_NAME="box")
    tell(Part.PRODUCER, "a", 5, timedelta(minutes=1), {"emitted": 6}, {"queued": 0}, MODEL_NAME="m")
    found = reports.live(store, NOW)
    assert [(one.report.id, one.report.number) for one in found] == [("c", 0), ("a", 5)]
    assert [one.labels for one in found] == [{"host": "box"}, {"model": "m", "producer": "a"}]
    text = render(exposed.families(store, Config(), NOW))
    read = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert read == {
        ("mlmon_producer_emitted_total", "m", "a"): 6,
        ("mlmon_producer_queued", "m", "a"): 0,
        ("mlmon_collector_stored_total", "box"): 7,
    }


def test_what_grew_lately_is_not_what_was_always_so(told):
    """An old producer's counts begin at its first report of the day, those of a new one at 0."""
    store, tell = told
    tell(Part.PRODUCER, "old", 9, timedelta(days=2), {"dropped_spool_full": 40}, MODEL_NAME="m")
    tell(Part.PRODUCER, "old", 10, timedelta(hours=20), {"dropped_spool_full": 50}, MODEL_NAME="m")
    tell(Part.PRODUCER, "old", 11, timedelta(hours=1), {"dropped_spool_full": 53}, MODEL_NAME="m")
    tell(
        Part.PRODUCER, "new", 0, timedelta(hours=2), {"dropped_http_413": 2, "emitted": 9},
        MODEL_NAME="m", started=timedelta(hours=3),
    )  # fmt: skip
    tell(Part.PRODUCER, "same", 7, timedelta(hours=3), {"emitted": 8}, MODEL_NAME="m")
    found = {one.labels["producer"]: one.counters for one in reports.grown(store, NOW)}
    assert found == {
        "old": {"dropped_spool_full": 3},
        "new": {"dropped_http_413": 2, "emitted": 9},
        "same": {},
    }


def test_a_store_without_reports_tells_of_its_models(store):
    """A model's last event and how long its oldest event has waited for a pass are told in any case."""
    with closing(open_store(store, read_only=True)) as reader:
        text = render(exposed.families(reader, Config(), NOW))
    families = {family.name: family.samples for family in text_string_to_metric_families(text)}
    assert set(families) == {"mlmon_model_last_event_timestamp_seconds", "mlmon_model_lag_seconds"}
    [last] = families["mlmon_model_last_event_timestamp_seconds"]
    assert last.labels == {"model": "flight-delay"}
    assert NOW - timedelta(days=30) < datetime.fromtimestamp(last.value, UTC) <= NOW
    assert [sample.value for sample in families["mlmon_model_lag_seconds"]] == [0.0]
