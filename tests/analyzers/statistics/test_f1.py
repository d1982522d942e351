import numpy as np
import pytest

from mlmon.analyzers.statistics.confusion import Confusion
from mlmon.analyzers.statistics.f1 import f1


def test_interval_of_one_label_is_the_delta_methods_in_large_samples(sure):
    """For many events the interval of one label's F1 equals the delta method's to 1 % of its width."""
    table = Confusion(labels=("a", "b"), counts=np.array([[7e5, 5e4], [4e4, 2e5]]))
    tp, wrong = 2e5, 9e4
    found = f1(table, positive="b")
    slope = 2 / (1 + tp / (tp + wrong)) ** 2
    error = slope * np.sqrt(tp * wrong / (tp + wrong) ** 3)
    assert sure(found.high) - sure(found.low) == pytest.approx(2 * 1.96 * error, rel=0.01)
