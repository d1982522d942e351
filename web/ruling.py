"""The pages of alerts and rules, and the one way to change something: a form that silences, takes or ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from mlmon.core.errors import ConfigError, MlmonError, UsageError
from mlmon.web import admission
from mlmon.web import alerts as told
from mlmon.web.alerts import Alert
from mlmon.web.desk import Desk, Handler, api, apology, html, page

_SEE_OTHER = 303


def routes(desk: Desk) -> list[Route]:
    """The page of all alerts and rules, its data, and where its forms are sent."""
    return [
        Route("/rules", page(desk, _shown), methods=["GET"]),
        Route("/rules", _changed(desk), methods=["POST"]),
        Route("/api/alerts", api(desk, _alerts)),
    ]


def firing(desk: Desk) -> int:
    """How many alerts fire."""
    return told.count(_known(desk), "firing")


def of_model(desk: Desk, name: str) -> list[Alert]:
    """The alerts of a model that are open or may soon be, the gravest on top."""
    known = told.ordered(_known(desk), name)
    return [alert for alert in known if alert.is_open or alert.phase == "pending"]


def _known(desk: Desk) -> Sequence[Alert]:
    """The alerts, for pages of other things: where they cannot be read, the page of rules says so."""
    try:
        return desk.alerts.alerts(desk.now()) if desk.alerts else ()
    except MlmonError:
        return ()


def _shown(desk: Desk, request: Request) -> Response:
    model, now = request.query_params.get("model", ""), desk.now()
    problem = ""
    rules, known, mutes = [], [], []
    if desk.alerts is not None:
        known, mutes = told.ordered(desk.alerts.alerts(now), model), list(desk.alerts.mutes(now))
        try:
            rules = list(desk.alerts.rules(now))
        except ConfigError as error:
            problem = str(error)
    return html(
        "rules.html",
        model=model,
        alerts=known,
        rules=rules,
        mutes=mutes,
        firing=told.count(known, "firing"),
        recovering=told.count(known, "recovering"),
        problem=problem,
        now=now,
        keyed=desk.check is not None,
        back=f"/rules?{request.url.query}" if request.url.query else "/rules",
    )


def _alerts(desk: Desk, request: Request) -> Any:  # noqa: ANN401 - plain values
    if desk.alerts is None:
        return []
    return told.ordered(desk.alerts.alerts(desk.now()), request.query_params.get("model", ""))


def _changed(desk: Desk) -> Handler:
    async def handle(request: Request) -> Response:
        try:
            form = await admission.form_of(request.headers, request.stream())
            await run_in_threadpool(_change, desk, request, form)
        except MlmonError as error:
            return apology(request, error)
        return RedirectResponse(admission.local_path(form.get("back", "")), status_code=_SEE_OTHER)

    return handle


def _change(desk: Desk, request: Request, form: dict[str, str]) -> None:
    author = admission.admit(request.headers, form, desk.check)
    if desk.alerts is None:
        raise UsageError("No rules are evaluated here, so there is nothing to silence. Start: mlmon up")
    told.change(desk.alerts, told.wish(form, author), desk.now())
