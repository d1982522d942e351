import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlmon.analyzers import concept, evaluation, jobs
from mlmon.analyzers.error_streams import Kept
from mlmon.analyzers.models import Model
from mlmon.analyzers.policy import Policy
from mlmon.analyzers.series import detectors
from mlmon.core import clock, schema
from mlmon.core.config import AnalyzeConfig, Config, ModelConfig
from mlmon.core.query import Scan
from mlmon.core.result import Finding, Severity, State, from_document
from mlmon.core.schema import Dataset
from mlmon.stores.embedded import open_store

START = datetime(2030, 1, 7, tzinfo=UTC)
DAYS = 50
N = 5_000
STEP = timedelta(days=DAYS) / N
MATURITY = timedelta(days=2)
END = START + timedelta(days=DAYS)
MODEL = Model(name="m", first=START, last=END, segments={"carrier": ("UA", "DL")})


def moment(k):
    """When the k-th inference was."""
    return START + k * STEP


def evaluated(k, *, wrong, version="1", carrier="UA", revision=0, loss=None):
    """The evaluation of the k-th inference."""
    inference = {
        schema.TIMESTAMP: moment(k), schema.MODEL_NAME: "m", schema.INFERENCE_ID: f"i{k:06}",
        schema.MODEL_VERSION: version, schema.SEGMENT: {"carrier": carrier}, schema.PREDICTION_LABEL: "a",
        schema.PREDICTION_VALUE: loss,
    }  # fmt: skip
    outcome = {schema.OUTCOME_REVISION: revision, schema.OUTCOME_LABEL: "b" if wrong else "a"}
    if loss is None:
        del inference[schema.PREDICTION_VALUE]
        return evaluation.evaluate(inference, outcome, "multiclass", None)
    return evaluation.evaluate(inference, outcome | {schema.OUTCOME_VALUE: 0.0}, "regression", None)


def write(store, documents):
    """Store evaluations."""
    store.write([evaluation.to_event(document) for document in documents])


def wrongs(seed=0, change=2_500):
    """One in ten predictions is wrong, and one in four after a change."""
    return np.random.default_rng(seed).random(N) < np.where(np.arange(N) < change, 0.1, 0.25)


def keep(store, now=END + MATURITY, detector="adwin", model=MODEL):
    """One pass over the errors."""
    return concept.keep(store, model, detector=detector, policy=Policy(), now=now, maturity=MATURITY)


def kept(store):
    """What was kept of the model."""
    [name] = [name for name in store.blobs if name.startswith("concept/")]
    return msgspec.msgpack.decode(store.blobs[name], type=Kept)


def firing(results, store):
    """The findings that fire, by segment and version."""
    return {
        (finding.segment, finding.version): finding
        for finding in results(store).findings
        if finding.state is State.FIRING
    }


def test_a_rise_of_the_errors_is_a_finding(store, results):
    """The finding tells since when, the errors before and after with intervals, and the detector."""
    write(store, [evaluated(k, wrong=wrong) for k, wrong in enumerate(wrongs())])
    keep(store)
    found = firing(results, store)
    assert found.keys() == {("", ""), ("carrier=UA", "")}
    finding = found["", ""]
    assert abs(finding.window.start - (START + timedelta(days=25))) <= timedelta(days=2)
    assert finding.severity is Severity.CRITICAL
    assert finding.evidence["detector"] == "adwin"
    assert finding.evidence["settings"]["delta"] == 0.002
    before, after = finding.evidence["before"], finding.evidence["after"]
    assert before["low"] < 0.1 < before["high"]
    assert after["low"] < 0.25 < after["high"]
    assert "concept drift" in finding.message


def test_the_alarms_are_those_of_the_detector(store):
    """The times of the alarms are those at which river alarms over the whole stream."""
    errors = wrongs(4)
    write(store, [evaluated(k, wrong=wrong) for k, wrong in enumerate(errors)])
    keep(store)
    rows = detectors.alarms(detectors.create("adwin"), map(float, errors))
    assert kept(store).streams[""][""].alarms_s == [moment(row).timestamp() for row in rows]


