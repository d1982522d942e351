"""What Kibana would ask for each panel gives the numbers that the page shows."""

import random
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mlmon.analyzers import jobs, models, reference
from mlmon.analyzers.profile_window import from_window
from mlmon.cli import copying
from mlmon.core import event, health, schema
from mlmon.core.clock import isoformat, to_ns
from mlmon.core.config import Config, ModelConfig
from mlmon.core.dashboards import DASHBOARDS
from mlmon.core.panel import ALL, Panel, Scope, across, scope
from mlmon.core.panels.model import panels as of_page
from mlmon.core.query import Quantiles, narrow
from mlmon.core.schema import EVENTS, RESULTS, Dataset
from mlmon.core.window import Window
from mlmon.demo import flights, model, serve
from mlmon.kibana.columns import shown
from mlmon.kibana.dashboards import render
from mlmon.kibana.lens import asked
from mlmon.kibana.objects import Frame
from mlmon.logging_sdk.testing import capture
from mlmon.stores import elasticsearch
from mlmon.stores.embedded import open_store
from mlmon.stores.search import names, setup
from mlmon.stores.search.access import Access
from mlmon.stores.search.connection import Http
from mlmon.stores.search.facts import probe
from mlmon.stores.search.templates import Options

pytestmark = pytest.mark.slow

DAYS = 3
NAMESPACE = "boards"
NOW = datetime(2013, 4, 20, tzinfo=UTC)
SPAN = Window(start=datetime(2013, 2, 28, tzinfo=UTC), end=datetime(2013, 3, 12, tzinfo=UTC))
FIRST_DAYS = Window(start=datetime(2013, 3, 1, tzinfo=UTC), end=datetime(2013, 3, 3, tzinfo=UTC))
CONFIG = Config(models={serve.MODEL: ModelConfig(maturity="2d")})
PANELS = {
    panel.id: panel
    for board in DASHBOARDS
    for panel in board.panels
    if isinstance(panel, Panel) and panel.id != "calibration"
}
PAGE = {panel.id: panel for panel in of_page("roc_auc") if panel.id not in ("calibration", "confusion")}
EMPTY = {"performance-mae", "performance-rmse", "performance-bias", "segments-mae", "redacted", "losses"}
"""What flights have nothing of: they are of classes, nothing of them is masked, and none is lost."""


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


@pytest.fixture(scope="module")
def page_store(tmp_path_factory):
    """Give an embedded store as the page reads it, with a slice of the flights, analysed."""
    store = open_store(tmp_path_factory.mktemp("boards"))
    events = _flown()
    for at in range(0, len(events), 2_000):
        assert store.write(events[at : at + 2_000]).refused == ()
    [served] = models.models(store, CONFIG)
    reference.save(store, from_window(store, served, FIRST_DAYS, now=NOW))
    jobs.run_once(store, CONFIG, clock=lambda: to_ns(NOW))
    yield store
    store.close()


@pytest.fixture(scope="module")
def cluster(elasticsearch_9, page_store):
    """Give a real Elasticsearch that has the same documents, in a namespace of its own."""
    access = Access(url=elasticsearch_9.store_url)
    with closing(Http(access)) as connection:
        facts = probe(connection, access.engine)
        list(setup.apply(connection, setup.plan(connection, facts, Options(namespace=NAMESPACE))))
    with closing(elasticsearch.open_store(access, namespace=NAMESPACE)) as store:
        copying.run(page_store, store, (*EVENTS, *RESULTS), lambda _: None)
    elasticsearch_9.ask("POST", f"/*{NAMESPACE}*/_refresh")
    return elasticsearch_9


@pytest.fixture(scope="module")
def boards():
    """Give what is rendered for that namespace."""
    return render(Frame(patterns={dataset: names.pattern(dataset, NAMESPACE) for dataset in Dataset})).objects


