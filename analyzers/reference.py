"""What is normal for a model: the stored profile that others are held against. Never raw rows.

A reference is counts over edges and over categories, and the sufficient statistics of performance. So it is
small, two of them add up, and any statistic can be computed against it later.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Final, TypeVar

import msgspec
import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from mlmon.analyzers import joint as joints
from mlmon.analyzers import sums
from mlmon.analyzers.joint import Joint
from mlmon.analyzers.statistics.histograms import merge_categories
from mlmon.analyzers.sums import Sums
from mlmon.core import schema
from mlmon.core.errors import StoreVersionError, UsageError
from mlmon.core.store import Reader, Writer
from mlmon.core.window import Window

FORMAT: Final = 1
MOST_EDGES: Final = 1_024
MOST_CATEGORIES: Final = 1_000
"""Rarer categories than these are not kept by name; they count as missing from the reference's memory."""

SCORE: Final = "prediction.score"
VALUE: Final = "prediction.value"
LABEL: Final = "prediction.label"
"""Subjects that are no features: what the model said."""

FIELDS: Final = {
    SCORE: schema.PREDICTION_SCORE,
    VALUE: schema.PREDICTION_VALUE,
    LABEL: schema.PREDICTION_LABEL,
}
_PREFIX: Final = "reference"
_WHOLE: Final = "_"


class Numeric(Struct, frozen=True, kw_only=True):
    """A number: `counts` are one more than `edges`, `missing` have no value, `std` is of the population.

    `mean` and `std` are None where nothing had a value; references made before means were kept lack `mean`.
    """

    edges: tuple[float, ...]
    counts: tuple[float, ...]
    missing: float = 0.0
    std: float | None = None
    mean: float | None = None

    @property
    def n(self) -> float:
        """How many have a value."""
        return sum(self.counts)


class Categorical(Struct, frozen=True, kw_only=True):
    """A category: counts by name, those of rarer names together as `other`, and how many have none."""

    counts: dict[str, float]
    other: float = 0.0
    missing: float = 0.0

    @property
    def n(self) -> float:
        """How many have a value."""
        return sum(self.counts.values()) + self.other


class Reference(Struct, frozen=True, kw_only=True):
    """One profile. `version` is empty where it stands for all versions; `source` says what it was made from.

    `name` is what a person called it, empty where nobody did; `promoted_at` is when it was put in force in
    place of another, None where it never was.
    `numeric` and `categorical` are by subject: a feature's name, `prediction.score`, `prediction.value` or
    `prediction.label`. `performance` is by segment (`field=value`), the empty one being all events. `joint`
    says how features go together; references made before it was kept have none.
    """

    model: str
    source: str
    built_at: datetime
    n: float
    version: str = ""
    window: Window | None = None
    task: str = ""
    positive_label: str | None = None
    numeric: dict[str, Numeric] = {}
    categorical: dict[str, Categorical] = {}
    outcome: Categorical | None = None
    performance: dict[str, Sums] = {}
    error_rate: float | None = None
    joint: Joint | None = None
    name: str = ""
    promoted_at: datetime | None = None
    format: int = FORMAT


def field_of(subject: str, family: str) -> str:
    """The field a subject is found in; `family` is that of the features of its kind."""
    return FIELDS.get(subject) or schema.member(family, subject)


def blob_name(model: str, version: str) -> str:
    """Where the reference of a model and version is kept.

    Blob names are made of letters, digits, `.`, `_` and `-`; anything else is written as its code point.

    >>> blob_name("flight-delay", "2013.03"), blob_name("a b", "")
    ('reference/flight-delay/2013.03', 'reference/a_20_b/_')
    """
    return f"{_PREFIX}/{word(model)}/{word(version) or _WHOLE}"


def word(text: str) -> str:
    """Text as a part of the name of a blob."""
    return re.sub(r"^\.|[^A-Za-z0-9._-]", lambda match: f"_{ord(match[0]):x}_", text)


def save(writer: Writer, reference: Reference) -> None:
    """Store a reference; one of the same model and version is replaced."""
    writer.write_blob(blob_name(reference.model, reference.version), msgspec.json.encode(reference))


def load(reader: Reader, model: str, version: str = "") -> Reference | None:
    """The reference of exactly this model and version, or None.

    Raises:
        StoreVersionError: a newer mlmon wrote it.

    """
    blob = reader.read_blob(blob_name(model, version))
    return None if blob is None else decode(blob)


def load_all(reader: Reader, model: str) -> dict[str, Reference]:
    """Every reference of a model, by version."""
    blobs = (reader.read_blob(name) for name in reader.list_blobs(f"{_PREFIX}/{word(model)}/"))
    found = [decode(blob) for blob in blobs if blob is not None]
    return {reference.version: reference for reference in found if reference.model == model}


class _Form(Struct):
    format: int
    model: str


def decode(blob: bytes) -> Reference:
    """A reference as it was stored.

    Raises:
        StoreVersionError: a newer mlmon wrote it.

    """
    form = msgspec.json.decode(blob, type=_Form)
    if form.format > FORMAT:
        raise StoreVersionError(
            f"The reference of {form.model} has form {form.format}; this mlmon reads up to {FORMAT}. "
            "Use a newer mlmon, or build the reference again."
        )
    return msgspec.json.decode(blob, type=Reference)


