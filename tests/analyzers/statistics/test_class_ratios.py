import numpy as np
import pytest

from mlmon.analyzers.statistics.class_ratios import F1, PRECISION, RECALL, _mean_and_gradient, averaged
from mlmon.analyzers.statistics.confusion import Confusion
from mlmon.analyzers.statistics.delta import numerically

TABLE = np.array([[50.0, 4.0, 6.0], [3.0, 20.0, 1.0], [8.0, 2.0, 9.0]])


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("defined", [[True, True, True], [True, False, True]])
@pytest.mark.parametrize("ratio", [PRECISION, RECALL, F1])
def test_gradient_is_the_numeric_one(sure, ratio, defined, weighted):
    """The written gradient of an average equals central differences, with classes left out too."""
    evaluate = _mean_and_gradient(ratio, np.array(defined), weighted=weighted)
    _, gradient = sure(evaluate(TABLE))
    _, expected = sure(numerically(lambda table: sure(evaluate(table))[0])(TABLE))
    assert gradient == pytest.approx(expected, abs=1e-8)
    assert float((TABLE * gradient).sum()) == pytest.approx(0.0, abs=1e-12)


def test_an_unknown_average_is_refused():
    """An average that does not exist is a ValueError that lists those that do."""
    table = Confusion(labels=("a", "b", "c"), counts=TABLE)
    with pytest.raises(ValueError, match="'micro'"):
        averaged(F1, table, average="median", positive=None)  # type: ignore[arg-type]  # the wrong value is what is tested
