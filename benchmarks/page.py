"""The page over a million stored inferences, as a browser sees it: its first views, and a change of range.

Each round has a process of its own for the page and an empty browser. A first view is over when every chart
in sight has been drawn, and a frame after that; what is below is drawn as it comes into sight. The limits are
what a person takes for at once: 1 s for a page that is opened, 0.5 s for a control that is used.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from typing import Any, Final

import _page
from playwright.sync_api import Browser, sync_playwright

NAME = "page"
PEER = "limits of 1 s for a first view and 0.5 s for a change of range"
GOAL = 1.0

EVENTS: Final = 1_000_000
MODELS: Final = 200
ROUNDS: Final = 3
FIRST_MS: Final = 1000.0
CHANGE_MS: Final = 500.0
QUIET_MS: Final = 600
FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
)

WATCH: Final = """
window.seen = { at: 0 };
const told = () => requestAnimationFrame(() => { window.seen.at = performance.now(); });
document.addEventListener("drawn", (event) => {
  const box = event.target.getBoundingClientRect();
  if (box.top < innerHeight && box.bottom > 0) told();
});
document.addEventListener("DOMContentLoaded", told);
"""
ALL_SEEN: Final = """() => [...document.querySelectorAll("figure.chart:not(.none)")].every((figure) => {
  const box = figure.getBoundingClientRect();
  return box.top > innerHeight || box.bottom < 0 || figure.querySelector(".plot svg");
})"""
CLICK: Final = """(range) => {
  window.seen.at = 0;
  window.seen.clicked = performance.now();
  document.querySelector(`a[data-range="${range}"]`).click();
}"""


def run() -> tuple[float, str]:
    """Fill two stores, and take the best of three rounds of each view."""
    with tempfile.TemporaryDirectory(prefix="mlmon-bench-") as name:
        _page.fill(Path(name) / "events", EVENTS)
        _page.fill_models(Path(name) / "models", MODELS)
        best = measured(Path(name) / "events", Path(name) / "models")
    ratio = max(ms / (CHANGE_MS if what == "range" else FIRST_MS) for what, ms in best.items())
    told = ", ".join(f"{what} {ms:.0f} ms" for what, ms in best.items())
    return ratio, f"{EVENTS:,} inferences of two models, analysed, in headless Chromium: {told}"


def measured(events: Path, models: Path) -> dict[str, float]:
    """The least milliseconds of each first view and of a change of range, over the rounds."""
    best: dict[str, float] = {}
    path = which("chromium") or which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        for _ in range(ROUNDS):
            for what, ms in (*_round(browser, events), *_many(browser, models)):
                best[what] = min(ms, best.get(what, ms))
        browser.close()
    return best


def _round(browser: Browser, folder: Path) -> Iterator[tuple[str, float]]:
    with _served(folder) as address:
        for what, path in (("overview", "/"), ("model", f"/models/{_page.MODELS[0]}")):
            page = _opened(browser)
            page.goto(address + path)
            yield what, _settled(page)
            if what == "model":
                yield "range", max(_changed(page, range_) for range_ in ("30d", "7d", "all"))
            page.context.close()


def _many(browser: Browser, folder: Path) -> Iterator[tuple[str, float]]:
    with _served(folder) as address:
        page = _opened(browser)
        page.goto(address)
        yield f"{MODELS} models", _settled(page)
        page.context.close()


def _opened(browser: Browser) -> Any:  # noqa: ANN401 - a page of the browser's driver
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.add_init_script(WATCH)
    return page


def _changed(page: Any, range_: str) -> float:  # noqa: ANN401 - as above
    page.evaluate(CLICK, range_)
    return _settled(page) - float(page.evaluate("window.seen.clicked"))


def _settled(page: Any) -> float:  # noqa: ANN401 - as above
    """When the last chart in sight was drawn, in milliseconds since the page was asked for."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        at, now = page.evaluate("[window.seen.at, performance.now()]")
        if at and now - at > QUIET_MS and page.evaluate(ALL_SEEN):
            return float(at)
        page.wait_for_timeout(20)
    raise TimeoutError("The charts in sight were never all drawn.")


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    """The page in a process of its own, once it listens; gives its address."""
    command = [sys.executable, "-m", "mlmon.cli", "serve", "--store", str(folder), "--port", "0"]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=quiet, text=True) as process:  # noqa: S603 - our own program
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


if __name__ == "__main__":
    sys.stdout.write(f"{measured(Path(sys.argv[1]), Path(sys.argv[2]))}\n")
