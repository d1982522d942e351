"""The confusion matrix: how often each actual label met each predicted one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mlmon.analyzers.statistics.estimate import NEGLIGIBLE

Table = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Confusion:
    """Net counts of K labels, ``counts[i, j]`` events with actual ``labels[i]`` and predicted ``labels[j]``.

    ``counts`` is K x K and holds sums of weights. ``squares``, of the same shape, holds sums of weight *
    |weight| and is what the intervals of weighted events rest on; left out, it is the counts, as when every
    weight is 1. Two matrices add with ``+`` over the union of their labels, in any order and grouping: a part
    may hold negative cells (a correction whose first half lies in another part), which `cells` reads as zero.

    Raises ValueError when a shape is not K x K, or a label appears twice.

    >>> a = Confusion.from_counts([("late", "late", 3), ("on_time", "late", 1)])
    >>> b = Confusion.from_counts([("late", "on_time", 2), ("late", "late", 1)])
    >>> (a + b).labels, (a + b).counts.tolist()
    (('late', 'on_time'), [[4.0, 2.0], [1.0, 0.0]])
    """

    labels: tuple[str, ...]
    counts: Table
    squares: Table = field(default_factory=lambda: np.empty((0, 0)))
    cells: Table = field(init=False, repr=False)
    """The counts, with negative and negligible net cells read as zero."""
    cell_squares: Table = field(init=False, repr=False)
    """The squares of the cells that `cells` does not read as zero."""

    def __post_init__(self) -> None:
        """Fix the arrays' type and check their shape."""
        squares = self.counts if np.size(self.squares) == 0 else self.squares
        object.__setattr__(self, "counts", _square("counts", self.counts, len(self.labels)))
        object.__setattr__(self, "squares", _square("squares", squares, len(self.labels)))
        kept = self.counts > NEGLIGIBLE
        object.__setattr__(self, "cells", np.where(kept, self.counts, 0.0))
        object.__setattr__(self, "cell_squares", np.where(kept, np.maximum(self.squares, 0.0), 0.0))
        if len(set(self.labels)) != len(self.labels):
            message = f"labels {self.labels} name one label twice; each label may appear once"
            raise ValueError(message)

    @classmethod
    def from_counts(cls, rows: Iterable[tuple[str, str, float]], *, labels: Iterable[str] = ()) -> Confusion:
        """Build from (actual, predicted, count); labels are those seen and those given, sorted.

        >>> Confusion.from_counts([], labels=["b", "a"]).counts.tolist()
        [[0.0, 0.0], [0.0, 0.0]]
        """
        return cls.from_groups(
            ((actual, predicted, 1.0, count) for actual, predicted, count in rows), labels=labels
        )

    @classmethod
    def from_groups(
        cls, rows: Iterable[tuple[str, str, float, float]], *, labels: Iterable[str] = ()
    ) -> Confusion:
        """Build from (actual, predicted, weight, count): ``count`` events of a weight, maybe negative.

        >>> Confusion.from_groups([("a", "a", 2.0, 10), ("a", "a", -2.0, 1)]).counts.tolist()
        [[18.0]]
        """
        rows = list(rows)
        names = tuple(sorted({*labels, *(row[0] for row in rows), *(row[1] for row in rows)}))
        place = {name: index for index, name in enumerate(names)}
        counts = np.zeros((len(names), len(names)))
        squares = np.zeros_like(counts)
        for actual, predicted, weight, count in rows:
            cell = place[actual], place[predicted]
            counts[cell] += weight * count
            squares[cell] += weight * abs(weight) * count
        return cls(labels=names, counts=counts, squares=squares)

    def __add__(self, other: Confusion) -> Confusion:
        """Merge two matrices over the union of labels, sorted unless both have the same in the same order."""
        same = self.labels == other.labels
        labels = self.labels if same else tuple(sorted({*self.labels, *other.labels}))
        left, right = self.over(labels), other.over(labels)
        return Confusion(
            labels=labels, counts=left.counts + right.counts, squares=left.squares + right.squares
        )

    def __eq__(self, other: object) -> bool:
        """Compare labels, counts and squares exactly."""
        if not isinstance(other, Confusion):
            return NotImplemented
        return (
            self.labels == other.labels
            and np.array_equal(self.counts, other.counts)
            and np.array_equal(self.squares, other.squares)
        )

    __hash__ = None  # type: ignore[assignment]  # arrays have no hash

    def over(self, labels: tuple[str, ...]) -> Confusion:
        """Give the same counts over other labels: new ones are empty, missing ones are left out.

        >>> Confusion.from_counts([("a", "a", 3)]).over(("b", "a")).counts.tolist()
        [[0.0, 0.0], [0.0, 3.0]]
        """
        kept = [(labels.index(name), index) for index, name in enumerate(self.labels) if name in labels]
        to, source = np.array(kept, dtype=np.intp).reshape(-1, 2).T
        tables = []
        for table in (self.counts, self.squares):
            moved = np.zeros((len(labels), len(labels)))
            moved[np.ix_(to, to)] = table[np.ix_(source, source)]
            tables.append(moved)
        return Confusion(labels=labels, counts=tables[0], squares=tables[1])

    def present(self) -> Confusion:
        """Give the matrix over the labels that occur, actual or predicted.

        >>> Confusion.from_counts([("a", "b", 3)], labels=["c"]).present().labels
        ('a', 'b')
        """
        cells = self.cells
        seen = cells.sum(axis=0) + cells.sum(axis=1) > NEGLIGIBLE
        if seen.all():
            return self
        return self.over(tuple(name for name, here in zip(self.labels, seen, strict=True) if here))

    @property
    def total(self) -> float:
        """The sum of all cells."""
        return float(self.cells.sum())

    def n_effective(self, where: npt.NDArray[np.bool_] | None = None) -> float:
        """Give Kish's effective sample size of the cells that ``where`` (K x K) marks, or of all.

        >>> Confusion.from_groups([("a", "a", 10.0, 5), ("a", "b", 1.0, 50)]).n_effective()
        18.181818181818183
        """
        counts, squares = self.cells, self.cell_squares
        if where is not None:
            counts, squares = counts[where], squares[where]
        total, square = float(counts.sum()), float(squares.sum())
        return total * total / square if square > NEGLIGIBLE else 0.0


def _square(name: str, given: npt.ArrayLike, size: int) -> Table:
    array = np.array(given, dtype=np.float64)
    if size == 0 and array.size == 0:
        array = array.reshape(0, 0)
    if array.shape != (size, size):
        message = f"{name} has shape {array.shape}; {size} labels need {(size, size)}"
        raise ValueError(message)
    array.setflags(write=False)
    return array
