from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from mlmon.alerts import load
from mlmon.alerts.evaluate import evaluate
from mlmon.alerts.known import Group, Known
from mlmon.core import schema
from mlmon.core.clock import isoformat, to_ns
from mlmon.core.event import encode
from mlmon.core.result import REFERENCE, Finding, Severity, State
from mlmon.core.schema import Dataset
from mlmon.core.window import Window
from mlmon.stores.embedded import open_store

START = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ERRORS = """
rules:
  - name: errors
    metric: error_rate
    window: 1h
    above: 5%
    for: 2 of 3
    min_n: 100
"""


def rules(text: str):
    """Give the rules of a text."""
    return load.parse(text, "trial.yaml")


def live(now: datetime, *names: str) -> list[Known]:
    """Give models that serve now."""
    return [Known(name=name, last=now) for name in names or ("fraud",)]


def open_ones(store, text: str, now: datetime, known=None, before=None):
    """Give the groups that are open after one evaluation, by rule."""
    done = evaluate(store, rules(text), known or live(now), before or {}, now=now)
    return sorted((name, group) for (name, group), alert in done.alerts.items() if alert.is_open)


@pytest.fixture
def hours(store, metric):
    """Give a function that states the error rates of hours in a row; None leaves one out."""

    def put(*values: float | None, **more):
        starts = [START + place * HOUR for place in range(len(values))]
        store.put(
            [metric(at, value, **more) for at, value in zip(starts, values, strict=True) if value is not None]
        )
        return START + len(values) * HOUR

    return put


def test_a_metric_beyond_its_bound_fires(store, hours):
    """Two hours of three beyond the bound fire, and two clear ones resolve."""
    now = hours(0.01, 0.2, 0.01, 0.2)
    assert open_ones(store, ERRORS, now) == [("errors", Group(model="fraud"))]
    now = hours(0.01, 0.2, 0.01, 0.2, 0.01, 0.01)
    assert open_ones(store, ERRORS, now) == []


def test_a_small_sample_and_a_running_window_say_nothing(store, hours, metric):
    """A window with too few events, or one that is not over, is not judged."""
    now = hours(0.2, 0.2, n=50.0)
    assert open_ones(store, ERRORS, now) == []
    store.put([metric(START + place * HOUR, 0.2) for place in (3, 4)])
    assert open_ones(store, ERRORS, START + 4.5 * HOUR) == []
    running = ERRORS.replace("min_n: 100", "judge: running")
    assert open_ones(store, running, START + 4.5 * HOUR) == [("errors", Group(model="fraud"))]


def test_evaluating_again_changes_nothing(store, hours):
    """A second evaluation of the same windows finds the same states and no change."""
    now = hours(0.2, 0.2)
    once = evaluate(store, rules(ERRORS), live(now), {}, now=now)
    again = evaluate(store, rules(ERRORS), live(now), once.alerts, now=now + HOUR / 2)
    assert len(once.moved) == 1
    assert again.moved == []
    assert again.alerts == once.alerts


def test_final_windows_wait_for_their_outcomes(store, hours):
    """A rule of final windows passes over those whose outcomes may still come."""
    final = ERRORS.replace("min_n: 100", "judge: final")
    now = hours(0.2, 0.2, final=False) + 7 * DAY
    assert open_ones(store, final, now) == []
    hours(0.2, 0.2)
    assert open_ones(store, final, now) == [("errors", Group(model="fraud"))]


def test_groups_have_states_of_their_own(store, hours):
    """By segment, each carrier has a state, and all traffic together has none."""
    now = hours(0.2, 0.2)
    hours(0.2, 0.2, segment="carrier=UA")
    hours(0.01, 0.01, segment="carrier=AA")
    by_carrier = f"{ERRORS}    segments: carrier=*\n"
    assert open_ones(store, by_carrier, now) == [("errors", Group(model="fraud", segment="carrier=UA"))]


def test_models_are_picked_by_pattern(store, hours):
    """Only the models that a rule names are looked at."""
    now = hours(0.2, 0.2)
    hours(0.2, 0.2, model="flights")
    picked = f"{ERRORS}    models: fl*\n"
    assert open_ones(store, picked, now, live(now, "fraud", "flights")) == [
        ("errors", Group(model="flights"))
    ]


