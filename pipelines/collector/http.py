"""The http door: NDJSON, a JSON array or one JSON object in, an answer after the durable write."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from mlmon.core import meters
from mlmon.core.errors import MlmonError
from mlmon.core.exposition import form_for, render
from mlmon.pipelines.collector.access import CHALLENGE, Access
from mlmon.pipelines.collector.bodies import RefusedError, lines_of, pass_over
from mlmon.pipelines.collector.gate import Gate, Turn, key_of
from mlmon.pipelines.health import Watch
from mlmon.pipelines.keys import RefusedKeyError
from mlmon.pipelines.pipeline import BusyError, Pipeline, Receipt

EVENTS_PATH: Final = "/v1/events"
MOST_ERRORS_SHOWN: Final = 20
RETRY_AFTER_S: Final = 1


def app(
    pipeline: Pipeline,
    *,
    max_batch_bytes: int,
    gate: Gate | None = None,
    access: Access | None = None,
    watch: Watch | None = None,
) -> ASGIApp:
    """The application of the door; without a gate and an access it is open to all.

    With a watch it serves `/metrics`.
    """
    gate = gate or Gate()
    access = access or Access(None)

    async def events(request: Request) -> Response:
        share = gate.room.share()
        try:
            key = access.admit(request.headers.get("authorization"), _peer(request))
            lines = await lines_of(request, limit=max_batch_bytes, gate=gate, share=share)
            gate.of(key_of(request.client, request.scope.get("server"))).turn(Turn.OURS)
            namespace = None if key is None else key.namespace
            receipt = pipeline.submit(lines, f"http {_peer(request)}", namespace=namespace)
            share.free()  # from here on the pipeline counts it
            return _told(await asyncio.wrap_future(receipt))
        except ClientDisconnect:
            return Response(status_code=400)
        except RefusedKeyError as error:
            await pass_over(request.stream(), max_batch_bytes)
            return _locked(error)
        except RefusedError as error:
            return _answer({"error": str(error)}, error.status)
        except BusyError as error:
            return _answer({"error": str(error)}, 429, _LATER)
        except MlmonError as error:
            return _answer({"error": str(error)}, 503, _LATER)
        finally:
            share.free()

    def status(_request: Request) -> Response:
        doors = {"connections": gate.counters(), "refused_keys": dict(access.refused)}
        return _answer(msgspec.to_builtins(pipeline.counters()) | msgspec.to_builtins(doors))

    def metrics(request: Request) -> Response:
        form = form_for(request.headers.get("accept", ""))
        families = () if watch is None else meters.families([({}, watch.report())])
        return Response(render(families, form), headers={"Content-Type": str(form)})

    async def health(_request: Request) -> Response:
        return _answer({"status": "ok"})

    routes = [
        Route(EVENTS_PATH, events, methods=["POST"]),
        Route("/v1/status", _with_key(access, status)),
        Route("/metrics", _with_key(access, metrics)),
        Route("/health", health),
    ]
    return _watched(Starlette(routes=routes), gate)


_LATER: Final = {"Retry-After": str(RETRY_AFTER_S)}


def _with_key(
    access: Access, answer: Callable[[Request], Response]
) -> Callable[[Request], Awaitable[Response]]:
    """Answer a request that may come in, and no other."""

    async def answered(request: Request) -> Response:
        try:
            access.admit(request.headers.get("authorization"), _peer(request))
        except RefusedKeyError as error:
            return _locked(error)
        return answer(request)

    return answered


def _watched(application: ASGIApp, gate: Gate) -> ASGIApp:
    """Tell the gate when a request has begun and when it is over."""

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        connection = gate.of(key_of(scope.get("client"), scope.get("server")))
        connection.turn(Turn.SENDERS)
        try:
            await application(scope, receive, send)
        finally:
            connection.turn(Turn.IDLE)

    return watched


def _peer(request: Request) -> str:
    return f"{request.client.host}:{request.client.port}" if request.client else "unknown"


def _locked(error: RefusedKeyError) -> Response:
    told = (
        f"{error} Make a key on the collector's host with: mlmon keys create --namespace NAME, and give it "
        "to the sender, as MLMON_LOG_KEY or in the header Authorization: ApiKey KEY."
    )
    return _answer({"error": told, "reason": error.reason}, 401, {"WWW-Authenticate": CHALLENGE})


def _answer(
    content: Any,  # noqa: ANN401 - any JSON
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    return Response(msgspec.json.encode(content), status, headers, media_type="application/json")


def _told(receipt: Receipt) -> Response:
    """What became of the lines; 403 where the key may write none of them, so that the sender keeps them."""
    content = {
        "received": receipt.received,
        "stored": receipt.stored,
        "duplicates": receipt.duplicates,
        "dead_lettered": receipt.dead_lettered,
        "wrong_namespace": receipt.wrong_namespace,
        "errors": msgspec.to_builtins(receipt.refused[:MOST_ERRORS_SHOWN]),
    }
    if receipt.received and receipt.wrong_namespace == receipt.received:
        return _answer(content | {"error": receipt.refused[0].detail}, 403)
    return _answer(content)
