"""Drift does not depend on the order of rows, the bounds of batches, or the store."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from mlmon.analyzers import jobs
from mlmon.analyzers import reference as references
from mlmon.analyzers.profile_columns import Columns, from_columns
from mlmon.core import schema
from mlmon.core.config import AnalyzeConfig, Config
from mlmon.core.query import Scan
from mlmon.core.result import from_document
from mlmon.core.schema import Dataset
from mlmon.stores.embedded import open_store

START = datetime(2030, 3, 4, tzinfo=UTC)
WEEK = timedelta(days=7)
ROWS = 600
NAMES = np.array(["AA", "DL", "UA"])


def table(rng, n):
    """Two numbers that go together, one of them with gaps and infinities, a constant, and a category."""
    first = rng.normal(size=n)
    second = first + rng.normal(size=n) / 3
    second[rng.uniform(size=n) < 0.1] = np.nan
    return {"first": first, "second": second, "same": np.ones(n), "carrier": NAMES[rng.integers(0, 3, n)]}


@pytest.fixture(scope="module")
def known():
    """Give a reference."""
    columns = Columns(features=table(np.random.default_rng(1), 4_000))
    return from_columns(columns, model="m", source="train", now=START)


@pytest.fixture
def events(service):
    """Give a week of inferences, in their order."""
    rows = table(np.random.default_rng(2), ROWS)
    return [
        service.inference(
            f"i{place}",
            START + place * WEEK / ROWS,
            EVENT_SEQUENCE=place,
            FEATURES_NUMERIC={
                name: float(rows[name][place])
                for name in ("first", "second", "same")
                if np.isfinite(rows[name][place])
            },
            FEATURES_CATEGORICAL={"carrier": str(rows["carrier"][place])},
        )
        for place in range(ROWS)
    ]


def said(store, known, events, batch):
    """The drift metrics of a store, by name and subject, after events were written in batches."""
    for first in range(0, len(events), batch):
        store.write(events[first : first + batch])
    references.save(store, known)
    now = START + 3 * WEEK
    config = Config(analyze=AnalyzeConfig(windows=("7d",)))
    jobs.run_once(store, config, clock=lambda: int(now.timestamp() * 1e9))
    documents = (one for batch in store.scan(Scan(dataset=Dataset.METRIC)) for one in batch)
    found = (
        from_document(one) for one in documents if one[schema.RESULT_ANALYZER] in ("drift", "multivariate")
    )
    return {one.label: (one.value, one.low, one.high, one.n) for one in found}


def test_the_order_the_batches_and_the_store_play_no_part(new_store, events, known, tmp_path):
    """Events in one batch, shuffled in batches of 7, and in the embedded store give the same numbers."""
    order = np.random.default_rng(3).permutation(ROWS)
    shuffled = [events[place] for place in order]
    embedded = open_store(tmp_path)
    plain = said(new_store(), known, events, ROWS)
    others = [said(new_store(), known, shuffled, 7), said(embedded, known, shuffled, 97)]
    embedded.close()
    assert {"domain_auc", "pca_reconstruction", "psi[first]", "psi[carrier]", "missing_rate[second]"} <= set(
        plain
    )
    assert plain["missing_rate[second]"][0] == pytest.approx(0.1, abs=0.04)
    assert plain["psi[same]"][0] < 0.01
    for other in others:
        assert other.keys() == plain.keys()
        for name, numbers in plain.items():
            for left, right in zip(numbers, other[name], strict=True):
                assert right == (left if left is None else pytest.approx(left, rel=1e-9, abs=1e-12)), name
