from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from mlmon.analyzers import binary, cursor, outcomes, pending
from mlmon.analyzers.ask import Ask
from mlmon.analyzers.cells import ALL, Slice
from mlmon.analyzers.models import catalogue, described, models, remember
from mlmon.core import schema
from mlmon.core.config import Config
from mlmon.core.errors import StoreError
from mlmon.core.schema import Dataset
from mlmon.core.window import Window

START = datetime(2030, 3, 1, tzinfo=UTC)
NOW = START + timedelta(days=60)
WAIT = timedelta(days=7)
SCORES = [0.05, 0.2, 0.35, 0.61, 0.8, 0.95]
SPAN = Window(start=START, end=NOW)


def serve(store, service, scores=SCORES, weights=None, only=None):
    """Store one inference a score, of ids i0, i1 and so on."""
    store.write(
        [
            service.inference(
                f"i{k}",
                START + timedelta(minutes=k),
                TASK="binary",
                POSITIVE_LABEL="late",
                PREDICTION_LABEL="late" if score >= 0.5 else "ok",
                PREDICTION_SCORE=score,
                **({} if weights is None else {"SAMPLE_WEIGHT": weights[k]}),
            )
            for k, score in enumerate(scores)
            if only is None or k in only
        ]
    )


def run(store, now=NOW, batch=outcomes.BATCH):
    """Join what is new."""
    known = {model.name: model for model in models(store)}
    return outcomes.join(store, known, now=now, orphan_wait=WAIT, batch=batch)


def outcome(service, k, label, revision=0):
    """An outcome; a label of None retracts."""
    fields = {"OUTCOME_RETRACTED": True} if label is None else {"OUTCOME_LABEL": label}
    moment = START + timedelta(days=1, minutes=k)
    return service.outcome(f"i{k}", moment, OUTCOME_REVISION=revision, **fields)


def sums(store):
    """The sufficient statistics of all evaluations."""
    model = models(store)[0]
    ask = Ask(model=model, span=SPAN, size=ALL, now=NOW)
    found = list(binary.gather(store, ask, Slice()))
    return found[0][1] if found else None


def values(store):
    """Every measure by name."""
    found = sums(store)
    return {} if found is None else {name: e.value for name, _, e in binary.estimates(found)}


def expected(final):
    """The same by scikit-learn, from the final outcome of each inference."""
    known = {k: label for k, label in final.items() if label is not None}
    y = np.array([label == "late" for label in known.values()])
    score = np.array([SCORES[k] for k in known])
    said = score >= 0.5
    found = {"accuracy": sk.accuracy_score(y, said), "brier": float(np.mean((score - y) ** 2))}
    found["log_loss"] = sk.log_loss(y, score, labels=[False, True])
    if y.any() and not y.all():
        found["roc_auc"] = sk.roc_auc_score(y, score)
    return found


history = st.lists(
    st.tuples(st.integers(0, len(SCORES) - 1), st.integers(0, 3), st.sampled_from(["late", "ok", None])),
    max_size=20,
)


def consistent(events):
    """One label for each inference and revision, as a producer would send."""
    seen: dict[tuple[int, int], str | None] = {}
    return [(k, revision, seen.setdefault((k, revision), label)) for k, revision, label in events]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=history, data=st.data())
def test_any_order_of_outcomes_gives_the_measures_of_the_final_state(new_store, service, events, data):
    """Corrections, retractions and duplicates, in any order and cut, end where scikit-learn ends."""
    events = consistent(events)
    store = new_store()
    serve(store, service)
    rest = list(events)
    while rest:
        cut = data.draw(st.integers(1, len(rest)))
        store.write([outcome(service, k, label, revision) for k, revision, label in rest[:cut]])
        run(store, batch=data.draw(st.integers(1, 5)))
        rest = rest[cut:]
    winners: dict[int, tuple[int, str | None]] = {}
    for k, revision, label in events:
        if k not in winners or revision > winners[k][0]:
            winners[k] = (revision, label)
    final = {k: label for k, (_, label) in winners.items()}
    found = values(store)
    if not any(final.values()):
        assert found.get("accuracy") is None
        return
    for name, value in expected(final).items():
        assert found[name] == pytest.approx(value, abs=1e-9), name


