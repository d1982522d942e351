"""Several processes share the models of one cluster, and know nothing of each other."""

import itertools
import os
import random
import secrets
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from mlmon.analyzers import jobs
from mlmon.core import schema
from mlmon.core.config import AnalyzeConfig, Config
from mlmon.core.event import encode
from mlmon.core.query import Scan
from mlmon.core.schema import Dataset
from mlmon.stores import elasticsearch
from mlmon.stores.search import setup
from mlmon.stores.search.access import Access
from mlmon.stores.search.connection import Http
from mlmon.stores.search.facts import probe
from mlmon.stores.search.templates import Options

pytestmark = pytest.mark.slow

START = datetime(2013, 3, 1, tzinfo=UTC)
MODELS = tuple(f"model-{number}" for number in range(6))
EACH = 200
PASS_S = 60
SIZE = "1d"
OWN_FIELDS = (schema.EVENT_INGESTED, schema.WINDOW_END)
"""When a store took something; the account of all events ends there."""


def _events(model, first):
    random_ = random.Random(f"{model} {first}")
    for k in range(first, first + EACH):
        moment = START + k * timedelta(minutes=20)
        both = {schema.LOG_LEVEL: "info", schema.MODEL_NAME: model, schema.INFERENCE_ID: f"{model}-{k}"}
        score = random_.random()
        label = {True: "late", False: "ok"}
        yield encode(both | {
            schema.TIMESTAMP: moment,
            schema.EVENT_ID: f"{model}-i{k}",
            schema.EVENT_DATASET: str(Dataset.INFERENCE),
            schema.EVENT_OUTCOME: "success",
            schema.TASK: "binary",
            schema.POSITIVE_LABEL: "late",
            schema.PREDICTION_LABEL: label[score > 0.5],
            schema.PREDICTION_SCORE: score,
        })  # fmt: skip
        yield encode(both | {
            schema.TIMESTAMP: moment + timedelta(hours=2), schema.EVENT_ID: f"{model}-o{k}",
            schema.EVENT_DATASET: str(Dataset.OUTCOME), schema.OUTCOME_LABEL: label[random_.random() < score],
        })  # fmt: skip


@pytest.fixture(scope="module")
def open_empty(elasticsearch_9):
    """Give a function that makes a namespace, and opens the store in it."""
    access = Access(url=elasticsearch_9.store_url)

    def make():
        namespace = f"parts{secrets.token_hex(4)}"
        with closing(Http(access)) as connection:
            facts = probe(connection, access.engine)
            list(setup.apply(connection, setup.plan(connection, facts, Options(namespace=namespace))))
        return namespace, elasticsearch.open_store(access, namespace=namespace)

    return make


def _write(store, first):
    for model in MODELS if first == 0 else (*MODELS, "new"):
        events = list(_events(model, first))
        assert store.write(events).stored == len(events)


def _both_at_once(engine, namespace, folder):
    """Run the two parts as processes at the same time, each from a folder without settings."""
    environment = {**os.environ, "MLMON_STORE_NAMESPACE": namespace, "MLMON_ANALYZE_WINDOWS": f'["{SIZE}"]'}
    command = [sys.executable, "-m", "mlmon.cli", "analyze", "--store", engine.store_url, "--partition"]
    running = [
        subprocess.Popen([*command, part], env=environment, cwd=folder, stderr=subprocess.PIPE, text=True)
        for part in ("1/2", "2/2")
    ]
    for process in running:
        _, told = process.communicate(timeout=PASS_S)
        assert process.returncode == 0, told


def _stored(store, *datasets):
    scans = (Scan(dataset=dataset) for dataset in datasets)
    found = itertools.chain.from_iterable(batch for scan in scans for batch in store.scan(scan))
    return {
        document[schema.EVENT_ID]: {name: it for name, it in document.items() if name not in OWN_FIELDS}
        for document in found
    }


def _agree(one, other):
    """Whether two documents are the same; the last digits of a sum hang on how a cluster cut its work."""
    return one.keys() == other.keys() and all(
        value == pytest.approx(other[name], rel=1e-9) if isinstance(value, float) else value == other[name]
        for name, value in one.items()
    )


def test_two_parts_at_once_say_what_one_process_says(elasticsearch_9, open_empty, tmp_path):
    """Two processes that share the models write the evaluations, metrics and findings of one process."""
    _, whole = open_empty()
    namespace, shared = open_empty()
    with closing(whole), closing(shared):
        for first in (0, EACH):
            for store in (whole, shared):
                _write(store, first)
            jobs.run_once(whole, Config(analyze=AnalyzeConfig(windows=(SIZE,))))
            _both_at_once(elasticsearch_9, namespace, tmp_path)
        elasticsearch_9.ask("POST", "/_refresh")  # what other processes wrote is seen some seconds later
        datasets = (Dataset.EVALUATION, Dataset.METRIC, Dataset.FINDING)
        expected, found = _stored(whole, *datasets), _stored(shared, *datasets)
        evaluations = [it for it in found.values() if it[schema.EVENT_DATASET] == Dataset.EVALUATION]
        assert len(evaluations) == EACH * (2 * len(MODELS) + 1)
        assert [expected.get(name) or found[name] for name in expected.keys() ^ found.keys()] == []
        assert [name for name, it in expected.items() if not _agree(it, found[name])] == []
