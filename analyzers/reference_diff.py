"""How far two references are from each other, feature by feature."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np

from mlmon.analyzers.compare import STATISTICS
from mlmon.analyzers.distances import (
    Distance,
    categorical_distance,
    categorical_scale,
    numeric_distance,
    numeric_scale,
)
from mlmon.analyzers.reference import Categorical, Numeric, Reference, carried

KEYS: Final = (
    "feature", "kind", "in", "n_before", "n_after", *STATISTICS, "p_value", "missing_before", "missing_after",
    "mean_before", "mean_after", "new_categories", "vanished_categories",
)  # fmt: skip
"""The keys of the rows; `in` says where the feature is: both, before or after."""

_Profile = Numeric | Categorical


def diff(before: Reference, after: Reference) -> Iterator[dict[str, Any]]:
    """One row a feature, also of what the model said: distances, missing rates, categories come and gone.

    Numbers are compared over the edges of `before`; where `after` has others, its values are taken as even
    within a bin. A feature that is numbers in one and text in the other has kind `mixed` and no distance.
    """
    left, right = _profiles(before), _profiles(after)
    for name in sorted(left.keys() | right.keys()):
        old, new = left.get(name), right.get(name)
        yield dict.fromkeys(KEYS) | _about(name, old, new) | _apart(old, new)


def _profiles(reference: Reference) -> Mapping[str, _Profile]:
    return {**reference.numeric, **reference.categorical}


def _about(name: str, old: _Profile | None, new: _Profile | None) -> dict[str, Any]:
    kinds = {_kind(one) for one in (old, new) if one is not None and one.n}
    return {
        "feature": name,
        "kind": "mixed" if len(kinds) > 1 else next(iter(kinds), None),
        "in": "both" if old is not None and new is not None else "before" if new is None else "after",
        "n_before": old.n if old is not None else None,
        "n_after": new.n if new is not None else None,
        "missing_before": _missing(old),
        "missing_after": _missing(new),
        "mean_before": old.mean if isinstance(old, Numeric) else None,
        "mean_after": new.mean if isinstance(new, Numeric) else None,
    }


def _kind(profile: _Profile) -> str:
    return "numeric" if isinstance(profile, Numeric) else "categorical"


def _missing(profile: _Profile | None) -> float | None:
    total = profile.n + profile.missing if profile is not None else 0.0
    return profile.missing / total if profile is not None and total else None


def _apart(old: _Profile | None, new: _Profile | None) -> dict[str, Any]:
    if isinstance(old, Numeric) and isinstance(new, Numeric) and old.edges:
        counts = np.asarray(new.counts if new.edges == old.edges else carried(new, old.edges))
        return _stated(numeric_distance(numeric_scale(old), counts, new.missing, 1.0))
    if isinstance(old, Categorical) and isinstance(new, Categorical):
        found = categorical_distance(categorical_scale(old), new.counts, new.other, new.missing, 1.0)
        return _stated(found) | {
            "new_categories": _beyond(new, old),
            "vanished_categories": _beyond(old, new),
        }
    return {}


def _stated(distance: Distance) -> dict[str, Any]:
    found = {name: distance.metrics.get(name) for name in STATISTICS}
    return found | {"p_value": distance.p_value}


def _beyond(profile: Categorical, other: Categorical) -> list[str] | None:
    """The categories that the other side lacks, most frequent first; None where it has forgotten some."""
    if other.other:
        return None
    ranked = sorted(profile.counts, key=lambda name: (-profile.counts[name], name))
    return [name for name in ranked if name not in other.counts]