@pytest.mark.parametrize("batch", [1, 2, 3, 1000])
def test_batches_leave_no_trace(new_store, service, batch):
    """The stored evaluations are the same whatever the size of the batches."""
    ids = []
    for size in (batch, 10_000):
        store = new_store()
        serve(store, service)
        rounds: list[list[str | None]] = [["late"] * 6, ["ok"] * 4, [None] * 2]
        for revision, labels in enumerate(rounds):
            store.write([outcome(service, k, label, revision) for k, label in enumerate(labels)])
        run(store, batch=size)
        ids.append(sorted(store.documents[Dataset.EVALUATION]))
    assert ids[0] == ids[1]


def test_each_outcome_is_told(store, service):
    """The tally tells joined, duplicate, corrected, superseded and retracted outcomes apart."""
    serve(store, service)
    store.write([outcome(service, k, "late") for k in range(3)])
    first = run(store)
    store.write([outcome(service, 0, "late"), outcome(service, 1, "ok", 2), outcome(service, 2, None, 1)])
    second = run(store)
    store.write([outcome(service, 1, "late", 1)])
    third = run(store)
    assert (first.joined, second.duplicates, second.corrected, second.retracted) == (3, 1, 1, 1)
    assert third.superseded == 1
    total = pending.status(store)
    assert (total.joined, total.duplicates, total.corrected, total.superseded) == (3, 1, 1, 1)


def test_a_second_run_writes_nothing(store, service):
    """Without anything new a run leaves every document as it was."""
    serve(store, service)
    store.write([outcome(service, k, "late") for k in range(4)])
    run(store)
    before = dict(store.documents[Dataset.EVALUATION])
    tally = run(store)
    assert store.documents[Dataset.EVALUATION] == before
    assert tally.joined == tally.duplicates == 0


class StubBreaksAfterWriting:
    """A store whose first saving of the outcomes' cursor fails, after the evaluations were written."""

    def __init__(self, store):
        self._store = store
        self._broken = False

    def __getattr__(self, name):
        return getattr(self._store, name)

    def write_blob(self, name, blob):
        """Fail the first time a cursor is saved."""
        if name.startswith("cursor/") and not self._broken:
            self._broken = True
            raise StoreError("The disk is gone.")
        self._store.write_blob(name, blob)


def test_a_crash_between_writing_and_the_cursor_does_no_harm(store, service):
    """What was written before a crash is met again and not counted twice."""
    serve(store, service)
    store.write([outcome(service, k, "late") for k in range(6)])
    store.write([outcome(service, k, "ok", 1) for k in range(3)])
    with pytest.raises(StoreError):
        run(StubBreaksAfterWriting(store), batch=4)
    run(store, batch=4)
    final = {k: "ok" if k < 3 else "late" for k in range(6)}
    assert values(store)["log_loss"] == pytest.approx(expected(final)["log_loss"], abs=1e-12)
    assert sums(store).loss.weight == 6


def test_a_half_written_correction_is_mended(store, service):
    """A new evaluation without the withdrawal of the old one is completed when its outcome is met again."""
    serve(store, service)
    store.write([outcome(service, 0, "late")])
    run(store)
    store.write([outcome(service, 0, "ok", 1)])
    run(store)
    evaluations = store.documents[Dataset.EVALUATION]
    [lost] = [key for key, document in evaluations.items() if document[schema.EVALUATION_WEIGHT] < 0]
    del evaluations[lost]
    store.write([outcome(service, 0, "ok", 1)])
    run(store)
    assert lost in evaluations


def test_an_orphan_waits_for_its_inference(store, service):
    """An outcome that comes first is joined once its inference is there."""
    serve(store, service, only={0})
    store.write([outcome(service, 0, "late"), outcome(service, 1, "ok")])
    first = run(store)
    serve(store, service, only={1})
    second = run(store)
    assert (first.joined, first.orphans, first.pending) == (1, 1, 1)
    assert (second.adopted, second.joined, second.pending) == (1, 1, 0)
    assert sums(store).loss.weight == 2


