from datetime import UTC, datetime, timedelta

import pytest

from mlmon.analyzers import jobs, outcome_drift
from mlmon.analyzers import reference as references
from mlmon.analyzers.reference import Categorical, Reference
from mlmon.core.config import AnalyzeConfig, Config
from mlmon.core.result import State
from mlmon.core.window import Window

START = datetime(2030, 3, 4, tzinfo=UTC)
WEEK = timedelta(days=7)
A_WEEK = 400


def run(store, service, shares, *, now):
    """Analyse weeks in which these shares of the outcomes are late; in the reference one in four is."""
    for week, share in enumerate(shares):
        for place in range(A_WEEK):
            name, moment = f"{week}-{place}", START + week * WEEK + place * WEEK / A_WEEK
            late = place % 20 < 20 * share
            store.write(
                [
                    service.inference(
                        name, moment, TASK="binary", PREDICTION_LABEL="late", PREDICTION_SCORE=0.5,
                    ),
                    service.outcome(
                        name, moment + timedelta(hours=1), OUTCOME_LABEL="late" if late else "on_time"
                    ),
                ]
            )  # fmt: skip
    outcome = Categorical(counts={"late": 500.0, "on_time": 1500.0})
    references.save(store, Reference(model="m", source="train", built_at=START, n=2000.0, outcome=outcome))
    config = Config(analyze=AnalyzeConfig(windows=("7d",)))
    jobs.run_once(store, config, clock=lambda: int(now.timestamp() * 1e9))


def of_outcomes(found):
    """The results that speak of outcomes."""
    return [one for one in found if one.subject == outcome_drift.OUTCOME]


def test_outcomes_that_fall_otherwise_are_a_drift(store, service, results):
    """Two of three weeks with twice as many late are a finding, with both distributions."""
    run(store, service, [0.25, 0.6, 0.6], now=START + 6 * WEEK)
    found = results(store)
    [finding] = of_outcomes(found.findings)
    assert finding.window == Window(start=START + 2 * WEEK, end=START + 3 * WEEK)
    assert finding.state is State.FIRING
    assert finding.metric == "psi"
    assert finding.evidence["bins"] == ["on_time", "late"]
    assert finding.evidence["current"] == pytest.approx([0.4, 0.6])
    drifts = {one.window.start: one.value for one in of_outcomes(found.metrics) if one.name == "psi"}
    assert drifts[START] == pytest.approx(0.0, abs=0.001)
    assert len(drifts) == 3


def test_windows_whose_outcomes_may_still_come_are_left_out(store, service, results):
    """Until a week after its end a window has no such distance."""
    run(store, service, [0.25, 0.6, 0.6], now=START + 3 * WEEK)
    found = results(store)
    assert of_outcomes(found.findings) == []
    assert {one.window.start for one in of_outcomes(found.metrics)} == {START, START + WEEK}
