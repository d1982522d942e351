"""A slice of the flights of 2013, analysed, in a store as the page reads it and on a real cluster."""

import random
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

from mlmon.analyzers import jobs, models, reference
from mlmon.analyzers.profile_window import from_window
from mlmon.cli import copying
from mlmon.core import event, health, schema
from mlmon.core.clock import to_ns
from mlmon.core.config import Config, ModelConfig
from mlmon.core.schema import EVENTS, RESULTS, Dataset
from mlmon.core.store import Reader, Store
from mlmon.core.window import Window
from mlmon.demo import flights, model, serve
from mlmon.logging_sdk.testing import capture
from mlmon.stores import elasticsearch, opensearch
from mlmon.stores.search import setup
from mlmon.stores.search.access import Access
from mlmon.stores.search.connection import Http
from mlmon.stores.search.facts import probe
from mlmon.stores.search.templates import Options

DAYS = 3
NAMESPACE = "boards"
MODEL = serve.MODEL
NOW = datetime(2013, 4, 20, tzinfo=UTC)
SPAN = Window(start=datetime(2013, 2, 28, tzinfo=UTC), end=datetime(2013, 3, 12, tzinfo=UTC))
FIRST_DAYS = Window(start=datetime(2013, 3, 1, tzinfo=UTC), end=datetime(2013, 3, 3, tzinfo=UTC))
CONFIG = Config(models={MODEL: ModelConfig(maturity="2d")})
EMPTY = {
    "performance-mae", "performance-rmse", "performance-bias", "segments-mae", "redacted", "losses",
    "drift-together", "drift-with-loss",
}  # fmt: skip
"""Panels that days of flights have nothing for: they are of classes, nothing of them is masked, none is lost,
and what features do together is told of weeks."""


def fill(store: Store) -> None:
    """Write the slice, build a reference of its first days, and let the jobs state all windows."""
    events = _flown()
    for at in range(0, len(events), 2_000):
        assert store.write(events[at : at + 2_000]).refused == ()
    [served] = models.models(store, CONFIG)
    reference.save(store, from_window(store, served, FIRST_DAYS, now=NOW))
    jobs.run_once(store, CONFIG, clock=lambda: to_ns(NOW))


def copy(source: Reader, engine: Any) -> None:
    """Bring everything of a store to a server, into a namespace of its own."""
    access = Access(url=engine.store_url)
    with closing(Http(access)) as connection:
        facts = probe(connection, access.engine)
        list(setup.apply(connection, setup.plan(connection, facts, Options(namespace=NAMESPACE))))
    module = opensearch if engine.kind == "opensearch" else elasticsearch
    with closing(module.open_store(access, namespace=NAMESPACE)) as store:
        copying.run(source, store, (*EVENTS, *RESULTS), lambda _: None)
    engine.ask("POST", f"/*{NAMESPACE}*/_refresh")


def _flown() -> list[event.Event]:
    """The flights of some days, one in two of them, and a report of each part."""
    table = flights.load()
    trained = model.train(flights.training(table))
    served = flights.serving(table)
    served = served[served["departure"] < served["departure"].min() + timedelta(days=DAYS)].iloc[::2]
    hours, random_ = serve.HourClock(), random.Random(2013)
    with capture() as events:
        log = serve.logger("stdout://", trained.model.threshold, hours)
        serve.serve(served, trained.model, log, hours)
        log.warning("the last flight of the slice has arrived")
        log.close()
    for at, document in enumerate(events):
        if schema.EVENT_DURATION in document:
            document[schema.EVENT_DURATION] = random_.randrange(10**6, 2 * 10**6)
        if document[schema.EVENT_DATASET] == Dataset.INFERENCE and at % 50 == 0:
            document |= {schema.EVENT_OUTCOME: "failure", schema.ERROR_TYPE: "TimeoutError"}
    return [event.encode(document) for document in [*events, *_reports()]]


def _reports() -> list[event.Document]:
    more = {schema.SERVICE_NAME: "departures", schema.HOST_NAME: "gate"}
    names_ = (
        health.QUEUED, health.OLDEST_SECONDS, health.WRITE_P50_SECONDS, health.WRITE_P99_SECONDS,
        health.DISK_FREE_BYTES, health.PASS_SECONDS, health.LAG_SECONDS, health.SUCCESS_AGE_SECONDS,
    )  # fmt: skip
    gauges = dict.fromkeys(names_, 3.0)
    counters = {health.RECEIVED: 9.0, health.STORED: 8.0, health.TURNED_AWAY: 1.0}
    at = FIRST_DAYS.start + timedelta(hours=5)
    return [
        health.to_document(
            health.Report(
                part=part, id=f"{part}-1", number=number, at=at + number * timedelta(days=1), started=at,
                counters=counters, gauges={name: value + number for name, value in gauges.items()},
            ),
            more,
        )
        for part in health.Part
        for number in range(3)
    ]  # fmt: skip
