import asyncio
import re
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from msgspec.structs import replace

from mlmon.core import schema
from mlmon.core.result import Finding
from mlmon.core.schema import Dataset
from mlmon.stores.embedded import open_store
from mlmon.web import sparkline
from mlmon.web.app import app

MANY = 12


@pytest.fixture(scope="module")
def several(example, tmp_path_factory):
    """Give a store of twelve models with results, of which the fifth has findings."""
    store = open_store(tmp_path_factory.mktemp("several"))
    late = [one for one in example.results(example.LATE, example.random.Random(1)) if not one.version]
    calm = [one for one in late if not isinstance(one, Finding)]
    for place in range(MANY):
        results = late if place == 5 else calm
        store.put(
            [
                replace(one, model=f"model-{place:02d}", value=one.value * (place + 1))
                if getattr(one, "name", "") in ("inferences", "error_rate", "latency_p95")
                else replace(one, model=f"model-{place:02d}")
                for one in results
            ]
        )
        served = example._base(f"model-{place:02d}", Dataset.INFERENCE, 0, example.NOW)
        store.write([example.to_event(served | {schema.INFERENCE_ID: "x"})])
    yield store
    store.close()


def names(several, clock, path: str) -> list[str]:
    """Give the models of a page in its order, without those that it hides."""

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=app(several, clock=clock))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.get(path)

    with ThreadPoolExecutor(1) as apart:  # the browser's driver may have a loop on this thread
        page = apart.submit(asyncio.run, ask()).result()
    assert page.status_code == 200, page.text
    return re.findall(r'data-words="(\S+) [^"]+">', page.text)


def test_what_fires_comes_first(several, clock):
    """Without a wish the worst model is on top, and the others follow by name."""
    assert names(several, clock, "/")[:2] == ["model-05", "model-00"]


@pytest.mark.parametrize("sort", ["traffic", "errors", "latency"])
def test_the_address_orders_the_models(several, clock, sort):
    """By a number, the largest is on top."""
    assert names(several, clock, f"/?sort={sort}") == [f"model-{place:02d}" for place in range(MANY)][::-1]


def test_the_address_filters_the_models(several, clock):
    """Every word has to be in the name or the state."""
    assert names(several, clock, "/?q=FIRING") == ["model-05"]
    assert names(several, clock, "/?q=model+1&sort=name") == ["model-01", "model-10", "model-11"]
    assert names(several, clock, "/?q=fine+05") == []


def test_a_line_of_many_values_is_thinned_and_keeps_its_gaps():
    """A year of days is drawn by as many points as there is room for; what is unknown stays a gap."""
    days = [float(day) for day in range(360)]
    drawn = str(sparkline.svg([*days[:100], *[None] * 60, *days[160:]], "days"))
    assert drawn.count("L") + drawn.count("M") <= sparkline.WIDTH // 2
    assert drawn.count("M") == 2
