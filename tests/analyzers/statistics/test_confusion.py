import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix

from mlmon.analyzers.statistics.confusion import Confusion

ROWS = st.lists(
    st.tuples(
        st.sampled_from("abc"), st.sampled_from("abcd"), st.sampled_from([1.0, 2.5, -1.0]), st.integers(0, 99)
    )
)


def test_counts_are_sklearns(labelled):
    """The matrix equals scikit-learn's, actual by predicted, labels sorted."""
    actual, predicted, table = labelled(1, 4, 500)
    assert np.array_equal(table.counts, confusion_matrix(actual, predicted))


@given(ROWS, ROWS)
def test_parts_add_up_to_the_whole(left, right):
    """Merging the matrices of two parts gives the matrix of all events, negative cells in a part included."""
    merged = Confusion.from_groups(left) + Confusion.from_groups(right)
    whole = Confusion.from_groups([*left, *right])
    assert merged.labels == whole.labels
    assert np.allclose(merged.counts, whole.counts)
    assert np.allclose(merged.squares, whole.squares)


@given(ROWS, ROWS)
def test_the_order_of_parts_does_not_matter(left, right):
    """Addition commutes."""
    one, two = Confusion.from_groups(left), Confusion.from_groups(right)
    assert one + two == two + one


def test_a_correction_moves_an_event():
    """The old evaluation with weight -w and the new one with +w leave the matrix of the corrected events."""
    before = Confusion.from_groups([("a", "a", 2.5, 4), ("b", "a", 2.5, 1)])
    correction = Confusion.from_groups([("a", "a", -2.5, 1), ("b", "a", 2.5, 1)])
    after = Confusion.from_groups([("a", "a", 2.5, 3), ("b", "a", 2.5, 2)])
    assert before + correction == after


def test_negative_and_negligible_cells_read_as_zero():
    """Cells keep no net count below zero and no rounding left by corrections."""
    table = Confusion(labels=("a", "b"), counts=np.array([[3.0, -1.0], [1e-13, 2.0]]))
    assert table.cells.tolist() == [[3.0, 0.0], [0.0, 2.0]]
    assert table.total == 5.0


def test_effective_size_is_kishs():
    """The effective size of weighted cells is (sum w)^2 / sum w^2, of all or of the marked cells."""
    table = Confusion.from_groups([("a", "a", 10.0, 5), ("a", "b", 1.0, 50)])
    assert table.n_effective() == pytest.approx(100**2 / 550)
    assert table.n_effective(np.array([[True, False], [False, False]])) == pytest.approx(5)
    assert Confusion.from_counts([]).n_effective() == 0.0


def test_an_empty_matrix_has_no_labels():
    """No rows and no labels give a matrix of shape 0 x 0."""
    assert Confusion.from_counts([]).counts.shape == (0, 0)


def test_arrays_are_frozen():
    """The matrix can't be changed in place, and does not follow the array it was built from."""
    source = np.ones((1, 1))
    table = Confusion(labels=("a",), counts=source)
    source[0, 0] = 9.0
    assert table.counts[0, 0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        table.counts[0, 0] = 2.0


def test_a_wrong_shape_is_refused():
    """Counts that are not K x K, and labels that repeat, are ValueErrors that say so."""
    with pytest.raises(ValueError, match=r"counts has shape \(1, 2\)"):
        Confusion(labels=("a", "b"), counts=np.ones((1, 2)))
    with pytest.raises(ValueError, match="twice"):
        Confusion(labels=("a", "a"), counts=np.ones((2, 2)))


def test_a_matrix_equals_nothing_else():
    """A matrix differs from values of other types and from a matrix with other counts."""
    table = Confusion.from_counts([("a", "b", 1)])
    assert table != "table"
    assert table != Confusion.from_counts([("a", "b", 2)])
