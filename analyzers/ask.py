"""What an analyzer is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from mlmon.analyzers.models import Model
from mlmon.analyzers.policy import Policy
from mlmon.analyzers.reference import Reference
from mlmon.core.occasions import Occasion
from mlmon.core.result import Result
from mlmon.core.store import Reader
from mlmon.core.window import Window


class Ask(Struct, frozen=True, kw_only=True):
    """One question: a model, whole windows of a size, and what to tell apart.

    `span` covers whole windows. With `by_version` there are results for each version beside those for all
    versions together; `by_segment` names segment fields, each value of which gets results. `version` narrows
    the question to one version. `occasions` are events declared for the model, also of the year before the
    span. `references` are by version, an empty string standing for all. `now` and
    `maturity` decide what is final.
    """

    model: Model
    span: Window
    size: str
    now: datetime
    maturity: timedelta = timedelta(days=7)
    version: str = ""
    by_version: bool = False
    by_segment: tuple[str, ...] = ()
    references: Mapping[str, Reference] = {}
    policy: Policy = Policy()
    occasions: tuple[Occasion, ...] = ()


Analyzer = Callable[[Reader, Ask], Iterator[Result]]
"""A question asked of a store; it only reads, and may be asked from several threads at once."""


def reference_for(known: Mapping[str, Reference], version: str) -> Reference | None:
    """Of the references by version that of a version, else the model's own, else the newest there is."""
    if version in known or "" in known or not known:
        return known.get(version) or known.get("")
    return None if version else max(known.values(), key=lambda reference: reference.built_at)
