#!/usr/bin/env python3
"""An example of a model's service: POST /predict with features as JSON, and each answer becomes an event.

The environment says where events go: MLMON_LOG_SHIP, MLMON_LOG_KEY_FILE, MLMON_LOG_SPOOL.
"""

from __future__ import annotations

import os

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from mlmon.logging_sdk import ModelLogger, metrics

THRESHOLD = 0.5

log = ModelLogger(
    "late-departure",
    version="1",
    task="binary",
    positive_label="late",
    threshold=THRESHOLD,
    segments=["origin"],
)


def score(features: dict[str, float | str]) -> float:
    """The model: the windier the later. Put yours here."""
    return min(1.0, max(0.0, float(features.get("wind_speed", 0.0)) / 40.0))


async def predict(request: Request) -> JSONResponse:
    """Answer with the prediction, and with the id under which its outcome is told later."""
    features = await request.json()
    with log.inference(features=features) as inference:
        chance = score(features)
        label = "late" if chance > THRESHOLD else "on_time"
        inference.predict(label=label, score=chance)
    return JSONResponse({"id": inference.id, "label": label, "score": chance})


async def outcome(request: Request) -> PlainTextResponse:
    """Take what became of a prediction: `{"id": ..., "label": ...}`."""
    told = await request.json()
    log.outcome(told["id"], label=told["label"])
    return PlainTextResponse("ok\n")


def health(_: Request) -> PlainTextResponse:
    """Say that the service lives; it does so whether or not events can be sent."""
    return PlainTextResponse("ok\n")


def show_metrics(_: Request) -> PlainTextResponse:
    """Show what the logger emitted, sent and dropped, for Prometheus."""
    return PlainTextResponse(metrics())


app = Starlette(
    routes=[
        Route("/predict", predict, methods=["POST"]),
        Route("/outcome", outcome, methods=["POST"]),
        Route("/health", health),
        Route("/metrics", show_metrics),
    ]
)

if __name__ == "__main__":
    uvicorn.run(app, host=os.environ.get("HOST", "127.0.0.1"), port=int(os.environ.get("PORT", "8000")))
