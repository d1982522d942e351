"""The real flights, loaded once for all tests of the demo."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlmon.demo import flights, model

if TYPE_CHECKING:
    import pandas as pd


@pytest.fixture(scope="session")
def table() -> pd.DataFrame:
    """All flights of the year; tests must not change it."""
    return flights.load()


@pytest.fixture(scope="session")
def training(table: pd.DataFrame) -> model.Training:
    """The demo's model, trained once."""
    return model.train(flights.training(table))
