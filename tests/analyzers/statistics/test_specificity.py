import pytest
from sklearn.metrics import recall_score

from mlmon.analyzers.statistics.confusion import Confusion
from mlmon.analyzers.statistics.specificity import specificity, specificity_by_class


def test_specificity_is_the_recall_of_the_rest(labelled):
    """Specificity of a label equals scikit-learn's recall of its complement to 1e-12."""
    actual, predicted, table = labelled(2, 3, 300)
    expected = recall_score([a != "b" for a in actual], [p != "b" for p in predicted])
    assert specificity(table, positive="b").value == pytest.approx(expected, abs=1e-12)


def test_degenerate_matrices_are_undefined():
    """No events, only the positive label, and an unknown label have no specificity."""
    assert specificity(Confusion.from_counts([]), positive="a").value is None
    assert specificity(Confusion.from_counts([("a", "a", 3)]), positive="a").value is None
    assert specificity(Confusion.from_counts([("a", "a", 3)]), positive="z").value is None


def test_every_label_is_answered():
    """One estimate a label, in the matrix's order."""
    table = Confusion.from_counts([("a", "a", 3), ("a", "b", 1)])
    assert {label: e.value for label, e in specificity_by_class(table).items()} == {"a": None, "b": 0.75}
