import pytest

from mlmon.core import schema
from mlmon.logging_sdk import ModelLogger, Sample
from mlmon.logging_sdk.sample import fraction, weight


def test_the_kept_share_stands_for_all(events):
    """A tenth is kept, stands for ten each, takes consecutive numbers, and the rest is counted."""
    log = ModelLogger("m", sample=0.1)
    for index in range(2000):
        log.predicted({"x": 1.0}, label="a", id=f"id-{index}")
    stats = log.stats()
    assert stats.emitted + stats.sampled_out == 2000
    assert 140 < stats.emitted < 260
    assert {event[schema.SAMPLE_WEIGHT] for event in events} == {10.0}
    assert [event[schema.EVENT_SEQUENCE] for event in events] == list(range(stats.emitted))


def test_rows_and_single_inferences_decide_alike(events):
    """An id is kept or left out wherever it is logged, and its outcome always is kept."""
    ids = [f"id-{index}" for index in range(300)]
    log = ModelLogger("m", sample=Sample(rate=0.5))
    for inference_id in ids:
        log.predicted({"x": 1.0}, label="a", id=inference_id)
    with ModelLogger("m", sample=0.5).batch({"x": [1.0] * 300}, ids=ids) as batch:
        batch.predict(label=["a"] * 300)
    kept = [event[schema.INFERENCE_ID] for event in events]
    assert kept[: len(kept) // 2] == kept[len(kept) // 2 :] == [name for name in ids if fraction(name) < 0.5]
    log.outcomes(ids, labels=["a"] * 300)
    assert len(events.outcomes) == 300


@pytest.mark.parametrize(
    "said",
    [
        {"has_failed": True},
        {"score": 0.52, "threshold": 0.5},
        {"probabilities": (0.4, 0.35, 0.25)},
        {"score": 0.55},
    ],
)
def test_what_says_most_is_always_kept(said):
    """Failures, scores near the threshold and unsure predictions are kept and stand for themselves."""
    sample = Sample(rate=1e-9, near_threshold=0.05, below_confidence=0.6)
    assert weight(sample, "any", **said) == 1.0
    assert weight(sample, "any", score=0.99, threshold=0.5) is None
