"""Exported searches on real servers fire when the built-in evaluator fires."""

import random
import secrets
from datetime import UTC, datetime, timedelta

import pytest

from mlmon.alerts.exports import opensearch as monitors
from mlmon.alerts.exports import watcher
from mlmon.alerts.exports.search import Place, search_of
from mlmon.alerts.judge import Point, judged
from mlmon.alerts.states import Alert, Phase, advance
from mlmon.core.clock import isoformat
from mlmon.core.result import Metric
from mlmon.core.window import Window
from mlmon.stores import elasticsearch, opensearch
from mlmon.stores.search import facts, names, setup
from mlmon.stores.search.access import Access
from mlmon.stores.search.connection import Http
from mlmon.stores.search.templates import Options

START = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOURS = 60
MODELS = ("flights", "fraud", "loans")
LAG = timedelta(minutes=10)


def at(body, moment):
    """A search as it is asked at a moment: `now` in its date math is that moment."""
    if isinstance(body, dict):
        return {key: at(value, moment) for key, value in body.items()}
    if isinstance(body, list):
        return [at(each, moment) for each in body]
    if isinstance(body, str) and body.startswith("now"):
        return f"{isoformat(moment)}||{body.removeprefix('now')}"
    return body


def watch_fires(condition, answer):
    """What Watcher's condition says of an answer, per series."""
    ((path, compared),) = condition["array_compare"].items()
    assert path == "ctx.payload.aggregations.series.buckets"
    assert compared["gte"]["quantifier"] == "some"
    return {
        bucket["key"]["model_name"]
        for bucket in answer["aggregations"]["series"]["buckets"]
        if bucket[compared["path"]] >= compared["gte"]["value"]
    }


def monitor_fires(trigger, answer):
    """What a bucket-level trigger's condition says of an answer, per series."""
    condition = trigger["bucket_level_trigger"]["condition"]
    assert condition["buckets_path"] == {"counted": "_count"}
    assert condition["parent_bucket_path"] == "series"
    name, sign, count = condition["script"]["source"].split()
    assert (name, sign) == ("params.counted", ">=")
    return {
        bucket["key"]["model_name"]
        for bucket in answer["aggregations"]["series"]["buckets"]
        if bucket["doc_count"] >= int(count)
    }


@pytest.fixture(scope="module")
def series():
    """Give an error rate an hour for each model: mostly well, with bad stretches, gaps and thin hours."""
    random_ = random.Random(8)
    made = []
    for model in MODELS:
        for hour in range(HOURS):
            if random_.random() < 0.05:
                continue
            value = random_.choice([0.01, 0.02, 0.08, 0.09] if hour % 12 > 7 else [0.01, 0.02, 0.03])
            n = 50 if random_.random() < 0.1 else 500
            window = Window(start=START + hour * HOUR, end=START + (hour + 1) * HOUR)
            made.append(
                Metric(
                    analyzer="service", model=model, name="error_rate", window=window, size="1h",
                    value=value, n=n,
                )
            )  # fmt: skip
    return made


@pytest.fixture
def cluster(engine, series):
    """Give a real server with the series in it, and where they are."""
    namespace = f"exports_{secrets.token_hex(4)}"
    connection = Http(Access(url=engine.store_url))
    found = facts.probe(connection, engine.kind.partition("_")[0])
    list(setup.apply(connection, setup.plan(connection, found, Options())))
    connection.close()
    opener = opensearch if engine.kind == "opensearch" else elasticsearch
    store = opener.open_store(Access(url=engine.store_url), namespace=namespace)
    store.put(series)
    engine.ask("POST", f"/mlmon.metric-{namespace}-*/_refresh")
    yield engine, Place(index=lambda dataset: names.pattern(dataset, namespace), lag=LAG)
    store.close()
    engine.ask("DELETE", f"/mlmon.metric-{namespace}-2026.03")


def phases(rule, series, model):
    """The phase of a model's alert once each window is over."""
    alert, found = Alert(), {}
    points = {one.window.start: one for one in series if one.model == model}
    for hour in range(HOURS):
        start = START + hour * HOUR
        one = points.get(start)
        if one is not None:
            point = Point(start=one.window.start, end=one.window.end, value=one.value, n=one.n)
            window = judged(rule, point)
            before = alert.is_open
            alert, _ = advance(alert, [window] if window else [], rule, now=start + HOUR)
            found[hour] = (before, alert.phase)
    return found


@pytest.mark.slow
def test_searches_fire_when_the_evaluator_does(cluster, series, rules):
    """Watch and monitor become true in the very window in which the evaluator's alert begins to fire."""
    engine, place = cluster
    rule = rules["errors"]
    made = watcher.watch(rule, place).body
    monitor = monitors.monitor(rule, place).body
    expected = {model: phases(rule, series, model) for model in MODELS}
    search = search_of(rule, place)
    begun = 0
    for hour in range(HOURS):
        moment = START + (hour + 1) * HOUR + LAG
        said = _both(engine, search.index, made, monitor, moment)
        for model in MODELS:
            was_open, phase = expected[model].get(hour, (True, None))
            if phase is Phase.FIRING and not was_open:
                begun += 1
                assert model in said, (model, hour)
            elif model in said and phase is not None:
                assert was_open, (model, hour)
    assert begun > len(MODELS)


def _both(engine, index, made, monitor, moment):
    """The models that are too much at a moment, which watch and monitor agree on."""
    request = made["input"]["search"]["request"]["body"]
    status, answer = engine.ask("POST", f"/{index}/_search", at(request, moment))
    assert status == 200, answer
    by_watch = watch_fires(made["condition"], answer)
    status, answer = engine.ask(
        "POST", f"/{index}/_search", at(monitor["inputs"][0]["search"]["query"], moment)
    )
    assert status == 200, answer
    assert monitor_fires(monitor["triggers"][0], answer) == by_watch
    return by_watch
