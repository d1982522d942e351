"""Silencing and taking alerts as somebody does it, in a browser."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
import uvicorn

from mlmon.alerts import memory
from mlmon.alerts.known import Group
from mlmon.alerts.memory import Kept, Memory
from mlmon.alerts.states import Alert, Judged, Phase, Verdict
from mlmon.cli import wiring_mutes, wiring_page, wiring_rules
from mlmon.core.config import Config, StoreConfig
from mlmon.stores.embedded import open_store
from mlmon.web.app import app

pytestmark = pytest.mark.browser


@pytest.fixture
def served(tmp_path):
    """Serve a page on which one alert fires, of a rule that comes with mlmon."""
    config = Config(store=StoreConfig(url=str(tmp_path / "store")))
    store = open_store(config.store.url)
    rule = wiring_rules.rules(config)[0]
    now = datetime.now(UTC)
    window = Judged(
        start=now - timedelta(hours=5), end=now, verdict=Verdict.BREACH, value=0.07, limit=0.05, n=99.0
    )
    fires = Alert(phase=Phase.FIRING, since=window.start, fired=now, recent=(window,), worst=window)
    memory.save(store, Memory(kept=(Kept(rule=rule.name, group=Group(model="fraud"), alert=fires, of=rule),)))
    made = app(store, alerts=wiring_page.Alerts(store, config), check=wiring_page.check(config))
    server = uvicorn.Server(uvicorn.Config(made, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 90
    while not (server.started and server.servers):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    yield config, store, f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(60)
    store.close()


def test_an_alert_is_taken_and_given_back_by_the_keyboard(chromium, served):
    """Open the form, give a name, take it: everybody sees who has it; one more key gives it back."""
    config, store, address = served
    page = chromium.new_page()
    page.goto(f"{address}/rules")
    assert page.inner_text("h1") == "1 alert fires"
    page.focus(".alerts .act summary")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.type("Ada")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Ada has it")
    [ack] = wiring_mutes.muted(config, store).acks
    assert timedelta(hours=3.9) < ack.until - datetime.now(UTC) < timedelta(hours=4.1)
    page.focus(".alerts .end button")
    page.keyboard.press("Enter")
    page.wait_for_selector(".alerts .act summary")
    assert wiring_mutes.muted(config, store).acks == ()
    page.close()


def test_the_name_is_there_the_next_time(chromium, served):
    """Who gave a name once is not asked again, and a silence ends where it is listed."""
    config, store, address = served
    page = chromium.new_page()
    page.goto(f"{address}/rules")
    page.click(".alerts .act summary")
    page.fill(".alerts [name=author]", "Grace")
    page.fill(".alerts [name=comment]", "release week")
    page.click(".alerts button[value=silence]")
    page.wait_for_selector("text=Silenced by Grace")
    assert "release week" in page.inner_text(".mutes")
    page.click(".mutes .end button")
    page.wait_for_selector(".alerts .act summary")
    assert wiring_mutes.muted(config, store).silences == ()
    assert page.input_value(".alerts [name=author]") == "Grace"
    page.close()


def test_a_page_of_another_address_cannot_send_the_form(chromium, served):
    """What a foreign page submits is refused, though the browser sends it."""
    config, store, address = served
    page = chromium.new_page()
    page.route("http://evil.example/", lambda route: route.fulfill(
        content_type="text/html",
        body=f'<form method="post" action="{address}/rules"><input name="what" value="silence">'
        '<input name="rule" value="errors"><input name="for" value="1d"><input name="author" value="Eve">'
        "<button>Win</button></form>",
    ))  # fmt: skip
    page.goto("http://evil.example/")
    page.click("button")
    page.wait_for_selector("text=came from elsewhere")
    assert wiring_mutes.muted(config, store).silences == ()
    page.close()


def test_the_page_of_rules_fits_a_phone(chromium, served):
    """At 360 pixels nothing scrolls sideways, also while a form is open."""
    _, _, address = served
    context = chromium.new_context(viewport={"width": 360, "height": 800})
    page = context.new_page()
    page.goto(f"{address}/rules")
    for place in (0, 1):
        page.locator(".act summary").nth(place).click()
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        box = page.locator(".act[open] form").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
        page.keyboard.press("Escape")
    context.close()
