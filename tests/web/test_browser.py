import time
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from mlmon.web.report import render_report

pytestmark = pytest.mark.browser

MODEL = "/models/flight-delay?range=all"
ALL_DRAWN = (
    "[...document.querySelectorAll('figure.chart:not(.none)')].every((one) => one.querySelector('.plot svg'))"
)
MARKS_BY_MODEL = (
    "[...document.querySelectorAll('[data-model]')]"
    ".map((one) => one.querySelectorAll('.role-mark path').length)"
)


@contextmanager
def opened(chromium, url: str, *, width: int = 1280, scheme: str = "light", zone: str = "America/New_York"):
    """Open a page, and check at the end that it met no error and asked nobody else."""
    context = chromium.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, timezone_id=zone, locale="en-US"
    )
    page = context.new_page()
    errors: list[str] = []
    hosts: set[str] = set()
    page.on(
        "console",
        lambda message: errors.append(message.text) if message.type in ("error", "warning") else None,
    )
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    page.goto(url)
    yield page
    context.close()
    assert errors == []
    assert hosts <= {urlsplit(url).netloc, ""}


def until(page, expression: str) -> None:
    """Wait until an expression holds; the page's policy forbids the browser driver's own way of waiting."""
    deadline = time.monotonic() + 90
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, f"never came true: {expression}"
        page.wait_for_timeout(20)


def windows_shown(page, comparison: str) -> None:
    """Wait until the traffic chart shows so many windows."""
    stamp = "document.querySelector('[data-panel=traffic]').dataset.drawn"
    until(page, f"{stamp} && JSON.parse({stamp})[0].data.values.length {comparison}")


