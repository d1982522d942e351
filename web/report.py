"""The report: every model in one HTML file that needs nothing but itself."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, Final

from markupsafe import Markup
from msgspec import Struct

from mlmon.core import clock
from mlmon.core.clock import Clock, isoformat
from mlmon.core.metric import unit_of, words
from mlmon.core.occasions import EventConfig
from mlmon.core.panel import Unit
from mlmon.core.panels.columns import FINAL, HIGH, LOW, TIME, VALUE
from mlmon.core.panels.model import OVER_TIME
from mlmon.core.store import Reader
from mlmon.core.window import Window
from mlmon.web import bundle, delivery, detail, model, overview, pages, units
from mlmon.web.charts import Chart
from mlmon.web.delivery import Delivery
from mlmon.web.detail import Head
from mlmon.web.found import Group, said
from mlmon.web.model import Looked, Page
from mlmon.web.view import utc

_THREADS: Final = 2
_MOST_SAID: Final = 6


class Part(Struct, frozen=True, kw_only=True):
    """One model of the report."""

    looked: Looked
    head: Head
    findings: Markup
    sentences: list[str]
    commands: dict[str, str]
    empties: dict[str, str]
    drawn: dict[str, Chart]
    delivery: Delivery | None


def render_report(
    reader: Reader,
    window: Window | None = None,
    *,
    models: tuple[str, ...] = (),
    clock: Clock = clock.system,
    events: Sequence[EventConfig] = (),
) -> str:
    """The report as HTML. `window` of None is all the time there are events of; no models named means all.

    Raises:
        StoreError: the store could not be read.

    """
    now = _now(clock)
    known = overview.extents(reader)
    names = [name for name in sorted(known) if not models or name in models]
    with ThreadPoolExecutor(_THREADS) as pool:
        pages_of = (_page(reader, name, window, now, pool, events) for name in names)
        found = [page for page in pages_of if page is not None]
    found.sort(key=lambda page: ("critical", "warning", "fine").index(detail.head_of(page.groups).state))
    parts = [_part(page, delivery.read(reader, page.looked.name)) for page in found]
    extent = overview.whole(known.values())
    shown = window or Window(start=extent.first or now, end=extent.last or now)
    return _html(parts, [model.payload(page) for page in found], shown, now)


def _now(read: Clock) -> datetime:
    return clock.to_datetime(read())


def _page(
    reader: Reader,
    name: str,
    window: Window | None,
    now: datetime,
    pool: ThreadPoolExecutor,
    events: Sequence[EventConfig],
) -> Page | None:
    params = (
        {"since": isoformat(window.start), "until": isoformat(window.end)} if window else {"range": "all"}
    )
    looked = model.look(reader, name, params, now, pool)
    return None if looked is None else model.read(reader, looked, pool, events)


def _part(page: Page, delivered: Delivery | None) -> Part:
    head = detail.head_of(page.groups)
    ids = (model.TIMELINE, *(panel.id for panel in page.looked.panels))
    return Part(
        looked=page.looked,
        head=head,
        findings=Markup(pages.render("list.html", head=head, links=False)),  # noqa: S704 - a template, escaped
        sentences=list(sentences(page, head)),
        commands={id_: model.command(page.looked, id_) for id_ in ids},
        empties={panel.id: model.empty(page, panel) for panel in page.looked.panels},
        drawn={model.TIMELINE: page.timeline, **page.drawn},
        delivery=delivered,
    )


def sentences(page: Page, head: Head) -> Iterator[str]:
    """A model in words: how good, how much, what is wrong, since when, and how sure that is."""
    yield from _quality(page)
    traffic = [row[VALUE] for row in page.answers["traffic"] if row[VALUE] is not None]
    if traffic:
        yield f"{units.number(sum(traffic), Unit.COUNT)} inferences."
    if not head.open:
        yield "Nothing is wrong at the end of this time." if head.past else "Nothing was found."
    for group in head.open[:_MOST_SAID]:
        yield _said(group)
    rest = len(head.open) - _MOST_SAID
    if rest > 0:
        yield f"{rest} more that hold now are listed below."
    if head.past:
        yield f"{len(head.past)} earlier that no longer hold: {_names(head.past)}."


def _quality(page: Page) -> Iterator[str]:
    rows = [row for row in page.answers["performance"] if row[VALUE] is not None]
    if not rows:
        return
    metric = page.looked.metric
    unit, name = unit_of(metric), words(metric)
    last = max(rows, key=lambda row: (bool(row[FINAL]), row[TIME]))
    interval = ""
    if last[LOW] is not None and last[HIGH] is not None:
        interval = f" (95 % interval {units.number(last[LOW], unit)} to {units.number(last[HIGH], unit)})"
    final = "" if last[FINAL] else ", not final yet"
    first = min(rows, key=lambda row: row[TIME])
    before = f"; it was {units.number(first[VALUE], unit)} at the start" if first is not last else ""
    yield f"{name[0].upper()}{name[1:]} is {units.number(last[VALUE], unit)}{interval}{final}{before}."


def _said(group: Group) -> str:
    newest = group.newest
    windows = f", in {len(group.findings)} windows" if len(group.findings) > 1 else ""
    p = newest.evidence.get("p_adjusted")
    sure = "" if p is None else f" Chance of it without a change: {units.chance(p)}."
    return f"{said(newest)} Since {utc(group.since)}{windows}.{sure}"


def _names(groups: list[Group]) -> str:
    labels = list(dict.fromkeys(group.label for group in groups))
    more = f" and {len(labels) - _MOST_SAID} more" if len(labels) > _MOST_SAID else ""
    return f"{', '.join(labels[:_MOST_SAID])}{more}"


def _html(parts: list[Part], payloads: list[dict[str, Any]], window: Window, now: datetime) -> str:
    scripts = [bundle.script(), *(pages.asset(name) for name in pages.SCRIPTS)]
    hashes = " ".join(f"'sha256-{_hash(script)}'" for script in scripts)
    firing = [part.looked.name for part in parts if part.head.open]
    return pages.render(
        "report.html",
        title="mlmon report",
        headline=_headline(firing, len(parts)),
        models=parts,
        window=window,
        made=now,
        hashes=Markup(hashes),  # noqa: S704 - base64 and quotes of ours
        style=Markup(pages.asset(pages.STYLE)),  # noqa: S704 - our own file
        scripts=[Markup(script) for script in scripts],  # noqa: S704 - our own files and the bundle
        payload=pages.inline_json({"models": payloads}),
        over_time=OVER_TIME,
    )


def _headline(firing: list[str], count: int) -> str:
    if not count:
        return "No model in this time"
    if not firing:
        return "Nothing is wrong" if count > 1 else "Nothing is wrong with the model"
    if len(firing) == 1:
        return f"{firing[0]} needs a look"
    return f"{len(firing)} of {count} models need a look"


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