@pytest.mark.parametrize(("bound", "fires"), [("rises: 50%", True), ("rises: 0.2", False)])
def test_a_value_is_held_against_the_window_before(store, hours, bound, fires):
    """A change is measured from the previous window, as a part or as a difference."""
    now = hours(0.10, 0.16)
    text = f"rules: [{{name: up, metric: error_rate, window: 1h, {bound}, against: previous}}]"
    assert bool(open_ones(store, text, now)) is fires


def test_a_value_is_held_against_its_season(store, metric):
    """The same hour of the last four weeks says what is usual, and nothing is judged without two of them."""
    text = "rules: [{name: odd, metric: error_rate, window: 1h, rises: 100%, against: seasonal}]"
    store.put([metric(START, 0.2)])
    assert open_ones(store, text, START + HOUR) == []
    store.put([metric(START - timedelta(weeks=week), 0.05) for week in (1, 2, 3)])
    assert open_ones(store, text, START + HOUR) == [("odd", Group(model="fraud"))]


def test_a_value_is_held_against_the_reference(store, metric):
    """What the reference says is the measure, and of an unknown one nothing is said."""
    text = "rules: [{name: worse, metric: roc_auc, window: 7d, falls: 5%, against: reference}]"
    auc = {"name": "roc_auc", "analyzer": "performance"}
    store.put([metric(START, 0.70, size="7d", **auc)])
    assert open_ones(store, text, START + 7 * DAY) == []
    past = Window(start=START - 30 * DAY, end=START)
    store.put([replace(metric(START, 0.80, size="7d", **auc), size=REFERENCE, window=past)])
    assert open_ones(store, text, START + 7 * DAY) == [("worse", Group(model="fraud"))]


DRIFT = """
rules:
  - {name: drift, finding: drift, window: 7d, by: [subject]}
  - {name: hurts, finding: drift, window: 7d, only_if: [{metric: log_loss, above: 0.5}]}
  - {name: both, finding: drift, window: 7d, only_if: [{rule: slow}]}
  - {name: slow, metric: latency_p95, window: 7d, above: 100ms}
"""


def drifted(start: datetime, **more) -> Finding:
    """Give a finding of drift in a week."""
    return Finding(
        analyzer="drift", model="fraud", metric="psi", subject="temp", size="7d", value=0.4,
        bound=0.1, n=5000, window=Window(start=start, end=start + 7 * DAY),
        message="temp has drifted.", **more,
    )  # fmt: skip


def test_findings_fire_and_end(store):
    """A finding fires; a week without one, once it would be there, ends it."""
    store.put([drifted(START)])
    now = START + 7 * DAY
    first = evaluate(store, rules(DRIFT), live(now), {}, now=now)
    temp = Group(model="fraud", subject="temp")
    assert [at for at, alert in first.alerts.items() if alert.is_open] == [("drift", temp)]
    [fired] = first.alerts["drift", temp].recent[-1:]
    assert (fired.value, fired.limit, fired.why) == (0.4, 0.1, "temp has drifted.")
    early = evaluate(store, rules(DRIFT), live(now), first.alerts, now=now + 7 * DAY)
    assert early.alerts["drift", temp].is_open
    late = evaluate(store, rules(DRIFT), live(now), early.alerts, now=now + 7 * DAY + HOUR)
    assert not late.alerts["drift", temp].is_open
    store.put([drifted(START, state=State.RESOLVED)])
    assert open_ones(store, DRIFT, now) == []


def test_a_window_counts_only_where_what_it_waits_for_holds(store, metric):
    """Drift fires only when a metric lies beyond its bound, or another rule holds for the model."""
    store.put([drifted(START, severity=Severity.CRITICAL)])
    now, temp = START + 7 * DAY, Group(model="fraud", subject="temp")
    loss = {"name": "log_loss", "analyzer": "performance", "size": "7d"}
    store.put([metric(START, 0.6, **loss), metric(START, 2e8, name="latency_p95", size="7d", model="other")])
    known = live(now, "fraud", "other")
    assert open_ones(store, DRIFT, now, known) == [
        ("drift", temp), ("hurts", temp), ("slow", Group(model="other")),
    ]  # fmt: skip
    store.put([metric(START, 0.4, **loss), metric(START, 2e8, name="latency_p95", size="7d")])
    assert open_ones(store, DRIFT, now) == [("both", temp), ("drift", temp), ("slow", Group(model="fraud"))]


