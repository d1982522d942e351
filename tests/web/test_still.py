import json
from datetime import UTC, datetime, timedelta

from mlmon.core.clock import to_ns
from mlmon.core.panel import Unit
from mlmon.web.still import still

START = datetime(2026, 3, 2, tzinfo=UTC)


def row(place: int, value: float | None) -> dict:
    """Give the hour at a place."""
    start = to_ns(START + place * timedelta(hours=1)) // 1_000_000
    known = {} if value is None else {"low": value * 0.9, "high": value * 1.1}
    more = {"value": value, "low": None, "high": None, "limit": 250e6, "breach": (value or 0) > 250e6}
    return {"start": start} | more | known


def test_the_picture_of_an_alert(golden):
    """The windows stand with their bound and their interval, in a unit that suits."""
    spec = still("slow: fraud", "p95 latency", [row(0, 180e6), row(1, 300e6), row(2, None)], Unit.NANOSECONDS)
    assert spec is not None
    assert [each["value"] for each in spec["data"]["values"]] == [180, 300, None]
    golden("web/still.json", json.dumps(spec, indent=2) + "\n")


def test_nothing_to_draw_is_no_picture():
    """Windows without a value make no chart."""
    assert still("a", "b", [row(0, None)], Unit.PLAIN) is None
