"""Series as operations know them, with and without something wrong, from a seed."""

import numpy as np
import pytest

DAY = 288


def clean(kind: str, seed: int, count: int = 10_000):  # noqa: PLR0911 - one line a kind
    """Values every five minutes in which nothing is wrong."""
    chance = np.random.default_rng(seed)
    turn = 2 * np.pi * np.arange(count) / DAY
    noise = chance.normal(0, 1, count)
    match kind:
        case "season":
            return 100 + 50 * np.sin(turn) + 10 * np.sin(2 * turn) + 5 * noise
        case "week":
            weekend = (np.arange(count) // DAY) % 7 >= 5
            return 100 + 30 * np.sin(turn) * np.where(weekend, 0.5, 1.0) + 4 * noise
        case "noise":
            return noise
        case "walk":
            return 300 + np.cumsum(noise)
        case "counts":
            return chance.poisson(2, count).astype(float)
        case "square":
            return 20 + 60.0 * ((np.arange(count) % DAY > 100) & (np.arange(count) % DAY < 220))
        case "constant":
            return np.full(count, 45.0)
    raise NotImplementedError(kind)


@pytest.fixture
def make_clean():
    """Give the function that makes a clean series."""
    return clean
