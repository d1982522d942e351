"""Alert rules are judged, remembered and resolved alike, whichever store they ask."""

from datetime import UTC, datetime, timedelta

import pytest

from mlmon.alerts import evaluator, load, memory
from mlmon.alerts.evaluator import Told
from mlmon.alerts.known import Known
from mlmon.core import schema
from mlmon.core.clock import isoformat
from mlmon.core.event import encode
from mlmon.core.query import Equals, Scan
from mlmon.core.result import REFERENCE, Finding, Metric, from_document
from mlmon.core.schema import Dataset
from mlmon.core.window import Window, following

START = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
RULES = """
rules:
  - {name: errors, metric: error_rate, window: 1h, above: 5%, for: 2 of 3}
  - {name: by-carrier, metric: error_rate, window: 1h, above: 5%, segments: carrier=*}
  - {name: worse, metric: mae, window: 1h, rises: 10%, against: reference}
  - {name: odd, metric: latency_p95, window: 1h, rises: 100%, against: seasonal}
  - {name: drift, finding: drift, window: 1h, only_if: [{rule: worse}]}
  - {name: oom, log: {level: error, message: out of memory}, window: 5m, above: 1}
"""


class Nowhere:
    """A place without silences."""

    def read(self) -> None:
        """Give nothing."""

    def write(self, value: bytes) -> None:
        """Forget it."""


def _metric(hour: int, name: str, value: float, size: str = "1h", **more) -> Metric:
    start = START + hour * HOUR
    window = Window(start=start, end=following(start, "1h"))
    return Metric(analyzer="a", model="m", name=name, window=window, size=size, value=value, n=500.0, **more)


def _line(number: int) -> dict:
    return {
        schema.TIMESTAMP: isoformat(START + 2 * HOUR - timedelta(minutes=2)),
        schema.EVENT_ID: f"rules-{number}",
        schema.EVENT_DATASET: str(Dataset.APP),
        schema.LOG_LEVEL: "error",
        schema.MESSAGE: "worker ran out of memory",
        schema.MODEL_NAME: "m",
    }


def _open(store, now: datetime) -> dict[str, str]:
    """Give what is open after a pass, and of what."""
    rules = load.parse(RULES, "trial.yaml")
    known = [Known(name="m", last=now)]
    evaluator.run_once(store, rules, known, place=Nowhere(), to=Told(), now=now)
    return {kept.rule: str(kept.group) for kept in memory.load(store).kept if kept.alert.is_open}


KINDS = {
    "embedded, mixed": None,
    "elasticsearch 9": "elasticsearch_9",
    "elasticsearch 8": "elasticsearch_8",
    "opensearch": "opensearch",
}


@pytest.fixture(
    params=[
        pytest.param(name, marks=() if kind is None else pytest.mark.slow) for name, kind in KINDS.items()
    ]
)
def fresh(request, open_embedded, open_cluster):
    """Give an empty store of each kind."""
    kind = KINDS[request.param]
    return open_embedded() if kind is None else open_cluster(kind)


def test_rules_say_the_same_on_every_store(fresh):
    """Metrics, segments, the reference, the season, findings and log lines are judged, and end."""
    window = Window(start=START + HOUR, end=START + 2 * HOUR)
    fresh.put(
        [
            *(_metric(hour, "error_rate", 0.2) for hour in (0, 1)),
            *(_metric(hour, "error_rate", 0.2, segment="carrier=UA") for hour in (0, 1)),
            *(_metric(hour, "error_rate", 0.01, segment="carrier=AA") for hour in (0, 1)),
            *(_metric(1, "mae", value, size) for value, size in ((1.2, "1h"), (1.0, REFERENCE))),
            *(_metric(hour - 168 * week, "latency_p95", 1e8) for week in (1, 2) for hour in (1, 2, 3)),
            _metric(1, "latency_p95", 3e8),
            Finding(
                analyzer="drift", model="m", metric="psi", subject="temp", size="1h", window=window,
                value=0.4, bound=0.1, n=500, message="temp has drifted.",
            ),
        ]
    )  # fmt: skip
    fresh.write([encode(_line(number)) for number in range(2)])
    now = START + 2 * HOUR
    expected = {
        "errors": "m", "by-carrier": "m, carrier=UA", "worse": "m", "odd": "m", "drift": "m, temp",
        "oom": "m",
    }  # fmt: skip
    assert _open(fresh, now) == expected
    assert _open(fresh, now) == expected
    fresh.put(
        [
            *(_metric(hour, "error_rate", 0.01) for hour in (2, 3)),
            *(_metric(hour, "error_rate", 0.01, segment="carrier=UA") for hour in (2, 3)),
            *(_metric(hour, name, 1.0) for hour in (2, 3) for name in ("mae", "latency_p95")),
        ]
    )
    assert _open(fresh, now + 2 * HOUR) == {}
    scan = Scan(dataset=Dataset.FINDING, where=Equals(schema.RESULT_ANALYZER, "rule:errors"))
    [found] = [from_document(document) for documents in fresh.scan(scan) for document in documents]
    assert isinstance(found, Finding)
    assert (found.state, found.value, found.bound) == ("resolved", 0.2, 0.05)
