"""Sums over groups of documents that share a weight, which may be negative.

Analyzers group by the weight and scale what a store measured of a group by it. So events that were sampled,
and evaluations that a correction withdrew, need no arithmetic of their own.
"""

from __future__ import annotations

from msgspec import Struct


class Moments(Struct, kw_only=True):
    """Weighted count, sum and sum of squares of a number, and what Kish's effective size needs.

    `weight` is the sum of w, `weight_squares` that of w |w|, `total` of w x, `squares` of w x^2.
    """

    weight: float = 0.0
    weight_squares: float = 0.0
    total: float = 0.0
    squares: float = 0.0

    def add(self, weight: float, count: float, total: float = 0.0, squares: float = 0.0) -> None:
        """Add `count` events of one weight whose values have the given sums."""
        self.weight += weight * count
        self.weight_squares += weight * abs(weight) * count
        self.total += weight * total
        self.squares += weight * squares

    def merge(self, other: Moments) -> Moments:
        """Give the moments of both together."""
        return Moments(
            weight=self.weight + other.weight,
            weight_squares=self.weight_squares + other.weight_squares,
            total=self.total + other.total,
            squares=self.squares + other.squares,
        )

    @property
    def n_effective(self) -> float:
        """Kish's effective sample size; that of unit weights is their count."""
        if not (self.weight > 0.0 and self.weight_squares > 0.0):
            return 0.0
        return self.weight * self.weight / self.weight_squares
