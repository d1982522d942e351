"""The page as a web application: it changes silences alone, and nothing it sends leaves for another host."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Any, Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mlmon.core import clock
from mlmon.core.clock import Clock
from mlmon.core.errors import UsageError
from mlmon.core.exposition import Family, form_for, render
from mlmon.core.occasions import EventConfig
from mlmon.core.panels.model import OVER_TIME
from mlmon.core.result import Finding, identity
from mlmon.core.store import Reader
from mlmon.web import bundle, delivery, detail, export, found, logs, model, overview, pages, ruling, with_loss
from mlmon.web.admission import Check, NotAdmittedError, check_host
from mlmon.web.alerts import Alerts
from mlmon.web.desk import Desk, NoSuchError, api, html, page, told
from mlmon.web.logs import KINDS, LEVELS
from mlmon.web.view import address

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = (
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
_FOR_GOOD: Final = "public, max-age=31536000, immutable"
_TYPES: Final = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8"}


Tell = Callable[[datetime], Iterable[Family]]
"""Gives the numbers that Prometheus is to read, of a moment."""


def app(
    reader: Reader,
    *,
    clock: Clock = clock.system,
    metrics: Tell | None = None,
    events: Sequence[EventConfig] = (),
    alerts: Alerts | None = None,
    check: Check | None = None,
) -> Starlette:
    """The application: pages under `/`, data under `/api`. Serve it with any ASGI server.

    `metrics` is what `/metrics` serves, nothing by default. `events` are declared ones; charts over time show
    them as bands. `alerts` are shown, silenced and taken; None where no rules are evaluated. `check` is asked
    of the key that a change comes with; without it all is answered under the names of this machine alone.
    The script that draws is made on a thread at start-up; the reader is asked from several threads.
    """
    desk = Desk(reader, clock, events, alerts, check)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        desk.pool.submit(bundle.zipped)
        desk.pool.submit(_overview_of, desk, {}, "overview.html")  # so that nobody waits for what comes first
        yield
        desk.pool.shutdown(wait=False, cancel_futures=True)

    routes = [
        Route("/", page(desk, _overview)),
        Route("/models/{name:path}", page(desk, _model)),
        Route("/findings/{id}", page(desk, _finding)),
        Route("/logs", page(desk, _logs)),
        *ruling.routes(desk),
        Route("/assets/{tag}/{name}", _asset),
        Route("/api/models", api(desk, _api_models)),
        Route("/api/model", api(desk, _api_model)),
        Route("/api/panels", api(desk, _api_panels)),
        Route("/api/panels/{id}.{form}", api(desk, _api_panel)),
        Route("/api/findings", api(desk, _api_findings)),
        Route("/api/findings/{id}", api(desk, _api_finding)),
        Route("/api/logs", api(desk, _api_logs)),
        Route("/metrics", api(desk, partial(_metrics, metrics))),
        Route("/health", lambda _: PlainTextResponse("ok\n")),
    ]
    return Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=[
            Middleware(_Guard, is_local=check is None),
            Middleware(GZipMiddleware, minimum_size=2048, compresslevel=1),
        ],
        exception_handlers={HTTPException: _not_there},
    )


class _Guard:
    """Headers that keep the page to itself, and no answer to who asks for another host than this machine."""

    def __init__(self, inner: ASGIApp, *, is_local: bool) -> None:
        self.inner = inner
        self.is_local = is_local

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_HEADERS]
            await send(message)

        is_http = scope["type"] == "http"
        inner = self.inner
        if is_http and self.is_local:
            try:
                check_host(Request(scope).headers.get("host", ""))
            except NotAdmittedError as error:
                inner = PlainTextResponse(f"{error}\n", 421)
        await inner(scope, receive, guarded if is_http else send)


async def _not_there(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    message = f"There is nothing at {request.url.path}. Start at / for all models."
    if request.url.path.startswith("/api/"):
        return told({"error": message.replace("/ for", "/api/models for")}, status=status)
    return html("error.html", status, message=message, path=request.url.path)


async def _asset(request: Request) -> Response:
    name = request.path_params["name"]
    if name == pages.VEGA:
        return await run_in_threadpool(_vega, request)
    if name in (*pages.SCRIPTS, pages.STYLE):
        text = pages.asset(name)
    else:
        raise HTTPException(404)
    kind = _TYPES[name.rpartition(".")[2]]
    return Response(text, headers={"content-type": kind, "cache-control": _FOR_GOOD})


def _vega(request: Request) -> Response:
    """The script that draws, compressed once for all who take it so."""
    headers = {"content-type": _TYPES["js"], "cache-control": _FOR_GOOD, "vary": "accept-encoding"}
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(bundle.script(), headers=headers)
    return Response(bundle.zipped(), headers=headers | {"content-encoding": "gzip"})


def _params(request: Request) -> dict[str, str]:
    return dict(request.query_params)


def _overview(desk: Desk, request: Request) -> Response:
    template = "rows.html" if "fragment" in request.query_params else "overview.html"
    return _overview_of(desk, _params(request), template)


def _overview_of(desk: Desk, params: dict[str, str], template: str) -> Response:
    now = desk.now()
    seen = overview.read(desk.reader, params, now)
    return html(
        template,
        overview=seen,
        view=seen.view,
        words=overview.WORDS,
        ages=overview.ages(seen, now),
        delivery=delivery.read(desk.reader),
        firing=ruling.firing(desk),
        path="/",
        store=desk.reader.url,
    )


def _looked(desk: Desk, request: Request, name: str) -> model.Looked:
    if not name:
        raise UsageError("The address names no model. Add model=NAME; /api/models lists them.")
    looked = model.look(desk.reader, name, _params(request), desk.now(), desk.pool)
    if looked is None:
        raise NoSuchError(f"There is no model '{name}' in {desk.reader.url}. See / for those there are.")
    return looked


def _model(desk: Desk, request: Request) -> Response:
    looked = _looked(desk, request, request.path_params["name"])
    seen = model.read(desk.reader, looked, desk.pool, desk.events)
    ids = (model.TIMELINE, *(panel.id for panel in looked.panels))
    return html(
        "model.html",
        looked=looked,
        view=looked.view,
        head=detail.head_of(seen.groups),
        drawn={model.TIMELINE: seen.timeline, **seen.drawn},
        path=pages.model_path(looked.name),
        over_time=OVER_TIME,
        commands={id_: model.command(looked, id_) for id_ in ids},
        empties={panel.id: model.empty(seen, panel) for panel in looked.panels},
        export=address("", looked.view, model=looked.name),
        delivery=delivery.read(desk.reader, looked.name),
        with_loss=with_loss.read(desk.reader, looked.scope, looked.choices.sizes),
        alerts=ruling.of_model(desk, looked.name),
        now=desk.now(),
        payload=pages.inline_json(model.payload(seen)),
    )


def _finding(desk: Desk, request: Request) -> Response:
    shown = detail.finding(desk.reader, _found(desk, request), desk.pool)
    return html("finding.html", payload=pages.inline_json({"panels": shown["drawn"]}), **shown)


def _found(desk: Desk, request: Request) -> Finding:
    id_ = request.path_params["id"]
    finding = found.by_id(desk.reader, id_)
    if finding is None:
        raise NoSuchError(
            f"There is no finding '{id_}'. It may have been restated since, or be older than what is kept."
        )
    return finding


def _logs(desk: Desk, request: Request) -> Response:
    params = _params(request)
    looked = _looked(desk, request, params.get("model", ""))
    asked = logs.parse(params, looked.view.window, desk.now())
    lines = logs.read(desk.reader, asked)
    return html(
        "logs.html",
        looked=looked,
        view=looked.view,
        asked=asked,
        lines=lines,
        command=logs.command(asked),
        KINDS=KINDS,
        LEVELS=LEVELS,
    )


def _api_models(desk: Desk, request: Request) -> Any:  # noqa: ANN401 - plain values
    return overview.data(overview.read(desk.reader, _params(request), desk.now()))


def _api_model(desk: Desk, request: Request) -> Any:  # noqa: ANN401 - plain values
    looked = _looked(desk, request, request.query_params.get("model", ""))
    have = looked.choices
    return {
        "model": looked.name,
        "first": have.extent.first,
        "last": have.extent.last,
        "versions": have.versions,
        "segments": have.segments,
        "metrics": have.metrics,
        "sizes": sorted(have.sizes),
        "size": looked.scope.size,
        "since": looked.view.window.start,
        "until": looked.view.window.end,
    }


def _api_panels(desk: Desk, request: Request) -> Any:  # noqa: ANN401 - plain values
    looked = _looked(desk, request, request.query_params.get("model", ""))
    return model.payload(model.read(desk.reader, looked, desk.pool, desk.events))


def _api_panel(desk: Desk, request: Request) -> Response:
    looked = _looked(desk, request, request.query_params.get("model", ""))
    id_, form = request.path_params["id"], request.path_params["form"]
    if id_ == model.TIMELINE:
        rows: list[dict[str, Any]] = [detail.plain(one) for one in found.of_model(desk.reader, looked.scope)]
    else:
        panel = model.panel_of(looked, id_)
        if panel is None:
            ids = ", ".join(one.id for one in looked.panels)
            raise NoSuchError(f"There is no panel '{id_}'. Allowed are findings, {ids}.")
        rows = model.ask(desk.reader, panel, model.scope_of(looked, panel))
    if form == "json":
        return Response(export.as_json(rows), media_type="application/json")
    if form == "csv":
        named = {"content-disposition": f'attachment; filename="{id_}.csv"'}
        return Response(export.as_csv(rows), media_type="text/csv", headers=named)
    raise UsageError(f"'{form}' is no form of data. Allowed are csv and json.")


def _api_findings(desk: Desk, request: Request) -> Any:  # noqa: ANN401 - plain values
    looked = _looked(desk, request, request.query_params.get("model", ""))
    return [detail.plain(finding) for finding in found.of_model(desk.reader, looked.scope)]


def _api_finding(desk: Desk, request: Request) -> Any:  # noqa: ANN401 - plain values
    finding = _found(desk, request)
    return {**detail.plain(finding), "id": identity(finding), "evidence": finding.evidence}


def _metrics(tell: Tell | None, desk: Desk, request: Request) -> Response:
    form = form_for(request.headers.get("accept", ""))
    text = render(tell(desk.now()) if tell else (), form)
    return Response(text, headers={"content-type": str(form)})


def _api_logs(desk: Desk, request: Request) -> Any:  # noqa: ANN401 - plain values
    params = _params(request)
    looked = _looked(desk, request, params.get("model", ""))
    return logs.read(desk.reader, logs.parse(params, looked.view.window, desk.now()))
