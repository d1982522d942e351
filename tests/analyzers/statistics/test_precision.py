from mlmon.analyzers.statistics.confusion import Confusion
from mlmon.analyzers.statistics.precision import precision, precision_by_class


def test_a_label_never_predicted_is_left_out_of_averages():
    """A label that was never predicted has no precision, and the macro average is over the others."""
    table = Confusion.from_counts([("a", "a", 3), ("b", "a", 1)])
    assert precision_by_class(table)["b"].value is None
    assert precision(table, average="macro").value == 0.75
