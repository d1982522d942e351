"""The address holds the view: whoever opens it sees the same, and a step back undoes one change."""

import time
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

import pytest

pytestmark = pytest.mark.browser

MODEL = "/models/flight-delay?range=all"
SHOWN = """() => Object.fromEntries([...document.querySelectorAll("figure.chart")].map((figure) =>
  [figure.dataset.panel, JSON.stringify(mlmon.panelOf(figure).specs)]))"""


@contextmanager
def opened(chromium, url: str):
    """Open a page, and check at the end that it met no error."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, locale="en-US")
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
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


def changed(page, act) -> dict[str, str]:
    """Do something, and give what the charts show once the answer came."""
    before = page.evaluate(SHOWN)
    with page.expect_response(lambda answer: "/models/" in answer.url):
        act()
    deadline = time.monotonic() + 90
    while (now := page.evaluate(SHOWN)) == before:
        assert time.monotonic() < deadline
        page.wait_for_timeout(20)
    return now


def zoom(page) -> None:
    """Drag over a part of the errors' chart."""
    plot = page.locator("[data-panel=errors] .plot")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    page.mouse.move(box["x"] + 500, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 800, box["y"] + 60, steps=4)
    page.mouse.up()


def chosen(page) -> dict[str, list[str]]:
    """Give the parameters of the address."""
    return parse_qs(urlsplit(page.url).query)


def test_every_choice_is_in_the_address_and_a_step_back_undoes_it(chromium, address):
    """Measure, version, segment, range and a zoom are one step each; the address alone shows the same."""
    with opened(chromium, address + MODEL) as page:
        until(page, "document.querySelector('[data-panel=errors] .plot svg[role=img]')")
        steps = [page.evaluate(SHOWN)]
        acts = [
            lambda: page.select_option(".choose [name=metric]", "f1"),
            lambda: page.select_option(".choose [name=version]", "2013.03"),
            lambda: page.select_option(".choose [name=version]", ""),
            lambda: page.click("a[data-range='90d']"),
            lambda: zoom(page),
            lambda: page.select_option(".choose [name=segment]", "carrier=UA"),
        ]
        for act in acts:
            steps.append(changed(page, act))
            until(page, "document.querySelector('[data-panel=traffic] .plot svg[role=img]')")
        held = chosen(page)
        assert held.keys() == {"metric", "since", "until", "segment"}
        with opened(chromium, page.url) as again:
            assert again.evaluate(SHOWN) == steps[-1]
            assert again.input_value(".choose [name=segment]") == "carrier=UA"
            assert again.input_value(".choose [name=metric]") == "f1"
        for shown in steps[-2::-1]:
            assert changed(page, page.go_back) == shown
        assert chosen(page) == {"range": ["all"]}
        assert page.input_value(".choose [name=metric]") == "roc_auc"
        assert page.input_value(".choose [name=segment]") == ""


def test_an_open_finding_is_an_address(chromium, address):
    """A finding has a page of its own, and a step back leads to the view it was opened from."""
    with opened(chromium, address + MODEL) as page:
        shown = page.evaluate(SHOWN)
        page.locator("#findings .finding a").first.click()
        page.wait_for_url("**/findings/**")
        with opened(chromium, page.url) as again:
            assert again.inner_text("h1") == page.inner_text("h1")
        page.go_back()
        until(page, "mlmon.panelOf(document.querySelector('[data-panel=errors]'))")
        assert page.evaluate(SHOWN) == shown