def _asked(cluster, lens_reader, boards, panel) -> dict[frozenset, dict[str, Any]]:
    """What the rendered object gives: its values by its keys."""
    [one] = [each for each in boards if each["id"] == f"mlmon-lens-{panel.id}"]
    view = lens_reader.view_of(boards, one)
    window = (SPAN.start, SPAN.end) if "timeFieldName" in view["attributes"] else None
    status, answer = cluster.ask(
        "POST",
        f"/{view['attributes']['title']}/_search?ignore_unavailable=true",
        lens_reader.body(one, window, "1d"),
    )
    assert status == 200, answer
    assert answer["_shards"]["failed"] == 0
    return {frozenset(keys.items()): values for keys, values in lens_reader.rows(one, answer)}


def _expected(reader, panel) -> dict[frozenset, dict[str, Any]]:
    """What the page's store answers to the panel's question across models."""
    kept = asked(panel, "1d").by
    query = narrow(across(panel, "1d"), None, None if panel.size == ALL else SPAN)
    fields = {name: key.field for name, key in query.by.items() if name in kept}
    made = {}
    for row in reader.query(query):
        values = {name: row[name] for name in query.measures}
        values |= {
            name: row[ratio.over] / row[ratio.under] if row[ratio.under] else None
            for name, ratio in panel.ratios.items()
        }
        made[frozenset((field, row[name]) for name, field in fields.items())] = values
    return made


def _same(panel, lens_values, values) -> None:
    """Each column that is drawn has the page's number; quantiles are read off a sketch."""
    for name in {*panel.y, *filter(None, (panel.series, panel.low, panel.high, panel.x))}:
        columns = [column for column in shown(panel, panel.query, name) if column in lens_values]
        measure = panel.query.measures.get(name)
        expected = values.get(name)
        if isinstance(measure, Quantiles):
            for column, value in zip(columns, expected or [None] * len(columns), strict=True):
                assert lens_values[column] == pytest.approx(value, rel=0.05), column
        for column in columns:
            if isinstance(expected, datetime):
                assert abs(lens_values[column] - expected) < timedelta(milliseconds=1)
            elif expected is None or not isinstance(expected, list):
                assert lens_values[column] == (
                    expected if expected is None else pytest.approx(expected, rel=1e-9, abs=1e-12)
                ), column


@pytest.mark.parametrize("panel", PANELS.values(), ids=PANELS)
def test_kibana_asks_what_the_page_asks(cluster, lens_reader, boards, page_store, panel):
    """The search behind a rendered panel has the groups and the numbers of the panel's own question."""
    found, expected = _asked(cluster, lens_reader, boards, panel), _expected(page_store, panel)
    if panel.id not in EMPTY:
        assert expected
    assert found.keys() == expected.keys()
    for keys, values in expected.items():
        _same(panel, found[keys], values)


@pytest.mark.parametrize("panel", PAGE.values(), ids=PAGE)
def test_a_models_lines_are_those_of_its_page(page_store, panel):
    """Of one model and all its versions together, a dashboard has the very rows that the page draws."""
    to = Scope(model=serve.MODEL, window=SPAN, size="1d")
    on_page = page_store.query(scope(panel, to)).rows
    query = narrow(across(panel, "1d"), None, SPAN)
    model_, version = ("model", "version")
    mine = [
        {name: value for name, value in row.items() if name in panel.query.by or name in panel.query.measures}
        for row in page_store.query(query)
        if row[model_] == serve.MODEL and row.get(version, "") == ""
    ]
    if panel.id == "segments":
        assert {*map(_key, on_page)} == {*map(_key, mine)}
        return
    assert on_page == mine
    assert on_page


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row.values())


def test_reports_are_dated_within_the_time_shown():
    """The reports of the parts lie in the time that is asked for, or nothing would be compared."""
    assert all(
        isoformat(SPAN.start) <= report[schema.TIMESTAMP] < isoformat(SPAN.end) for report in _reports()
    )
