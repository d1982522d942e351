from datetime import UTC, datetime, timedelta

import pytest

from mlmon.alerts import backtest, cases, load, tune
from mlmon.alerts.known import Group, Known
from mlmon.core import schema
from mlmon.core.clock import isoformat
from mlmon.core.errors import UsageError
from mlmon.core.event import encode
from mlmon.core.result import Finding
from mlmon.core.schema import Dataset
from mlmon.core.window import Window

START = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
TEXT = "rules: [{name: errors, metric: error_rate, window: 1h, above: 5%, for: 2 of 3}]"


def replayed(store, text, until, past=30 * DAY, name=None):
    """Give what a rule would have done."""
    rules = load.parse(text, "trial.yaml")
    known = [Known(name="fraud", last=until)]
    done = backtest.replay(backtest.history(store, rules, known, until=until, past=past), rules)
    return next(each for each in done if name in (None, each.rule.name))


@pytest.fixture
def hours(store, metric):
    """Give a function that states the error rates of hours in a row."""

    def put(*values, **more):
        store.put([metric(START + place * HOUR, value, **more) for place, value in enumerate(values)])
        return START + len(values) * HOUR

    return put


def outcomes(store, metric, start, *, worse: bool):
    """State the performance of a week, and where asked that it was worse."""
    accuracy = metric(start, 0.8, size="7d", name="accuracy", analyzer="performance")
    window = Window(start=start, end=start + 7 * DAY)
    found = Finding(
        analyzer="performance", model="fraud", metric="log_loss", size="7d", window=window, value=0.9,
        bound=0.5, n=1e4, message="worse",
    )  # fmt: skip
    store.put([accuracy, found] if worse else [accuracy])


def test_a_rule_is_replayed_window_by_window(store, hours):
    """Every alert that would have been is there, with its beginning, its end and its worst window."""
    until = hours(*[0.01] * 40, 0.2, 0.3, 0.01, 0.01, *[0.01] * 40, 0.2, 0.2)
    done = replayed(store, TEXT, until)
    first, second = done.episodes
    assert (first.since, first.fired) == (START + 40 * HOUR, START + 42 * HOUR)
    assert (first.closed, first.worst.value) == (START + 44 * HOUR, 0.3)
    assert second.closed is None
    assert (first.lasted, second.lasted) == (2 * HOUR, timedelta(0))
    assert len(done.judged[Group(model="fraud")]) == 86


def test_outcomes_confirm_an_alert_or_do_not(store, hours, metric):
    """An alert is confirmed by a finding of performance in its time or the week after."""
    until = hours(0.2, 0.2, 0.01, 0.01) + 8 * DAY
    assert [each.is_confirmed for each in replayed(store, TEXT, until).episodes] == [None]
    outcomes(store, metric, START, worse=False)
    assert [each.is_confirmed for each in replayed(store, TEXT, until).episodes] == [False]
    outcomes(store, metric, START, worse=True)
    done = replayed(store, TEXT, until)
    assert (done.confirmed, done.unconfirmed) == (1, 0)


def test_a_condition_is_replayed_too(store, hours, metric):
    """A rule that waits for another fires only in the windows of the other's alerts."""
    until = hours(0.2, 0.2, 0.01, 0.01, 0.2, 0.2, 0.01)
    slow = {"name": "latency_p95", "analyzer": "service"}
    store.put([metric(START + place * HOUR, 2e8 if place > 3 else 1e7, **slow) for place in range(7)])
    both = """
rules:
  - {name: errors, metric: error_rate, window: 1h, above: 5%, only_if: [{rule: slow}]}
  - {name: slow, metric: latency_p95, window: 1h, above: 100ms}
"""
    found = replayed(store, both, until, name="errors").episodes
    assert [each.since for each in found] == [START + 4 * HOUR]


