from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.analyzers import binary, reference
from mlmon.analyzers.profile_columns import Columns, from_columns
from mlmon.analyzers.sums import BinarySums
from mlmon.core.errors import StoreVersionError, UsageError

NOW = datetime(2030, 3, 1, tzinfo=UTC)


def columns(rng, n):
    """A table of everything a training file may have."""
    score = rng.uniform(size=n)
    late = rng.uniform(size=n) < score
    carrier = rng.choice(["UA", "AA"], size=n).astype(object)
    return Columns(
        features={
            "temp": np.where(rng.uniform(size=n) < 0.1, np.nan, rng.normal(60, 10, size=n)),
            "carrier": carrier,
            "constant": np.ones(n),
            "empty": [None] * n,
        },
        score=score,
        label=np.where(score >= 0.5, "late", "ok").astype(object),
        outcome=np.where(late, "late", "ok").astype(object),
        segments={"carrier": carrier},
    )


def build(seed=0, n=2_000, **options):
    """A reference of random columns."""
    known: dict[str, Any] = {"model": "m", "source": "train.parquet", "now": NOW, "positive_label": "late"}
    return from_columns(columns(np.random.default_rng(seed), n), **(known | options))


def test_a_reference_is_read_as_it_was_written(store):
    """Saving and loading gives the same profile, and it is small."""
    made = build(version="1.0")
    reference.save(store, made)
    assert reference.load(store, "m", "1.0") == made
    assert reference.load(store, "m") is None
    assert reference.load_all(store, "m") == {"1.0": made}
    assert len(msgspec.json.encode(made)) < 200_000


def test_columns_are_profiled_by_kind():
    """Numbers get edges, text gets categories, gaps are counted, and what is empty is no error."""
    made = build()
    temp = made.numeric["temp"]
    assert temp.n + temp.missing == 2_000
    assert 150 < temp.missing < 250
    assert len(temp.edges) <= reference.MOST_EDGES
    assert made.numeric["empty"].missing == 2_000
    assert sum(made.categorical["carrier"].counts.values()) == 2_000
    assert made.task == "binary"
    assert set(made.performance) == {"", "carrier=UA", "carrier=AA"}
    sums = made.performance[""]
    assert isinstance(sums, BinarySums)
    [area] = [estimate.value for name, _, estimate in binary.estimates(sums) if name == "roc_auc"]
    assert area is not None
    assert 0.75 < area < 0.9


def test_parts_merge_to_the_whole():
    """Two parts over the same edges add up to the profile of all rows."""
    rng = np.random.default_rng(1)
    whole = columns(rng, 3_000)

    def part(rows):
        def cut(values):
            return None if values is None else values[rows]

        return Columns(
            features={name: cut(values) for name, values in whole.features.items()},
            score=cut(whole.score),
            label=cut(whole.label),
            outcome=cut(whole.outcome),
            segments={name: cut(values) for name, values in whole.segments.items()},
        )

    known: dict[str, Any] = {"model": "m", "source": "t", "now": NOW, "positive_label": "late"}
    every = from_columns(whole, **known)
    parts = [from_columns(part(rows), like=every, **known) for rows in (slice(0, 900), slice(900, None))]
    merged = reference.merge(*parts)
    assert merged.n == every.n
    for name, profile in every.numeric.items():
        assert merged.numeric[name].counts == profile.counts
        assert merged.numeric[name].missing == profile.missing
    assert merged.categorical == every.categorical
    for segment, sums in every.performance.items():
        both = merged.performance[segment]
        assert isinstance(both, BinarySums)
        assert isinstance(sums, BinarySums)
        assert both.pairs == sums.pairs
        assert both.positives == sums.positives
        assert both.loss.total == pytest.approx(sums.loss.total)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50), st.lists(st.floats(-1e6, 1e6), max_size=50))
def test_merging_over_other_edges_loses_no_count(left, right):
    """However the edges differ, the counts of both are in the merged profile, and none is negative."""
    known: dict[str, Any] = {"model": "m", "source": "t", "now": NOW}
    parts = [from_columns(Columns(features={"x": np.array(side)}), **known) for side in (left, right)]
    merged = reference.merge(*parts).numeric["x"]
    assert merged.n == pytest.approx(len(left) + len(right))
    assert min(merged.counts) >= -1e-9


def test_a_merged_spread_holds_the_distance_of_the_means():
    """The merged mean and standard deviation are those of all values, however far apart the parts lie."""
    low, high = np.arange(100.0), np.arange(500.0, 800.0)
    parts = [
        from_columns(Columns(features={"a": values}), model="m", source="t", now=NOW)
        for values in (low, high)
    ]
    merged = reference.merge(*parts).numeric["a"]
    every = np.concatenate((low, high))
    assert (merged.mean, merged.std) == pytest.approx((every.mean(), every.std()))


def test_references_of_different_models_do_not_merge():
    """Merging what does not belong together says what differs."""
    with pytest.raises(UsageError, match="other"):
        reference.merge(build(), build(model="other"))


def test_columns_of_different_lengths_are_refused():
    """The message gives the lengths."""
    with pytest.raises(UsageError, match="one length"):
        from_columns(Columns(features={"a": [1, 2], "b": [1]}), model="m", source="t", now=NOW)


def test_a_reference_of_a_newer_form_is_refused(store):
    """It is not misread, and the message says what to do."""
    blob = msgspec.json.encode({"format": 99, "model": "m"})
    store.write_blob(reference.blob_name("m", ""), blob)
    with pytest.raises(StoreVersionError, match="newer"):
        reference.load(store, "m")


@given(st.text(min_size=1), st.text())
def test_every_model_has_a_valid_blob_name(model, version):
    """Names are made of the characters that stores allow, whatever the model is called."""
    parts = reference.blob_name(model, version).split("/")
    assert len(parts) == 3
    for part in parts:
        assert part
        assert not part.startswith(".")
        assert all(letter.isascii() and (letter.isalnum() or letter in "._-") for letter in part)


def test_a_window_of_the_store_gives_the_profile_of_its_columns(store, service):
    """The profile asked of a store equals the one made of the same rows at hand."""
    from mlmon.analyzers import profile_window
    from mlmon.analyzers.models import models
    from mlmon.core.window import Window

    rng = np.random.default_rng(5)
    temp, kind = rng.normal(size=500), rng.choice(["a", "b"], size=500)
    store.write(
        [
            service.inference(
                f"i{k}", NOW + timedelta(minutes=k), PREDICTION_VALUE=1.0 * k,
                FEATURES_NUMERIC={"temp": float(temp[k])}, FEATURES_CATEGORICAL={"kind": str(kind[k])},
            )
            for k in range(500)
        ]
    )  # fmt: skip
    span = Window(start=NOW, end=NOW + timedelta(days=1))
    asked = profile_window.from_window(store, models(store)[0], span, now=NOW)
    made = from_columns(
        Columns(features={"temp": temp, "kind": kind.astype(object)}, value=np.arange(500.0)),
        model="m", source="x", now=NOW,
    )  # fmt: skip
    assert asked.categorical == made.categorical
    assert asked.n == made.n
    assert asked.numeric["temp"].n == 500
    assert asked.numeric["temp"].std == pytest.approx(made.numeric["temp"].std)
