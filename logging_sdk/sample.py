"""Which inferences are kept: decided by a hash of their id, so that every process decides alike.

A kept inference carries how many it stands for (`mlmon.inference.sample_weight`), so that weighted counts
stay right. Those that are always kept stand for themselves.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

from msgspec import Struct

from mlmon.core.errors import UsageError

_SPAN = 2**64


class Sample(Struct, frozen=True, kw_only=True):
    """Keep a share of the inferences, and all that say the most.

    `rate` in (0, 1] is the share. Failures are always kept, unless `keep_failures` is False. With
    `below_confidence`, an inference whose highest probability is lower is kept; with `near_threshold`, one
    whose score is that near to the threshold or nearer.
    """

    rate: float
    keep_failures: bool = True
    below_confidence: float | None = None
    near_threshold: float | None = None

    def __post_init__(self) -> None:
        """Refuse a rate outside of (0, 1]."""
        if not 0 < self.rate <= 1:
            raise UsageError(
                f"The sample rate {self.rate} must be above 0 and at most 1. Pass 0.1 for a tenth."
            )


def fraction(inference_id: str) -> float:
    """Where an id falls in [0, 1): the first 64 bits of its BLAKE2b."""
    return int.from_bytes(blake2b(inference_id.encode("utf-8", "replace"), digest_size=8).digest()) / _SPAN


def weight(
    sample: Sample,
    inference_id: str,
    *,
    has_failed: bool = False,
    score: float | None = None,
    probabilities: Iterable[float | None] = (),
    threshold: float | None = None,
) -> float | None:
    """How many inferences this one stands for; None where it is to be left out.

    >>> weight(Sample(rate=1.0), "any")
    1.0
    """
    if sample.rate == 1 or (has_failed and sample.keep_failures):
        return 1.0
    if _is_near(sample, score, threshold) or _is_unsure(sample, score, probabilities):
        return 1.0
    return 1 / sample.rate if fraction(inference_id) < sample.rate else None


def _is_near(sample: Sample, score: float | None, threshold: float | None) -> bool:
    if sample.near_threshold is None or score is None or threshold is None:
        return False
    return abs(score - threshold) <= sample.near_threshold


def _is_unsure(sample: Sample, score: float | None, probabilities: Iterable[float | None]) -> bool:
    """The highest probability is of `probabilities`, else of the score and its complement."""
    if sample.below_confidence is None:
        return False
    known = [value for value in probabilities if value is not None]
    if not known and score is not None and 0 <= score <= 1:
        known = [score, 1 - score]
    return bool(known) and max(known) < sample.below_confidence
