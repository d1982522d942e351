"""What every handler of the page needs, and how what it gives becomes an answer."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from mlmon.core import clock
from mlmon.core.clock import Clock
from mlmon.core.errors import MlmonError, StoreError, UsageError
from mlmon.core.occasions import EventConfig
from mlmon.core.store import Reader
from mlmon.web import export, pages
from mlmon.web.admission import Check, NotAdmittedError
from mlmon.web.alerts import Alerts
from mlmon.web.remembered import Remembered

_THREADS: Final = 4


class Desk:
    """What every handler needs: the store, the time, threads to ask with, alerts and who may change them."""

    def __init__(
        self,
        reader: Reader,
        clock_: Clock,
        events: Sequence[EventConfig] = (),
        alerts: Alerts | None = None,
        check: Check | None = None,
    ) -> None:
        """Start the threads; `check` is None where whoever asks sits at this machine."""
        self.alerts = alerts
        self.check = check
        self.events = events
        self.reader: Reader = Remembered(reader)
        self.clock = clock_
        self.pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="mlmon-page")

    def now(self) -> datetime:
        """The moment of the page's clock."""
        return clock.to_datetime(self.clock())


Handler = Callable[[Request], Awaitable[Response]]


def page(desk: Desk, show: Callable[[Desk, Request], Response]) -> Handler:
    """A handler of a page: what goes wrong is a page that says so."""

    async def handle(request: Request) -> Response:
        try:
            return await run_in_threadpool(show, desk, request)
        except MlmonError as error:
            return apology(request, error)

    return handle


def api(desk: Desk, answer: Callable[[Desk, Request], Any]) -> Handler:
    """A handler of plain values or of an answer: what goes wrong is told as JSON."""

    async def handle(request: Request) -> Response:
        try:
            given = await run_in_threadpool(answer, desk, request)
        except MlmonError as error:
            return told({"error": str(error)}, status=status_of(error))
        return given if isinstance(given, Response) else _cached(request, export.as_json(given))

    return handle


def status_of(error: MlmonError) -> int:
    """The status that says whose fault it is."""
    if isinstance(error, NotAdmittedError):
        return 403
    if isinstance(error, UsageError):
        return 404 if isinstance(error, NoSuchError) else 400
    return 503 if isinstance(error, StoreError) else 500


class NoSuchError(UsageError):
    """Something that is asked for by name and is not there."""


def told(value: Any, *, status: int = 200) -> Response:  # noqa: ANN401 - any plain value
    """Plain values as JSON."""
    return Response(export.as_json(value), status, media_type="application/json")


def _cached(request: Request, body: bytes) -> Response:
    """The body, or nothing where the browser has it already: what makes watching live cheap."""
    tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"etag": tag, "cache-control": "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


def html(template: str, status: int = 200, **values: Any) -> HTMLResponse:  # noqa: ANN401 - whatever it shows
    """A page of a template."""
    text = pages.render(template, assets=pages.assets_path(), vega=pages.vega_path(), **values)
    return HTMLResponse(text, status, headers={"cache-control": "no-cache"})


def apology(request: Request, error: MlmonError) -> Response:
    """A page that says what went wrong."""
    return html("error.html", status_of(error), message=str(error), path=request.url.path)
