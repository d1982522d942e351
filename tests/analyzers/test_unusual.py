from datetime import UTC, datetime, timedelta

import numpy as np
from msgspec.structs import replace

from mlmon.analyzers import unusual
from mlmon.analyzers.ask import Ask
from mlmon.analyzers.models import Model
from mlmon.core.occasions import Occasion
from mlmon.core.result import Metric
from mlmon.core.window import Window

DAY = timedelta(days=1)
START = datetime(2030, 1, 1, tzinfo=UTC)
DAYS = 130
BAD = 110
PSI = {"x": 0.02, "y": 0.01}


def metric(name, row, value, subject=""):
    """A metric of a day."""
    window = Window(start=START + row * DAY, end=START + (row + 1) * DAY)
    return Metric(
        analyzer="a", model="m", name=name, subject=subject, size="1d", value=float(value), n=9, window=window
    )


def fill(store, *, bad=True):
    """Days of traffic, failures, latency and drift; on one of them several are far off."""
    chance = np.random.default_rng(6)
    for row in range(DAYS):
        worse = 3.0 if bad and row == BAD else 1.0
        store.put(
            [
                metric("inferences", row, chance.poisson(1_000) / worse),
                metric("error_rate", row, chance.binomial(1_000, 0.01) / 1_000 * worse**2),
                metric("latency_p95", row, 3e7 * np.exp(chance.normal(0, 0.1)) * worse),
                *(
                    metric("psi", row, of * np.exp(chance.normal(0, 0.2)) * worse, name)
                    for name, of in PSI.items()
                ),
            ]
        )


def ask(start=0, end=DAYS):
    """A question about some days."""
    span = Window(start=START + start * DAY, end=START + end * DAY)
    return Ask(model=Model(name="m"), span=span, size="1d", now=START + DAYS * DAY)


def found(store, question):
    """The days of the findings."""
    return {(one.window.start - START) // DAY: one for one in unusual.analyze(store, question)}


def test_a_day_on_which_much_is_off_is_found_and_says_what(store):
    """The day is found, and the metrics that made it are in the evidence with what is usual."""
    fill(store)
    [(at, finding)] = found(store, ask()).items()
    assert at == BAD
    most = {part["metric"]: part for part in finding.evidence["most"]}
    assert {"inferences", "error_rate", "latency_p95", "psi"} <= most.keys()
    assert abs(most["inferences"]["usual"] - 1_000) < 20
    assert most["psi"]["subject"] == "x"
    assert "(usually" in finding.message


def test_clean_days_are_quiet(store):
    """Where nothing is wrong there is no finding."""
    fill(store, bad=False)
    assert found(store, ask()) == {}


def test_the_verdict_does_not_depend_on_what_is_asked(store):
    """The day is found in whichever span it is asked for, and with the same score."""
    fill(store)
    [whole] = found(store, ask()).values()
    [alone] = found(store, ask(BAD, BAD + 1)).values()
    assert alone == whole


def test_a_declared_event_is_no_unusual_day(store):
    """A day that was declared is not judged."""
    fill(store)
    event = Window(start=START + BAD * DAY, end=START + (BAD + 1) * DAY)
    assert found(store, replace(ask(), occasions=(Occasion(window=event, name="move"),))) == {}


def test_a_day_that_is_not_over_is_not_judged(store):
    """As long as the day goes on there is no verdict."""
    fill(store)
    question = replace(ask(), now=START + (BAD + 0.5) * DAY)
    assert found(store, question) == {}
