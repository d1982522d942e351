"""The page for those who use the keyboard, a screen reader or a telephone."""

import threading
import time
from contextlib import contextmanager

import pytest
import uvicorn
from msgspec.structs import replace

from mlmon.core import schema
from mlmon.core.result import Finding
from mlmon.core.schema import Dataset
from mlmon.stores.embedded import open_store
from mlmon.web.app import app

pytestmark = pytest.mark.browser

MODEL = "/models/flight-delay?range=all"
PAGES = ["/", MODEL, "/logs?model=flight-delay&range=all"]
MANY = 40
JUMPS = """
window.jumps = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.jumps += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""


@contextmanager
def opened(chromium, url: str, *, width: int = 1280, script: str = ""):
    """Open a page, and check at the end that it met no error."""
    context = chromium.new_context(viewport={"width": width, "height": 900}, locale="en-US")
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    if script:
        page.add_init_script(script)
    page.goto(url)
    yield page
    context.close()
    assert errors == []


def until(page, expression: str) -> None:
    """Wait until an expression holds."""
    deadline = time.monotonic() + 90
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, f"never came true: {expression}"
        page.wait_for_timeout(20)


def named(page) -> list[tuple[str, str]]:
    """Give role and name of everything that a screen reader meets, as the browser computes them."""
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    return [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in nodes
        if not node["ignored"]
    ]


@pytest.fixture(scope="module")
def many(chromium, example, clock, tmp_path_factory):
    """Serve a page of forty models, of which one fires."""
    store = open_store(tmp_path_factory.mktemp("many"))
    late = [one for one in example.results(example.LATE, example.random.Random(1)) if not one.version]
    calm = [one for one in late if not isinstance(one, Finding) and one.size == "7d"]
    for place in range(MANY):
        name = f"{'fraud' if place % 2 else 'eta'}-{place:02d}"
        store.put([replace(one, model=name) for one in (late if place == 7 else calm)])
        served = example._base(name, Dataset.INFERENCE, 0, example.NOW)
        store.write([example.to_event(served | {schema.INFERENCE_ID: "x"})])
    server = uvicorn.Server(
        uvicorn.Config(app(store, clock=clock), host="127.0.0.1", port=0, log_level="error")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 90
    while not (server.started and server.servers):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(60)
    store.close()


@pytest.mark.parametrize("path", PAGES)
def test_whatever_can_be_used_has_a_name(chromium, address, path):
    """Every link, button, field, image and table has words for a screen reader."""
    with opened(chromium, address + path) as page:
        if path == MODEL:
            page.evaluate("mlmon.drawAll()")
            until(page, "document.querySelectorAll('.plot svg[role=img]').length >= 11")
        seen = named(page)
        needed = {"link", "button", "textbox", "searchbox", "combobox", "image", "table", "region", "figure"}
        assert [role for role, name in seen if role in needed and not name.strip()] == []
        assert {role for role, _ in seen} >= {"main", "banner", "heading", "link"}


def test_a_chart_says_its_gist_and_shows_its_numbers(chromium, address):
    """The image tells the range and the newest value, and every window is a row of a table."""
    with opened(chromium, address + MODEL) as page:
        page.evaluate("mlmon.drawAll()")
        until(page, "document.querySelectorAll('.plot svg[role=img]').length >= 11")
        told = page.get_attribute("[data-panel=errors] .plot svg", "aria-label")
        assert told.startswith("How often does it fail? ")
        assert "the newest is" in told
        for place in range(page.locator("figure.chart").count()):
            figure = page.locator("figure.chart").nth(place)
            told = figure.get_attribute("data-panel")
            figure.locator(".more summary").click()
            figure.locator("[data-table]").click()
            table = figure.locator(".numbers table")
            assert table.locator("tbody tr").count() > 3, told
            assert table.locator("thead th").count() > 1, told
            assert figure.locator("[data-table]").get_attribute("aria-expanded") == "true"


def test_the_skip_link_is_the_first_stop(chromium, address):
    """Tab from the top reaches the skip link, which is seen then and leads to the content."""
    with opened(chromium, address + "/") as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        assert page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"


def test_what_has_the_focus_is_outlined(chromium, address):
    """A stop of the keyboard is seen as such."""
    with opened(chromium, address + "/") as page:
        for _ in range(4):
            page.keyboard.press("Tab")
            style = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert style == "solid"


def test_the_keys_find_and_open_a_model(chromium, many):
    """/ filters, j and k go down and up over what is shown, Enter opens."""
    with opened(chromium, f"{many}/") as page:
        page.keyboard.press("/")
        page.keyboard.type("fraud -1")
        assert page.locator("tbody tr:visible").count() == 5
        assert page.locator(".matches").inner_text() == f"5 of {MANY}"
        page.keyboard.press("Enter")
        page.keyboard.press("j")
        page.keyboard.press("j")
        page.keyboard.press("k")
        assert page.evaluate("document.activeElement.textContent") == "fraud-13"
        page.keyboard.press("Enter")
        page.wait_for_url("**/models/fraud-13?**")
        page.go_back()
        until(page, "document.querySelector('.filter')?.value === 'fraud -1'")
        assert page.locator("tbody tr:visible").count() == 5
        assert "q=fraud+-1" in page.url


def test_the_filter_is_in_the_links_beside_it(chromium, many):
    """A range or an order chosen after filtering keeps the filter."""
    with opened(chromium, f"{many}/") as page:
        page.fill(".filter", "firing")
        page.click("a[data-range='90d']")
        page.wait_for_url("**range=90d**")
        assert page.locator("tbody tr:visible").count() == 1
        page.click("thead >> text=Errors")
        page.wait_for_url("**sort=errors**")
        assert page.locator("tbody tr:visible").count() == 1
        assert page.get_attribute("thead th[aria-sort]", "aria-sort") == "descending"


@pytest.mark.parametrize(("path", "width"), [("/", 1280), (MODEL, 1280), ("/", 360), (MODEL, 360)])
def test_nothing_moves_while_the_page_comes_up(chromium, address, path, width):
    """What is on the screen stays where it first was."""
    with opened(chromium, address + path, width=width, script=JUMPS) as page:
        if path == MODEL:
            until(page, "document.querySelectorAll('.plot svg[role=img]').length > 3")
        page.wait_for_timeout(300)
        assert page.evaluate("window.jumps") < 0.02


def test_many_models_fit_a_phone(chromium, many):
    """Forty models at 360 pixels do not scroll sideways, and what fires is on top."""
    with opened(chromium, f"{many}/", width=360) as page:
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        assert page.locator("tbody tr").first.get_attribute("class") == "critical"


def test_a_phone_shows_what_the_models_are_ordered_by(chromium, many):
    """Where a row has room for little, the number that orders the rows is there."""
    with opened(chromium, f"{many}/", width=360) as page:
        assert not page.locator("tbody tr:not(.critical) td[data-label=Errors]").first.is_visible()
        page.click("thead >> text=Errors")
        page.wait_for_url("**sort=errors**")
        page.locator("tbody tr:not(.critical) td[data-label=Errors]").first.wait_for(timeout=30000)


@pytest.mark.parametrize("width", [360, 768, 1440])
def test_a_range_has_one_name(chromium, many, width):
    """Of the long and the short name of a range one is seen, at any width."""
    with opened(chromium, f"{many}/", width=width) as page:
        for place in range(page.locator("a[data-range] span").count() // 2):
            link = page.locator("a[data-range]").nth(place)
            assert sum(link.locator("span").nth(at).is_visible() for at in (0, 1)) == 1