def line(number: int, at: datetime, level: str = "error", message: str = "out of memory", **more):
    """Give one line of the app log."""
    return encode(
        {
            schema.TIMESTAMP: isoformat(at), schema.EVENT_ID: f"l-{number}", schema.MESSAGE: message,
            schema.EVENT_DATASET: str(Dataset.APP), schema.LOG_LEVEL: level, schema.MODEL_NAME: "fraud",
        }
        | more
    )  # fmt: skip


LOGS = """
rules:
  - {name: oom, log: {level: [error, critical], message: out of memory}, window: 5m, above: 2}
  - {name: chatty, log: {logger: app.db}, window: 5m, above: 2, by: [logger]}
"""


def test_log_lines_are_counted(store):
    """Lines of a level with some words in a window are counted, and windows without one are well."""
    store.write([line(number, START + timedelta(seconds=number)) for number in range(3)])
    store.write([line(10 + number, START, level="info") for number in range(9)])
    now = START + timedelta(minutes=5)
    assert open_ones(store, LOGS, now) == [("oom", Group(model="fraud"))]
    first = evaluate(store, rules(LOGS), live(now), {}, now=now)
    then = evaluate(store, rules(LOGS), live(now), first.alerts, now=now + timedelta(minutes=10))
    assert [change.after for change in then.moved[0].changes] == ["recovering", "resolved"]


def test_log_lines_have_a_state_a_logger(store):
    """By logger, each logger has a state of its own, whatever the model."""
    store.write([line(number, START, **{schema.LOG_LOGGER: "app.db"}, level="info") for number in range(3)])
    assert open_ones(store, LOGS, START + timedelta(minutes=5)) == [("chatty", Group(logger="app.db"))]


SILENT = "rules: [{name: silent, silence: 2h}]"


def served(at: datetime):
    """Give one inference."""
    return encode(
        {
            schema.TIMESTAMP: isoformat(at), schema.EVENT_ID: "i-1",
            schema.EVENT_DATASET: str(Dataset.INFERENCE),
            schema.LOG_LEVEL: "info", schema.MODEL_NAME: "fraud", schema.EVENT_OUTCOME: "success",
            schema.INFERENCE_ID: "i-1",
        }
    )  # fmt: skip


def test_a_live_model_that_falls_silent_is_missed(tmp_path):
    """A model that stopped fires after its time, and is resolved as soon as it serves again."""
    store = open_store(tmp_path / "live", clock=lambda: to_ns(START))
    store.write([served(START)])
    now = START + 3 * HOUR
    known = [Known(name="fraud", last=START)]
    first = evaluate(store, rules(SILENT), known, {}, now=now)
    assert first.alerts["silent", Group(model="fraud")].is_open
    assert open_ones(store, SILENT, START + HOUR, known) == []
    back = evaluate(store, rules(SILENT), live(now + HOUR), first.alerts, now=now + HOUR)
    assert [change.after for change in back.moved[0].changes] == ["recovering", "resolved"]
    store.close()


def test_a_replay_of_the_past_is_not_silent(store):
    """A model whose inferences were stored long after they happened is not missed."""
    store.write([served(START)])
    assert open_ones(store, SILENT, START + 3 * HOUR, [Known(name="fraud", last=START)]) == []


def test_a_replay_is_judged_at_its_own_time(store, hours):
    """A model that is not live is judged as of its last inference, years later."""
    end = hours(0.2, 0.2)
    known = [Known(name="fraud", last=end - timedelta(seconds=1), is_live=False)]
    now = end + timedelta(days=4000)
    assert open_ones(store, ERRORS, now, known) == [("errors", Group(model="fraud"))]


def test_questions_do_not_grow_with_rules(store, hours):
    """However many rules look at a window size, it is asked for once."""
    now = hours(0.2, 0.2)
    many = "rules:" + "".join(
        f"\n  - {{name: r{place}, metric: error_rate, window: 1h, above: {place + 1}%}}"
        for place in range(50)
    )
    done = evaluate(store, rules(many), live(now), {}, now=now)
    assert done.questions == 1
    assert sum(alert.is_open for alert in done.alerts.values()) == 19
