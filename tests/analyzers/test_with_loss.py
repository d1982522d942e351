from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from mlmon.analyzers import with_loss
from mlmon.analyzers.ask import Ask
from mlmon.analyzers.models import Model
from mlmon.core.result import Metric
from mlmon.core.window import Window

START = datetime(2030, 3, 4, tzinfo=UTC)
WEEK = timedelta(days=7)


def stated(store, weeks, *, better="roc_auc", task="binary"):
    """Store weeks in which performance falls as `bad` drifts, and `calm` drifts at random."""
    rng = np.random.default_rng(1)
    for week in range(weeks):
        window = Window(start=START + week * WEEK, end=START + (week + 1) * WEEK)
        drift = float(rng.uniform(0.0, 0.5))
        told = {
            ("psi", "bad"): drift,
            ("psi", "calm"): float(rng.uniform(0.0, 0.5)),
            (better, ""): 0.9 - 0.2 * drift if better == "roc_auc" else 10.0 + drift,
        }
        store.put(
            [
                Metric(
                    analyzer="any", model="m", name=name, subject=subject, window=window, size="7d",
                    value=value, n=500.0,
                )
                for (name, subject), value in told.items()
            ]
        )  # fmt: skip
    span = Window(start=START, end=START + weeks * WEEK)
    ask = Ask(model=Model(name="m", task=task), span=span, size="7d", now=span.end)
    return {one.subject: one for one in with_loss.analyze(store, ask)}


@pytest.mark.parametrize(("task", "better"), [("binary", "roc_auc"), ("regression", "mae")])
def test_what_drifts_as_performance_falls_is_on_top(store, task, better):
    """The feature whose PSI goes with the loss has a correlation of 1, another's interval holds 0."""
    found = stated(store, 20, task=task, better=better)
    assert found["bad"].value == pytest.approx(1.0)
    assert found["calm"].low < 0.0 < found["calm"].high
    assert found["bad"].n == 20
    assert found["bad"].window.end == START + 20 * WEEK


def test_few_windows_say_nothing(store):
    """With seven weeks there is no correlation worth telling."""
    assert stated(store, 7) == {}


def test_no_more_than_half_a_year_is_looked_at(store):
    """Of forty weeks the last 26 count."""
    assert stated(store, 40)["bad"].n == with_loss.WINDOWS


def test_a_model_without_a_task_has_no_loss(store):
    """Where the task is unknown no performance is stated, and nothing goes with it."""
    assert stated(store, 20, task="") == {}
