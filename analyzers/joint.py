"""How the features of a reference go together: a bounded sample of its rows, as numbers of bins.

Means and correlations, principal components and a classifier are all made from it when they are asked for. A
row is kept by its key, a hash: those with the smallest keys. So two samples add up to that of both, whatever
their order, and no value of a row is kept, only which of at most 32 bins of the reference it lay in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Final
from zlib import crc32

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from mlmon.analyzers.statistics.histograms import quantile_groups
from mlmon.analyzers.statistics.proportions import Vector

ROWS: Final = 2_000
"""Rows of a sample, at most."""

MOST_COLUMNS: Final = 64
LEVELS: Final = 32
NAMED: Final = 12
"""Bins of a number, and categories that have one of their own."""

_RARE: Final = 0.02
"""A category, or a missing value, less frequent than this has no column of its own."""

_ONE_HOT: Final = 6

Codes = npt.NDArray[np.uint8]
Keys = npt.NDArray[np.uint64]
"""Of 32 bits, so that they are short as text."""

Matrix = npt.NDArray[np.float64]


class Number(Struct, frozen=True, kw_only=True, tag="number"):
    """How a number is coded: 0 is missing, then one more than `cuts`."""

    name: str
    cuts: tuple[float, ...]


class Category(Struct, frozen=True, kw_only=True, tag="category"):
    """How a category is coded: 0 is missing, then the names, then all others."""

    name: str
    names: tuple[str, ...]


class Joint(Struct, frozen=True, kw_only=True):
    """The sample: `codes` are its rows one after the other, a byte a column; `keys` ascend, one a row.

    `weights` are the rows' sample weights, empty where all are 1.
    """

    columns: tuple[Number | Category, ...]
    codes: bytes
    keys: tuple[int, ...]
    weights: tuple[float, ...] = ()

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.keys)


def number(name: str, edges: Sequence[float], counts: Sequence[float]) -> Number | None:
    """The coding of a number, at some of the edges of its profile; None where it never varies."""
    if np.count_nonzero(counts) < 2:  # noqa: PLR2004 - one bin alone
        return None
    borders = np.flatnonzero(np.diff(quantile_groups(counts, LEVELS)))
    return Number(name=name, cuts=tuple(edges[border] for border in borders.tolist()))


def category(name: str, counts: Mapping[str, float]) -> Category | None:
    """The coding of a category; None where it never varies."""
    ranked = sorted(counts, key=lambda one: (-counts[one], one))
    return Category(name=name, names=tuple(ranked[:NAMED])) if len(ranked) > 1 else None


def coded(column: Number | Category, values: Sequence[object] | npt.NDArray[np.float64]) -> Codes:
    """The codes of a column; what is no finite number, or None, is missing."""
    if isinstance(column, Category):
        place = {name: index for index, name in enumerate(column.names, start=1)}
        other = len(column.names) + 1
        return np.fromiter(
            (0 if value is None else place.get(str(value), other) for value in values),
            dtype=np.uint8,
            count=len(values),
        )
    array = np.asarray([np.nan if value is None else value for value in values], dtype=np.float64)
    found = np.searchsorted(np.asarray(column.cuts), array, side="right") + 1
    return np.where(np.isfinite(array), found, 0).astype(np.uint8)


def drawn(
    columns: tuple[Number | Category, ...], codes: Codes, keys: Keys, weights: Vector | None = None
) -> Joint:
    """The rows with the smallest keys; `codes` has a row each, a column a feature."""
    order = np.argsort(keys, kind="stable")[:ROWS]
    weighted = weights is not None and bool((weights != 1.0).any())
    return Joint(
        columns=columns,
        codes=np.ascontiguousarray(codes[order]).tobytes(),
        keys=tuple(keys[order].tolist()),
        weights=tuple(weights[order].tolist()) if weighted and weights is not None else (),
    )


def merge(left: Joint | None, right: Joint | None) -> Joint | None:
    """The sample of both, over the left one's bins; None where the bins differ, as those cannot be told.

    Parts of one table that were built with `like` have the same.
    """
    if left is None or right is None or left.columns != right.columns:
        return None
    sides = (left, right)
    weights = np.concatenate([weights_of(side) for side in sides])
    keys = np.array([*left.keys, *right.keys], dtype=np.uint64)
    return drawn(left.columns, np.vstack([codes_of(side) for side in sides]), keys, weights)


def codes_of(joint: Joint) -> Codes:
    """The rows of codes."""
    return np.frombuffer(joint.codes, dtype=np.uint8).reshape(joint.rows, len(joint.columns))


def weights_of(joint: Joint) -> Vector:
    """The weight of each row."""
    return np.asarray(joint.weights) if joint.weights else np.ones(joint.rows)


def keys_of(codes: Codes) -> Keys:
    """A key for each row of a table that has none: a hash of its codes, and of which of its like it is.

    It does not depend on the order of the rows, since rows that are alike can stand for each other.
    """
    found = np.full(len(codes), 0x9E3779B97F4A7C15, dtype=np.uint64)
    for column in codes.T:
        found = mixed(found ^ column.astype(np.uint64))
    order = np.argsort(found, kind="stable")
    ranked = found[order]
    first = np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1])) if len(codes) else order
    which = np.arange(len(codes)) - np.repeat(first, np.diff(np.append(first, len(codes))))
    keys = np.empty_like(found)
    keys[order] = mixed(ranked + which.astype(np.uint64) * np.uint64(0xD1B54A32D192ED03))
    return keys >> np.uint64(32)


def keys_of_ids(ids: Sequence[str]) -> Keys:
    """A key for each row that has an id, the same wherever it is stored."""
    return np.fromiter((crc32(one.encode()) for one in ids), dtype=np.uint64, count=len(ids))


def mixed(values: Keys) -> Keys:
    """Numbers made as good as random: the finaliser of SplitMix64 (G. Steele et al., OOPSLA 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


class Space(Struct, frozen=True, kw_only=True):
    """A sample made ready: what number or numbers each code stands for, and the reference's own rows.

    `owners` says which column each of the numbers is of.
    """

    columns: tuple[Number | Category, ...]
    tables: list[Matrix]
    owners: tuple[int, ...]
    rows: Matrix


def space(joint: Joint) -> Space:
    """The numbers that rows become: a number its normal score, a category and a missing value an indicator.

    All are standardised by the reference. A missing number lies at the mean.
    """
    codes, weight = codes_of(joint), weights_of(joint)
    tables, owners = [], []
    for place, column in enumerate(joint.columns):
        shares = np.bincount(codes[:, place], weights=weight, minlength=256) / weight.sum()
        table = _of_number(shares) if isinstance(column, Number) else _of_category(shares)
        mean = shares @ table
        spread = np.sqrt(np.maximum(shares @ (table - mean) ** 2, 0.0))
        varies = spread > 0.0
        tables.append((table[:, varies] - mean[varies]) / spread[varies])
        owners += [place] * int(varies.sum())
    return Space(
        columns=joint.columns, tables=tables, owners=tuple(owners), rows=embedded(tables, codes),
    )  # fmt: skip


def embedded(tables: Sequence[Matrix], codes: Codes) -> Matrix:
    """The rows of numbers that rows of codes stand for."""
    if not tables:
        return np.empty((len(codes), 0))
    return np.hstack([table[codes[:, place]] for place, table in enumerate(tables)])


def _of_number(shares: Vector) -> Matrix:
    there = shares.copy()
    there[0] = 0.0
    total = float(there.sum())
    scores = np.zeros_like(there)
    if total > 0.0:
        middles = (there.cumsum() - there / 2.0) / total
        normal = NormalDist()
        # A bin that the reference leaves empty at an end lies half a row beyond it.
        inside = np.clip(middles, 0.5 / ROWS, 1.0 - 0.5 / ROWS)
        scores[1:] = [normal.inv_cdf(middle) for middle in inside[1:].tolist()]
    lost = np.zeros_like(there)
    lost[0] = float(_RARE <= shares[0] <= 1.0 - _RARE)
    return np.column_stack([scores, lost])


def _of_category(shares: Vector) -> Matrix:
    ranked = np.argsort(-shares, kind="stable")
    told = [code for code in ranked[:_ONE_HOT].tolist() if _RARE <= shares[code] <= 1.0 - _RARE]
    table = np.zeros((shares.size, len(told)))
    table[told, np.arange(len(told))] = 1.0
    return table