def drawn(page) -> dict[str, int]:
    """Draw what is out of sight too, and count the marks of each chart."""
    page.evaluate("mlmon.drawAll()")
    until(page, ALL_DRAWN)
    return page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('figure.chart')].map((f) =>"
        " [f.dataset.panel, f.querySelectorAll('.plot svg .role-mark path').length]))"
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_charts_are_drawn_with_data(chromium, address, scheme):
    """Every panel of the model has marks, in light and dark, under a policy without evaluation of text."""
    with opened(chromium, address + MODEL, scheme=scheme) as page:
        marks = drawn(page)
        assert len(marks) == 12
        assert all(marks.values()), marks
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (colour == "rgb(14, 16, 20)") == (scheme == "dark")


@pytest.mark.parametrize("path", ["/", MODEL, "/logs?model=flight-delay&range=all"])
def test_pages_fit_a_phone(chromium, address, path):
    """At 360 pixels no page scrolls sideways."""
    with opened(chromium, address + path, width=360) as page:
        if path == MODEL:
            drawn(page)
        assert page.evaluate("document.documentElement.scrollWidth") == 360


@pytest.mark.parametrize("width", [880, 1000, 1280])
def test_the_table_of_models_cuts_nothing(chromium, address, width):
    """Between a phone and a wide screen every cell has room for what it says, up to the table's end."""
    cut = "[...document.querySelectorAll('.models td')].filter((one) => one.scrollWidth > one.clientWidth)"
    right = "document.querySelector('{}').getBoundingClientRect().right"
    with opened(chromium, f"{address}/?range=all", width=width) as page:
        assert page.evaluate(f"{cut}.map((one) => one.textContent)") == []
        ends = [page.evaluate(right.format(part)) for part in (".models", ".models tbody tr")]
        assert ends[0] == pytest.approx(ends[1], abs=2)


def test_the_range_changes_without_reloading(chromium, address):
    """Choosing a range redraws the charts, changes the address, and back undoes it."""
    with opened(chromium, address + MODEL) as page:
        drawn(page)
        page.evaluate("window.same = true")
        page.click("a[data-range='30d']")
        windows_shown(page, "> 25")
        assert "range=30d" in page.url
        assert page.evaluate("window.same")
        page.go_back()
        windows_shown(page, "< 25")
        assert "range=all" in page.url


def test_dragging_zooms_and_clicking_opens_the_log_lines(chromium, address):
    """A drag over a chart narrows the time to it; a click on a window lists its lines."""
    with opened(chromium, address + MODEL) as page:
        drawn(page)
        plot = page.locator("[data-panel=traffic] .plot")
        plot.scroll_into_view_if_needed()
        box = plot.bounding_box()
        y = box["y"] + 60
        page.mouse.move(box["x"] + 500, y)
        page.mouse.down()
        page.mouse.move(box["x"] + 700, y, steps=4)
        assert page.locator("[data-panel=latency] .brush").is_visible()
        page.mouse.up()
        until(page, "location.search.includes('since=')")
        windows_shown(page, "> 20")
        page.mouse.click(box["x"] + 600, y)
        page.wait_for_url("**/logs?**")
        assert page.locator(".lines li").count() > 0


def test_one_cursor_reads_all_charts(chromium, address):
    """Over one chart, every chart says its value of that window, in the viewer's words for the time."""
    with opened(chromium, address + MODEL) as page:
        drawn(page)
        plot = page.locator("[data-panel=errors] .plot")
        plot.scroll_into_view_if_needed()
        box = plot.bounding_box()
        page.mouse.move(box["x"] + 400, box["y"] + 60)
        when = page.locator("[data-panel=latency] .readout .when").inner_text()
        assert when == page.locator("[data-panel=traffic] .readout .when").inner_text()
        assert "newest" not in when
        assert "p95" in page.locator("[data-panel=latency] .readout").inner_text()


def test_a_chart_that_has_nothing_to_show_any_more_is_out_of_reach(chromium, address):
    """A cursor over the charts meets no error where one lost its data while it was to be drawn."""
    with opened(chromium, address + MODEL) as page:
        drawn(page)
        page.evaluate(
            "(() => { const figure = document.querySelector('[data-panel=errors]');"
            " mlmon.show(figure, { ...mlmon.panelOf(figure), specs: [] }); })()"
        )
        page.evaluate("mlmon.drawAll()")
        assert page.evaluate("mlmon.viewOf(document.querySelector('[data-panel=errors]')) === undefined")
        page.hover("[data-panel=traffic] .plot")
        until(page, "document.querySelector('[data-panel=traffic] .readout').textContent")


def test_the_keyboard_alone_reads_and_opens_a_window(chromium, address):
    """With a chart in focus, arrows move the cursor and Enter opens the log lines."""
    with opened(chromium, address + MODEL) as page:
        drawn(page)
        page.focus("[data-panel=performance]")
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowLeft")
        assert "newest" not in page.locator("[data-panel=traffic] .readout").inner_text()
        page.keyboard.press("Enter")
        page.wait_for_url("**/logs?**kind=mistakes**")


def test_times_are_in_the_viewers_zone_with_utc_on_hover(chromium, address):
    """Somebody in New York reads New York's time, and UTC on hover."""
    with opened(chromium, address + "/logs?model=flight-delay&range=7d") as page:
        moment = page.locator(".lines time").first
        utc, shown = moment.get_attribute("title"), moment.inner_text()
        assert utc.endswith("UTC")
        assert int(utc[11:13]) - int(shown[-5:-3]) in (4, -20)


def test_a_click_on_a_finding_opens_its_evidence(chromium, address):
    """From the time line to the evidence is one click, and it is drawn."""
    with opened(chromium, address + MODEL) as page:
        drawn(page)
        page.locator("[data-panel=findings] .plot svg .role-mark path").last.click()
        page.wait_for_url("**/findings/**")
        assert all(drawn(page).values())


def test_the_overview_is_filtered_and_needs_no_chart_library(chromium, address):
    """The overview draws its lines without Vega."""
    with opened(chromium, address + "/?range=all") as page:
        assert page.locator(".models .spark").count() > 8
        assert page.evaluate("typeof vegaEmbed") == "undefined"


def test_the_report_opens_offline(chromium, reader, clock, tmp_path):
    """The file alone draws the charts of both models, and asks for nothing."""
    path = tmp_path / "report.html"
    path.write_text(render_report(reader, clock=clock), encoding="utf-8")
    with opened(chromium, path.as_uri()) as page:
        page.evaluate("mlmon.drawAll()")
        until(page, ALL_DRAWN)
        counts = page.evaluate(MARKS_BY_MODEL)
        assert len(counts) == 2
        assert min(counts) > 50