def merge(left: Reference, right: Reference) -> Reference:
    """The profile of both together, over the left one's edges.

    Exact where both have the same edges, such as parts built with `like`. Other edges are carried over by
    taking values as even within a bin.

    Raises:
        UsageError: they are of different models, tasks or positive labels.

    """
    if (left.model, left.task, left.positive_label) != (right.model, right.task, right.positive_label):
        raise UsageError(
            f"References of {left.model} ({left.task}, {left.positive_label}) and {right.model} "
            f"({right.task}, {right.positive_label}) cannot be merged. "
            "Both must be of one model, task and positive label."
        )
    performance = dict(left.performance)
    for segment, more in right.performance.items():
        performance[segment] = sums.merge(performance[segment], more) if segment in performance else more
    numeric = _united(left.numeric, right.numeric, _merge_numeric)
    named = _united(left.categorical, right.categorical, merge_categorical)
    # A part in which a text has no value at all cannot tell it from a number.
    empty = {name: one.missing for name, one in numeric.items() if name in named and not one.edges}
    return replace(
        left,
        source=left.source if left.source == right.source else f"{left.source} + {right.source}",
        window=_span(left.window, right.window),
        built_at=max(left.built_at, right.built_at),
        n=left.n + right.n,
        numeric={name: one for name, one in numeric.items() if name not in empty},
        categorical={
            name: replace(one, missing=one.missing + empty.get(name, 0.0)) for name, one in named.items()
        },
        outcome=_merged_outcome(left.outcome, right.outcome),
        performance=performance,
        error_rate=_mean(left, right),
        joint=joints.merge(left.joint, right.joint),
    )


_Profile = TypeVar("_Profile")


def _united(
    left: dict[str, _Profile], right: dict[str, _Profile], combine: Callable[[_Profile, _Profile], _Profile]
) -> dict[str, _Profile]:
    united = dict(left)
    for name, more in right.items():
        united[name] = combine(united[name], more) if name in united else more
    return united


def _merge_numeric(left: Numeric, right: Numeric) -> Numeric:
    counts = right.counts if left.edges == right.edges else carried(right, left.edges)
    added = np.asarray(left.counts) + np.asarray(counts)
    mean, std = _pooled(left, right)
    return replace(
        left,
        counts=tuple(added.tolist()),
        missing=left.missing + right.missing,
        std=std,
        mean=mean,
    )


def carried(profile: Numeric, edges: tuple[float, ...]) -> list[float]:
    """Counts over other edges, taking the distribution function as straight between the known ones."""
    if not edges:
        return [profile.n]
    if not profile.edges:
        return [profile.n, *([0.0] * len(edges))]
    below = np.interp(edges, profile.edges, np.cumsum(profile.counts)[:-1])
    counts: list[float] = np.diff(below, prepend=0.0, append=profile.n).tolist()
    return counts


def _pooled(left: Numeric, right: Numeric) -> tuple[float | None, float | None]:
    """The mean and the standard deviation of both together: their spread within, and that of their means.

    Where a mean was not kept there is none, and the standard deviation is that within both alone.
    """
    sides = [side for side in (left, right) if side.std is not None and side.n]
    if len(sides) < 2:  # noqa: PLR2004 - nothing to pool
        return (sides[0].mean, sides[0].std) if sides else (None, None)
    total = sum(side.n for side in sides)
    within = sum(side.n * (side.std or 0.0) ** 2 for side in sides) / total
    means = [(side.n / total, side.mean) for side in sides if side.mean is not None]
    if len(means) < len(sides):
        return None, within**0.5
    mean = sum(share * one for share, one in means)
    between = sum(share * (one - mean) ** 2 for share, one in means)
    return mean, (within + between) ** 0.5


def merge_categorical(left: Categorical, right: Categorical) -> Categorical:
    """The counts of both; beyond `MOST_CATEGORIES` the rarest become `other`."""
    return categorical(
        merge_categories(left.counts, right.counts),
        other=left.other + right.other,
        missing=left.missing + right.missing,
    )


def categorical(counts: dict[str, float], *, other: float = 0.0, missing: float = 0.0) -> Categorical:
    """A profile of at most `MOST_CATEGORIES` names, the most frequent ones."""
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    kept, rest = ranked[:MOST_CATEGORIES], ranked[MOST_CATEGORIES:]
    return Categorical(counts=dict(kept), other=other + sum(count for _, count in rest), missing=missing)


def _merged_outcome(left: Categorical | None, right: Categorical | None) -> Categorical | None:
    return merge_categorical(left, right) if left is not None and right is not None else left or right


def _span(left: Window | None, right: Window | None) -> Window | None:
    if left is None or right is None:
        return left or right
    return Window(start=min(left.start, right.start), end=max(left.end, right.end))


def _mean(left: Reference, right: Reference) -> float | None:
    known = [side for side in (left, right) if side.error_rate is not None]
    n = sum(side.n for side in known)
    return sum((side.error_rate or 0.0) * side.n for side in known) / n if n else None
