import itertools
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.analyzers import cursor, health, jobs, models, partition
from mlmon.analyzers.partition import Partition, Share
from mlmon.core import schema
from mlmon.core.clock import to_ns
from mlmon.core.config import AnalyzeConfig, Config
from mlmon.core.errors import UsageError
from mlmon.core.query import Count, Query
from mlmon.core.result import identity
from mlmon.core.schema import Dataset

START = datetime(2030, 3, 4, tzinfo=UTC)
NOW = START + timedelta(days=60)
CONFIG = Config(analyze=AnalyzeConfig(windows=("1d",)))
MODELS = ("delay", "fraud", "price", "spam", "churn")
SECOND_OF_THREE = ["delay", "fraud"]
PARTS = [Partition(number=number, of=3) for number in (1, 2, 3)]


@given(st.text(min_size=1), st.integers(1, 50))
def test_every_model_belongs_to_one_part(model, of):
    """Of all parts exactly one holds a model."""
    assert sum(Partition(number=number + 1, of=of).holds(model) for number in range(of)) == 1


def test_a_part_holds_the_same_models_on_every_machine():
    """The part of a model is told by its name, and does not change from one run to the next."""
    assert [model for model in MODELS if Partition(number=2, of=3).holds(model)] == SECOND_OF_THREE


@pytest.mark.parametrize("text", ["", "2", "0/2", "3/2", "1/1001", "a/b", "-1/2", "1/2/3"])
def test_what_is_no_part_is_refused(text):
    """A part that cannot be meant is an error that says how to write one."""
    with pytest.raises(UsageError, match=re.escape(f"'{text}' is no part") + ".*Write I/N"):
        partition.parse(text)


def _serve(store, service, names=MODELS, *, first=0, count=30):
    """Write inferences of each model, and their outcomes a day later, one of them without an inference."""
    for name in names:
        made = type(service)(name)
        made.sequence = itertools.count(10 * first)
        events = []
        for k in range(first, first + count):
            moment = START + k * timedelta(hours=5)
            label = "late" if k % 3 else "ok"
            events.append(
                made.inference(
                    f"{name}-{k}", moment, TASK="binary", POSITIVE_LABEL="late", PREDICTION_LABEL=label
                )
            )
            events.append(made.outcome(f"{name}-{k}", moment + timedelta(days=1), OUTCOME_LABEL="late"))
        events.append(made.outcome(f"nobody's {first}", START, OUTCOME_LABEL="late"))
        store.write(events)


def _run(store, *parts):
    return [
        jobs.run_once(store, CONFIG, clock=lambda: to_ns(NOW), partition=part) for part in (parts or (None,))
    ]


def _stated(results, store):
    found = results(store)
    return {identity(result): result for result in (*found.metrics, *found.findings)}


def _evaluations(store):
    return {
        name: {key: value for key, value in document.items() if key != schema.EVENT_INGESTED}
        for name, document in store.documents[Dataset.EVALUATION].items()
    }


def test_the_parts_together_say_what_one_process_says(new_store, service, results):
    """Evaluations and results of all parts are those of one process, whatever comes between the passes."""
    one, many = new_store(), new_store()
    for store, parts in ((one, (None,)), (many, PARTS)):
        _serve(store, service)
        _run(store, *parts)
        _serve(store, service, (*MODELS, "new"), first=30)
        _run(store, *parts)
    assert len(_evaluations(many)) == 11 * 30
    assert _evaluations(many) == _evaluations(one)
    assert _stated(results, many) == _stated(results, one)
    assert [model.name for model in models.models(many)] == sorted([*MODELS, "new"])


def test_each_part_does_its_own_share_once(store, service):
    """The parts join each outcome once, and a second pass of each finds nothing to do."""
    _serve(store, service)
    assert [done.models for done in _run(store, *PARTS)] == [2, 2, 1]
    assert [(done.outcomes.joined, done.metrics) for done in _run(store, *PARTS)] == [(0, 0)] * 3


def test_two_processes_of_one_part_write_the_same(store, service, results):
    """A part that two processes take by mistake ends as if one had."""
    _serve(store, service)
    _run(store, *PARTS)
    expected = _stated(results, store), _evaluations(store)
    for name in [name for name in store.blobs if "2-of-3" in name]:
        del store.blobs[name]
    _run(store, PARTS[1])
    assert (_stated(results, store), _evaluations(store)) == expected


def test_a_model_that_comes_within_a_pass_is_left_for_the_next(store, service):
    """A cursor of a part passes over nothing of a model that the part has not listed yet."""
    _serve(store, service, ["delay"])
    share = Share(store, Partition(number=2, of=3))
    _serve(store, service, ["delay", "fraud"], first=30)
    question = Query(dataset=Dataset.INFERENCE, measures={"n": Count()})
    fresh = cursor.news(share, Dataset.INFERENCE, cursor.Cursor())
    assert fresh is not None
    assert fresh.count == 30
    assert share.query(question).rows == [{"n": 60}]
    later = Share(store, Partition(number=2, of=3))
    rest = cursor.news(later, Dataset.INFERENCE, fresh.cursor)
    assert rest is not None
    assert rest.count == 60
    assert later.query(question).rows == [{"n": 90}]


def test_a_part_that_does_not_run_lags(store, service):
    """Of the models of a part that no process takes the oldest inference waits; the others are done."""
    _serve(store, service)
    _run(store, PARTS[0], PARTS[2])
    assert sorted(health.lags_s(store, NOW)) == SECOND_OF_THREE
    _run(store, PARTS[1])
    assert health.lags_s(store, NOW) == {}