@pytest.mark.parametrize("detector", detectors.DETECTORS)
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 999), cuts=st.lists(st.floats(0, 51), max_size=5))
def test_any_cutting_into_passes_says_the_same(new_store, results, detector, seed, cuts):
    """Passes at any times, outcomes coming in between in any order, end as one pass over all of it."""
    count = 400
    chance = np.random.default_rng(seed)
    errors = chance.random(count) < np.where(np.arange(count) < 200, 0.1, 0.9)
    documents = [
        evaluated(k * N // count, wrong=wrong, version=str(k // 150), carrier="UA" if k % 3 else "DL")
        for k, wrong in enumerate(errors)
    ]
    lateness = chance.uniform(0, 1.9, count).tolist()
    comes = [
        document[schema.TIMESTAMP] + timedelta(days=late)
        for document, late in zip(documents, lateness, strict=True)
    ]
    whole, parts = new_store(), new_store()
    write(whole, documents)
    keep(whole, detector=detector)
    last = START
    for now in [*(START + timedelta(days=cut) for cut in sorted(cuts)), END + MATURITY]:
        write(parts, [one for one, at in zip(documents, comes, strict=True) if last <= at < now])
        keep(parts, now=now, detector=detector)
        last = now
    assert msgspec.to_builtins(kept(parts)) == msgspec.to_builtins(kept(whole))
    assert firing(results, parts) == firing(results, whole)


def test_corrections_and_retractions_that_come_in_time_count(store):
    """Of a corrected prediction the last word is read, once; of a withdrawn one nothing."""
    first = [evaluated(k, wrong=True) for k in range(50)]
    write(store, first)
    write(store, [evaluation.withdrawn(document) for document in first])
    write(store, [evaluated(k, wrong=False, revision=1) for k in range(25)])
    keep(store)
    blocks = kept(store).streams[""][""].errors
    assert (blocks.under_way.n + sum(block.n for block in blocks.blocks[0])) == 25
    assert (blocks.under_way.total + sum(block.total for block in blocks.blocks[0])) == 0


def test_what_comes_too_late_takes_no_part(store):
    """An evaluation of an hour that was read is not read any more."""
    write(store, [evaluated(k, wrong=False) for k in range(1_000)])
    keep(store)
    before = kept(store)
    write(store, [evaluated(k, wrong=True) for k in range(1_000, 1_100)])
    keep(store, now=END + 2 * MATURITY)
    after = kept(store)
    assert msgspec.structs.replace(after, mark=before.mark) == before


def test_a_finding_is_resolved_when_the_errors_fall_back(store, results):
    """Errors that are as before for a week resolve it."""
    rates = np.full(N, 0.1)
    rates[2_000:3_500] = 0.4
    errors = np.random.default_rng(1).random(N) < rates
    write(store, [evaluated(k, wrong=wrong) for k, wrong in enumerate(errors)])
    keep(store, now=moment(3_500))
    assert ("", "") in firing(results, store)
    keep(store)
    assert firing(results, store) == {}


def test_each_version_has_a_stream_of_its_own(store, results):
    """Where the second version errs from its beginning on, its own stream has no rise and that of all has."""
    write(
        store,
        [evaluated(k, wrong=wrong, version="1" if k < 2_500 else "2") for k, wrong in enumerate(wrongs())],
    )
    keep(store)
    assert {version for segment, version in firing(results, store) if not segment} == {""}
    assert kept(store).streams[""].keys() == {"", "1", "2"}


def test_absolute_errors_of_numbers_are_read(store, results):
    """A regression model whose errors double has a finding that speaks of absolute errors."""
    chance = np.random.default_rng(2)
    losses = np.abs(chance.normal(0, np.where(np.arange(N) < 2_500, 1.0, 2.0)))
    write(store, [evaluated(k, wrong=False, loss=float(loss)) for k, loss in enumerate(losses)])
    keep(store)
    assert "mean absolute error" in firing(results, store)["", ""].message


def test_a_detector_that_cannot_read_numbers_says_so(store):
    """DDM reads right and wrong only; for a model of numbers there is a note, and nothing else."""
    write(store, [evaluated(k, wrong=False, loss=0.5) for k in range(10)])
    told = keep(store, detector="ddm")
    assert told.findings == []
    assert told.note.startswith("Concept drift of m is not looked for: ddm reads right")


def test_without_river_a_note_says_so(store, monkeypatch):
    """Where river is not installed a pass says so in one sentence, and nothing fails."""
    write(store, [evaluated(k, wrong=False) for k in range(10)])
    for name in [name for name in sys.modules if name.partition(".")[0] == "river"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "river", None)
    assert keep(store).note.startswith("Concept drift is not looked for. river is not installed.")


def test_another_detector_reads_everything_again(store, results):
    """With another detector the past is read anew, and findings that it does not make are resolved."""
    write(store, [evaluated(k, wrong=wrong) for k, wrong in enumerate(wrongs())])
    keep(store)
    assert firing(results, store)
    keep(store, detector="page-hinkley")
    assert kept(store).detector == "page-hinkley"
    assert all(one.evidence["detector"] == "page-hinkley" for one in firing(results, store).values())
    keep(store, detector="off")
    assert firing(results, store) == {}


def test_a_pass_of_the_jobs_reads_the_errors(store, service, results):
    """A pass joins outcomes, reads the errors that are final, and counts the findings."""
    errors = wrongs()[::4]
    rows = [(f"i{k}", moment(4 * k), wrong) for k, wrong in enumerate(errors)]
    store.write(
        [service.inference(name, at, TASK="multiclass", PREDICTION_LABEL="a") for name, at, _ in rows]
    )
    store.write([service.outcome(name, at, OUTCOME_LABEL="b" if wrong else "a") for name, at, wrong in rows])
    config = Config(analyze=AnalyzeConfig(windows=("month",)), models={"m": ModelConfig(maturity="2d")})
    jobs.run_once(store, config, clock=lambda: clock.to_ns(END + MATURITY))
    [finding] = [one for one in results(store).findings if one.analyzer == concept.ANALYZER]
    assert finding.state is State.FIRING


def test_a_real_folder_keeps_the_state(tmp_path, store, results):
    """In a folder of the embedded store, in three passes, the findings are those of the store in memory."""
    documents = [evaluated(k, wrong=wrong) for k, wrong in enumerate(wrongs())]
    write(store, documents)
    keep(store)
    with closing(open_store(tmp_path / "store")) as folder:
        write(folder, documents)
        for now in (moment(1_200), moment(3_100), END + MATURITY):
            keep(folder, now=now)
        scan = Scan(dataset=Dataset.FINDING)
        found = [from_document(one) for documents in folder.scan(scan) for one in documents]
    known = [one for one in found if isinstance(one, Finding)]
    assert {(one.segment, one.window, one.value) for one in known} == {
        (one.segment, one.window, one.value) for one in firing(results, store).values()
    }