def test_an_orphan_expires(store, service):
    """An orphan that has waited too long is let go and counted, and its inference finds nothing."""
    serve(store, service, only={0})
    store.write([outcome(service, 1, "ok")])
    run(store)
    late = run(store, now=NOW + WAIT + timedelta(seconds=1))
    assert (late.expired, late.pending) == (1, 0)
    assert run(store).adopted == 0


def test_a_retraction_that_comes_first_holds(store, service):
    """A retraction that overtakes the label it retracts is not undone by it."""
    serve(store, service)
    store.write([outcome(service, 0, None, 1)])
    run(store)
    store.write([outcome(service, 0, "late", 0)])
    assert run(store).superseded == 1
    assert values(store)["accuracy"] is None


def test_models_do_not_mix(new_store, service):
    """An outcome joins the inference of its own model only, although ids are the same."""
    store = new_store()
    other = type(service)("other")
    serve(store, service)
    serve(store, other, only={0})
    store.write([outcome(other, 0, "late")])
    run(store)
    [found] = store.documents[Dataset.EVALUATION].values()
    assert found[schema.MODEL_NAME] == "other"


def test_a_failed_inference_has_no_outcome(store, service):
    """An inference that failed made no prediction, so its outcome waits for one that did."""
    store.write([service.inference("i0", START, EVENT_OUTCOME="failure")])
    store.write([outcome(service, 0, "late")])
    assert run(store).pending == 1


def test_an_evaluation_bears_the_inference(store, service):
    """It has the inference's time and ids, the outcome, the delay and the weight, and passes validation."""
    serve(store, service, weights=[4.0] * 6)
    store.write([outcome(service, 5, "ok")])
    run(store)
    [found] = store.documents[Dataset.EVALUATION].values()
    assert found[schema.TIMESTAMP] == START + timedelta(minutes=5)
    assert found[schema.EVALUATION_WEIGHT] == 4.0
    assert found[schema.EVALUATION_CORRECT] is False
    assert found[schema.EVALUATION_ERROR] == pytest.approx(0.95)
    assert found[schema.EVALUATION_LOSS] == pytest.approx(-np.log(0.05))
    assert found[schema.EVALUATION_DELAY] == 86_400 * 10**9


def test_the_cursor_reads_a_moment_again_that_grew(store, service):
    """Documents that appear under a moment already read are news; a moment that has not grown is none."""
    serve(store, service)
    fresh = cursor.news(store, Dataset.INFERENCE, cursor.Cursor())
    assert fresh is not None
    assert fresh.count == 6
    assert cursor.news(store, Dataset.INFERENCE, fresh.cursor) is None
    inferences = store.documents[Dataset.INFERENCE]
    grown = next(iter(inferences.values())) | {schema.EVENT_ID: "late-of-the-batch"}
    inferences["late-of-the-batch"] = grown
    again = cursor.news(store, Dataset.INFERENCE, fresh.cursor)
    assert again is not None
    assert again.count == 7


def test_what_appears_late_under_an_earlier_moment_is_news_while_a_store_settles(store, service):
    """A document that one writer stamped before another's, and that appears after it, is not passed over."""
    store.settling = timedelta(seconds=60)
    serve(store, service)
    fresh = cursor.news(store, Dataset.INFERENCE, cursor.Cursor())
    assert fresh is not None
    inferences = store.documents[Dataset.INFERENCE]
    first = next(iter(inferences.values()))
    assert fresh.cursor.mark is not None
    earlier = fresh.cursor.mark - timedelta(seconds=30)
    inferences["late"] = first | {schema.EVENT_ID: "late", schema.EVENT_INGESTED: earlier}
    again = cursor.news(store, Dataset.INFERENCE, fresh.cursor)
    assert again is not None
    assert again.window is not None
    assert earlier in again.window
    assert cursor.news(store, Dataset.INFERENCE, again.cursor) is None


def test_models_are_counted_once_while_a_store_settles(store, service):
    """However often it is asked, and whatever appears late, each inference counts once for its model."""
    store.settling = timedelta(seconds=60)
    serve(store, service)
    for name in ("late", "later"):
        known = catalogue(store)
        remember(store, known)
        [model] = described(known, Config())
        inferences = store.documents[Dataset.INFERENCE]
        assert model.inferences == len(inferences)
        inferences[name] = next(iter(inferences.values())) | {schema.EVENT_ID: name}
