import numpy as np
import pytest

from mlmon.analyzers.statistics.accuracy import accuracy
from mlmon.analyzers.statistics.confusion import Confusion
from mlmon.analyzers.statistics.f1 import f1
from mlmon.analyzers.statistics.mcc import mcc
from mlmon.analyzers.statistics.weighted_proportion import weighted_proportion
from mlmon.analyzers.statistics.wilson import wilson

SHARES = np.array([[0.45, 0.05, 0.02], [0.06, 0.22, 0.03], [0.01, 0.04, 0.12]])


def test_equal_weights_rest_on_the_number_of_events():
    """With one weight for all the interval is Wilson's of the events themselves."""
    hits, others = np.array([30.0, 8.0]), np.array([12.0])
    found, plain = weighted_proportion(5 * hits, 5 * others, 25 * hits, 25 * others), wilson(38, 50)
    assert (found.value, found.low, found.high) == pytest.approx((plain.value, plain.low, plain.high))
    assert found.n == 250.0


def test_a_flawless_sample_rests_on_what_was_seen():
    """Without a miss the effective size is Kish's of the hits."""
    hits, none = np.array([30.0]), np.zeros(1)
    found = weighted_proportion(5 * hits, none, 25 * hits, none)
    assert found.low == pytest.approx(wilson(30, 30).low)


def test_no_events_are_undefined():
    """Without events there is no proportion."""
    none = np.zeros(0)
    assert weighted_proportion(none, none, none, none).value is None


@pytest.mark.parametrize("weights", [(10.0, 1.0), (1.0, 5.0), (4.0, 4.0)])
@pytest.mark.parametrize("statistic", ["accuracy", "f1", "macro f1", "mcc"])
def test_intervals_of_sampled_events_cover_at_their_rate(assert_covers, statistic, weights):
    """When hits and misses are sampled at rates of their own, weighted intervals still hold the truth."""
    rng = np.random.default_rng(8)
    weight = np.where(np.eye(3) > 0, *weights)
    drawn = rng.binomial(rng.multinomial(3000, SHARES.ravel(), 1500), 1 / weight.ravel()).reshape(-1, 3, 3)
    tables = [Confusion(labels=("a", "b", "c"), counts=k * weight, squares=k * weight**2) for k in drawn]
    function = {
        "accuracy": accuracy,
        "f1": lambda table: f1(table, positive="b"),
        "macro f1": lambda table: f1(table, average="macro"),
        "mcc": mcc,
    }[statistic]
    truth = function(Confusion(labels=("a", "b", "c"), counts=SHARES * 1e6)).value
    assert_covers([function(table) for table in tables], truth)
