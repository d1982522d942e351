from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from mlmon.analyzers import live
from mlmon.analyzers.models import models
from mlmon.core.errors import UsageError
from mlmon.core.window import Window

START = datetime(2030, 3, 4, tzinfo=UTC)
SPAN = Window(start=START, end=START + timedelta(days=1))
NOW = START + timedelta(days=3)


def ask(store, span=SPAN, **options):
    """The service metrics of each label and segment or version."""
    found = live.metrics(store, models(store)[0], span, now=NOW, analyzers=("service",), **options)
    return {(metric.version, metric.segment, metric.label): metric for metric in found}


def test_traffic_errors_and_latency(store, service):
    """Counts, the failing share with its interval, and quantiles with theirs."""
    rng = np.random.default_rng(1)
    durations = rng.integers(1_000, 9_000, size=500)
    store.write(
        [
            service.inference(
                f"i{k}", START + timedelta(minutes=2 * k), EVENT_DURATION=int(durations[k]),
                EVENT_OUTCOME="failure" if k % 10 == 0 else "success", SAMPLE_WEIGHT=2.0,
            )
            for k in range(500)
        ]
    )  # fmt: skip
    found = ask(store)
    assert found["", "", "inferences"].value == 1_000
    errors = found["", "", "error_rate"]
    assert errors.value == pytest.approx(0.1)
    assert errors.low < 0.1 < errors.high
    for name, p in (("latency_p50", 0.5), ("latency_p95", 0.95), ("latency_p99", 0.99)):
        metric = found["", "", name]
        assert metric.value == pytest.approx(np.quantile(durations, p))
        assert metric.low <= metric.value <= metric.high


def test_by_version_and_segment(store, service):
    """Each version and each value of a field has results, and they add up to the whole."""
    store.write(
        [
            service.inference(
                f"i{k}", START + timedelta(minutes=k), MODEL_VERSION="1" if k < 30 else "2",
                SEGMENT={"origin": ["JFK", "LGA"][k % 2]},
            )
            for k in range(100)
        ]
    )  # fmt: skip
    found = ask(store, by=("version", "origin"))
    count = {key[:2]: metric.value for key, metric in found.items() if key[2] == "inferences"}
    assert count == {
        ("", ""): 100, ("1", ""): 30, ("2", ""): 70, ("", "origin=JFK"): 50, ("", "origin=LGA"): 50
    }  # fmt: skip
    alone = ask(store, version="2")
    assert alone["2", "", "inferences"].value == 70


def test_too_many_failures_are_a_finding(store, service):
    """One failure in five is far above the bound, even at the lower end of its interval."""
    store.write(
        [
            service.inference(
                f"i{k}", START + timedelta(minutes=k), EVENT_OUTCOME="success" if k % 5 else "failure"
            )
            for k in range(300)
        ]
    )
    [finding] = live.findings(store, models(store)[0], SPAN, now=NOW)
    assert (finding.metric, finding.severity) == ("error_rate", "critical")
    assert finding.low is not None
    assert finding.bound is not None
    assert finding.low > finding.bound


def test_silence_is_the_longest_gap(store, service):
    """A gap counts in every window it goes on in, from its beginning."""
    minutes = [*range(0, 600, 10), *range(24 * 60 + 300, 24 * 60 + 900, 10)]
    store.write([service.inference(f"i{k}", START + timedelta(minutes=m)) for k, m in enumerate(minutes)])
    span = Window(start=START, end=START + timedelta(days=2))
    found = [
        metric
        for metric in live.metrics(store, models(store)[0], span, now=NOW, analyzers=("service",))
        if metric.name == "silence"
    ]
    assert [metric.value for metric in found] == [850 * 60, (850 + 300) * 60]


def test_an_unusual_silence_is_a_finding(store, service):
    """After two weeks of hourly traffic, a day without any is a finding; a night as usual is none."""
    hours = [day * 24 + hour for day in range(16) for hour in range(6, 24) if day != 14]
    store.write([service.inference(f"i{h}", START + timedelta(hours=h)) for h in hours])
    span = Window(start=START, end=START + timedelta(days=16))
    found = list(live.findings(store, models(store)[0], span, now=START + timedelta(days=16)))
    assert {finding.metric for finding in found} == {"silence"}
    assert [finding.window.start for finding in found] == [START + timedelta(days=k) for k in (14, 15)]


@pytest.mark.parametrize(
    "options", [{"size": "2d"}, {"by": ("carier",)}, {"version": "", "analyzers": ("drif",)}]
)
def test_what_there_is_none_of_is_named(store, service, options):
    """An unknown size, field or analyzer is an error that lists the known ones."""
    store.write([service.inference("i", START, SEGMENT={"carrier": "UA"})])
    with pytest.raises(UsageError, match="Choose"):
        list(live.metrics(store, models(store)[0], SPAN, now=NOW, **options))
