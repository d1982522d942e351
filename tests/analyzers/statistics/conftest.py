"""What the tests of the statistics share: drawing matrices, and judging a simulated coverage."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import binomtest

from mlmon.analyzers.statistics.confusion import Confusion
from mlmon.analyzers.statistics.estimate import Estimate

RUNS = 2000
"""Simulated windows a coverage test draws."""

CHANCE = 1e-3
"""A coverage fails only when the stated rate would give one so far off less often than this."""


def _within(estimate: Estimate, truth: float) -> bool:
    low, high = estimate.low, estimate.high
    return (low is None or low <= truth) and (high is None or truth <= high)


@pytest.fixture
def assert_covers() -> Callable[..., None]:
    """Assert that 95 % intervals hold the truth at their rate, or at least so often when ``conservative``."""

    def check(estimates: list[Estimate], truth: float, *, conservative: bool = False) -> None:
        hits = sum(_within(estimate, truth) for estimate in estimates)
        side = "less" if conservative else "two-sided"
        found = binomtest(hits, len(estimates), 0.95, alternative=side)
        assert found.pvalue > CHANCE, f"{hits} of {len(estimates)} intervals hold {truth}"

    return check


@pytest.fixture
def draw_matrices() -> Callable[..., tuple[list[Confusion], Confusion]]:
    """Draw confusion matrices of ``n`` events from cell shares, and give the matrix of the shares too."""

    def draw(shares: list[list[float]], n: int, runs: int = RUNS) -> tuple[list[Confusion], Confusion]:
        truth = np.array(shares) / np.sum(shares)
        labels = tuple("abcdefghij"[: len(truth)])
        drawn = np.random.default_rng(7).multinomial(n, truth.ravel(), size=runs)
        matrices = [Confusion(labels=labels, counts=row.reshape(truth.shape)) for row in drawn]
        return matrices, Confusion(labels=labels, counts=truth * 1e6)

    return draw


@pytest.fixture
def labelled() -> Callable[..., tuple[list[str], list[str], Confusion]]:
    """Draw labelled events: (actual labels, predicted labels, their confusion matrix)."""

    def draw(seed: int, classes: int, n: int) -> tuple[list[str], list[str], Confusion]:
        rng = np.random.default_rng(seed)
        actual = rng.integers(0, classes, n)
        predicted = np.where(rng.random(n) < 0.6, actual, rng.integers(0, classes, n))
        names = np.array(list("abcdefghij"))
        pairs = list(zip(names[actual].tolist(), names[predicted].tolist(), strict=True))
        table = Confusion.from_counts((a, p, 1) for a, p in pairs)
        return [a for a, _ in pairs], [p for _, p in pairs], table

    return draw