def test_silence_is_replayed_from_the_inferences(store):
    """Gaps between inferences longer than the rule allows would have fired."""
    served = [START, START + HOUR, START + 6 * HOUR]
    store.write(
        [
            encode(
                {
                    schema.TIMESTAMP: isoformat(at), schema.EVENT_ID: f"i-{place}",
                    schema.MODEL_NAME: "fraud",
                    schema.EVENT_DATASET: str(Dataset.INFERENCE), schema.LOG_LEVEL: "info",
                    schema.EVENT_OUTCOME: "success", schema.INFERENCE_ID: f"i-{place}",
                }
            )
            for place, at in enumerate(served)
        ]
    )  # fmt: skip
    done = replayed(store, "rules: [{name: silent, silence: 2h}]", START + 7 * HOUR, past=7 * HOUR)
    [episode] = done.episodes
    assert episode.closed == START + 6 * HOUR + timedelta(minutes=5)
    assert episode.worst.value == pytest.approx(5 * 3600, abs=300)


def tuned(store, until, text=TEXT, rate=1.0, past=10 * DAY):
    """Give what is proposed for the rule."""
    rules = load.parse(text, "trial.yaml")
    known = [Known(name="fraud", last=until)]
    history = backtest.history(store, rules, known, until=until, past=past)
    return tune.tune(history, rules, "errors", rate=rate)


def test_the_tightest_bound_that_is_quiet_enough_is_proposed(store, hours):
    """Of the bounds that keep false alarms under the wished rate the tightest is taken."""
    calm, noisy = [0.01, 0.02] * 5, [0.10, 0.10, 0.01, 0.01]
    until = hours(*(calm + noisy) * 16, 0.4, 0.4, 0.01, 0.01)
    done = tuned(store, until, rate=3.0)
    assert done.chosen is not None
    assert (done.chosen.bound, done.chosen.alarms, done.chosen.false_rate) == (0.1, 1, 3.0)
    tightest = done.tried[0]
    assert tightest.false_rate > 3.0
    assert tuned(store, until, rate=0.0).chosen.bound == 0.4


def test_a_change_is_tuned_as_a_change(store, hours):
    """The bound of a rule that holds against the window before is a change, not a value."""
    until = hours(*[0.10, 0.11] * 20, 0.30, *[0.10, 0.11] * 20)
    text = TEXT.replace("above: 5%, for: 2 of 3", "rises: 50%, against: previous")
    done = tuned(store, until, text, rate=3.0)
    assert done.chosen is not None
    assert 0.09 <= done.chosen.bound <= 0.11


def test_what_has_no_bound_cannot_be_tuned(store, hours):
    """A rule of findings, and one without values, are refused with what to do."""
    until = hours(0.2)
    with pytest.raises(UsageError, match="has no bound on a metric"):
        tuned(store, until, "rules: [{name: errors, finding: drift, window: 7d}]")
    with pytest.raises(UsageError, match="no window of 1h has latency_p95"):
        tuned(store, until, "rules: [{name: errors, metric: latency_p95, window: 1h, above: 1s}]")


CASES = """
rules:
  - name: errors
    metric: error_rate
    window: 1h
    above: 5%
    recover: 3%
    min_n: 100
    tests:
      - {name: right, values: [1%, 8%, 4%, null, 1%], expect: [inactive, firing, firing, firing, resolved]}
      - {name: wrong, values: [8%, 8%], expect: [firing, resolved]}
      - {name: small, values: [8%, 8%], n: [50, 200], expect: [inactive, firing]}
  - name: worse
    metric: mae
    window: 7d
    rises: 10%
    against: reference
    tests: [{name: held against the usual, values: [1.05, 1.2], usual: 1, expect: [inactive, firing]}]
  - name: drift
    finding: drift
    window: 7d
    tests: [{name: found or not, values: [0.3, 0], expect: [firing, resolved]}]
"""


def test_the_trials_of_a_rule_file():
    """Each trial says what came of it; a wrong one, where."""
    outcomes = [each for rule in load.parse(CASES, "trial.yaml") for each in cases.run(rule)]
    assert {each.case: each.first_wrong for each in outcomes} == {
        "right": None, "wrong": 2, "small": None, "held against the usual": None, "found or not": None,
    }  # fmt: skip
    assert [each.is_right for each in outcomes] == [True, False, True, True, True]


def test_the_trials_of_the_shipped_rules_are_right():
    """The rules that come with mlmon do what their own trials say."""
    assert [each for rule in load.builtin() for each in cases.run(rule) if not each.is_right] == []
