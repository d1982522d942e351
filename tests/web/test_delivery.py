"""The panel that says whether every event arrived."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.core import schema
from mlmon.core.clock import to_ns
from mlmon.core.event import encode
from mlmon.core.result import Metric
from mlmon.core.schema import Dataset
from mlmon.core.window import Window
from mlmon.stores.embedded import open_store
from mlmon.web import delivery
from mlmon.web.app import app
from mlmon.web.delivery import PLACES, Place
from mlmon.web.report import render_report

NOW = datetime(2013, 5, 20, 12, tzinfo=UTC)
START = NOW - timedelta(days=3)


@pytest.fixture
def counted(tmp_path):
    """Give a function that makes a store with a model and the counts of its services."""
    stores = []

    def made(**services):
        store = open_store(tmp_path / "store", clock=lambda: to_ns(NOW))
        stores.append(store)
        store.write(
            [
                encode(
                    {
                        schema.TIMESTAMP: START,
                        schema.EVENT_ID: "a-0",
                        schema.EVENT_DATASET: str(Dataset.INFERENCE),
                        schema.EVENT_OUTCOME: "success",
                        schema.LOG_LEVEL: "info",
                        schema.MODEL_NAME: "m",
                        schema.INFERENCE_ID: "i",
                    }
                )
            ]
        )
        window = Window(start=START, end=NOW)
        store.put(
            [
                Metric(
                    analyzer="delivery", model="m", subject=service, name=name, window=window, size="all",
                    value=float(value), n=0.0,
                )
                for service, counts in services.items()
                for name, value in counts.items()
            ]
        )  # fmt: skip
        return store

    yield made
    for store in stores:
        store.close()


def page(store, path: str) -> str:
    """The HTML of a page."""

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=app(store, clock=lambda: to_ns(NOW)))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.get(path)

    # A browser of another test may have left its loop in this thread.
    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(asyncio.run, ask()).result()
    assert answer.status_code == 200
    return answer.text


def test_the_services_of_a_model_add_up(counted):
    """The account of a model is that of all its services, in the order from stored to unknown."""
    store = counted(
        api={"emitted": 100, "stored": 95, "missing": 5}, batch={"emitted": 10, "stored": 8, "dropped": 2}
    )
    found = delivery.read(store, "m")
    assert found is not None
    assert [(place.name, place.count) for place in found.places] == [
        ("stored", 103), ("dropped", 2), ("missing", 5)
    ]  # fmt: skip
    assert (found.made, found.unknown, found.since) == (110, 5, START)
    assert delivery.read(store, "another") is None


def test_unknown_events_are_said_on_page_and_report(counted):
    """Overview, model page and report say how many events are unknown and what shows whose."""
    store = counted(api={"stored": 95, "missing": 5})
    for html in (page(store, "/"), page(store, "/models/m"), render_report(store, clock=lambda: to_ns(NOW))):
        assert "<b>5</b><span>unknown</span>" in html
        assert "Of 100 events since" in html
        assert 'aria-label="95 stored, 5 unknown"' in html
        assert "mlmon accounting" in html


def test_a_calm_delivery(counted):
    """Where nothing is lost, the panel says so."""
    html = page(counted(api={"stored": 1000, "sampled_out": 20}), "/models/m")
    assert "<b>0</b><span>unknown</span>" in html
    assert "Every event is accounted for." in html


def test_without_an_account_there_is_no_panel(counted):
    """Where the jobs have not counted, the page does not claim anything."""
    store = counted()
    assert "Did every event arrive?" not in page(store, "/")
    assert "Did every event arrive?" not in page(store, "/models/m")


@given(st.lists(st.floats(1, 1e9), min_size=1, max_size=len(PLACES)))
def test_every_place_is_seen(counts):
    """However few events a place has, it is drawn; all places together are as wide as the bar."""
    places = [Place(name=f"{k}", word="w", count=count, share="") for k, count in enumerate(counts)]
    wide = delivery.widths(places)
    assert all(each >= 5 for each in wide)
    assert sum(wide) == pytest.approx(1000, abs=0.5)
