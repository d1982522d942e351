from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from mlmon.core.result import Finding, Severity, is_open
from mlmon.core.window import Window
from mlmon.web import found

JUNE = Window(start=datetime(2013, 6, 1, tzinfo=UTC), end=datetime(2013, 7, 1, tzinfo=UTC))
DRIFT = Finding(
    analyzer="drift", model="m", metric="psi", subject="temp", window=JUNE, size="month", value=0.3,
    bound=0.1, n=28_000, message="temp has drifted.",
)  # fmt: skip


def test_a_finding_holds_until_a_later_window_is_over():
    """June's finding holds through July, which may clear it only when it is over."""
    assert is_open(DRIFT, datetime(2013, 7, 20, tzinfo=UTC))
    assert not is_open(DRIFT, datetime(2013, 8, 2, tzinfo=UTC))
    assert not is_open(DRIFT, None)


def test_what_rests_on_most_events_speaks_for_all():
    """A part of a week with a large value does not hide the month."""
    week = Window(start=JUNE.end - timedelta(days=7), end=JUNE.end)
    small = replace(DRIFT, window=week, size="7d", n=359, value=2.8)
    [group] = found.grouped([small, DRIFT], JUNE.end)
    assert group.newest is DRIFT
    assert group.since == JUNE.start
    assert len(group.findings) == 2


def test_quality_comes_before_inputs_and_the_severe_and_whole_first():
    """Inputs may move without harm; within a kind critical comes first, and all traffic before a segment."""
    quality = replace(DRIFT, analyzer="performance", metric="roc_auc", subject="")
    ranked = [
        replace(quality, severity=Severity.CRITICAL),
        replace(quality, severity=Severity.CRITICAL, segment="carrier=EV"),
        replace(quality, metric="f1"),
        replace(DRIFT, severity=Severity.CRITICAL, subject="wind"),
        DRIFT,
    ]
    groups = found.grouped(reversed(ranked), JUNE.end)
    assert [group.newest for group in groups] == ranked


def test_the_reference_band_is_that_of_the_same_metric_and_segment():
    """The reference of another segment is not drawn."""
    evidence = {"reference": {"value": 0.86, "low": 0.85, "high": 0.87, "n": 9.0}}
    known = replace(DRIFT, metric="roc_auc", segment="carrier=EV", evidence=evidence)
    band = found.reference_band([known], "roc_auc", "carrier=EV")
    assert band is not None
    assert (band.value, band.low, band.high) == (0.86, 0.85, 0.87)
    assert found.reference_band([known], "roc_auc", "") is None
    drift = replace(DRIFT, evidence={"reference": [0.1, 0.9]})
    assert found.reference_band([drift], "psi", "") is None


def test_missing_values_are_one_matter():
    """What drift and data quality both say of missing values is one group; other metrics stay apart."""
    missing = replace(DRIFT, metric="missing_rate")
    [group] = found.grouped([missing, replace(missing, analyzer="quality", n=30_000)], JUNE.end)
    assert len(group.findings) == 2
    assert len(found.grouped([DRIFT, replace(DRIFT, analyzer="quality")], JUNE.end)) == 2


def test_a_message_names_its_metric_as_a_person_does(example):
    """What a message calls by its code is told in words, and a word of the language stays."""
    base = next(
        one for one in example.results(example.LATE, example.random.Random(1)) if isinstance(one, Finding)
    )
    for metric, message, told in (
        ("roc_auc", "roc_auc is 0.632, 5% worse.", "ROC AUC is 0.632, 5% worse."),
        ("psi", "Since May psi of temp is 1.2.", "Since May PSI of temp is 1.2."),
        ("missing", "Two events are missing.", "Two events are missing."),
    ):
        assert found.said(replace(base, metric=metric, message=message)) == told


def test_an_alert_bears_its_rule_and_stands_last():
    """An alert is told by the name of its rule, after what analyzers found, and its value by its metric."""
    alert = replace(DRIFT, analyzer="rule:moved", severity=Severity.CRITICAL)
    assert (found.label(alert), found.measured(alert)) == ("alert moved of temp", "PSI of temp")
    assert (found.rule_of(alert), found.rule_of(DRIFT)) == ("moved", "")
    assert [group.newest for group in found.grouped([alert, DRIFT], JUNE.end)] == [DRIFT, alert]


def test_features_that_do_not_belong_are_told_from_all_features():
    """Quality counts the features that are gone or new; a change of how many there are is of another kind."""
    gone = replace(DRIFT, analyzer="quality", metric="features", subject="")
    assert found.label(gone) == "features gone or new"
    assert found.label(replace(gone, analyzer="changepoint")) == "features"
