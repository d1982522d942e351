"""Every analyzer, in one place. A new question is a new file and a row here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from mlmon.analyzers import (
    anomalies,
    changepoints,
    coverage,
    drift,
    duplicates,
    freshness,
    multivariate,
    outcome_drift,
    performance,
    quality,
    service,
    silence,
    unusual,
    volume,
    with_loss,
)
from mlmon.analyzers.ask import Analyzer, Ask


def _no_further(_ask: Ask) -> int:
    return 0


class Registered(Struct, frozen=True, kw_only=True):
    """The questions whose results bear one analyzer's name.

    `reach` says how many later windows of the size asked for must be stated again with one that has
    changed, because what is said of them looks back at it; `back` how many earlier ones, because what is
    said of those looks ahead. One that is `once` is asked when there is a newer whole window than the last
    time, and not for late changes of older ones: it costs more than those are worth.
    `reads_results` are those that read what others have stated, and state no metrics.
    """

    name: str
    questions: tuple[Analyzer, ...]
    reach: Callable[[Ask], int] = _no_further
    back: int = 0
    once: bool = False
    reads_results: bool = False


ANALYZERS: Final = (
    Registered(name=service.ANALYZER, questions=(service.analyze, silence.analyze)),
    Registered(name=coverage.ANALYZER, questions=(coverage.analyze,)),
    Registered(name=performance.ANALYZER, questions=(performance.analyze,)),
    Registered(name=drift.ANALYZER, questions=(drift.analyze, outcome_drift.analyze), reach=drift.reach),
    Registered(name=multivariate.ANALYZER, questions=(multivariate.analyze,), reach=multivariate.reach),
    Registered(
        name=quality.ANALYZER,
        questions=(quality.analyze, duplicates.analyze, freshness.analyze),
        reach=quality.reach,
    ),
    Registered(name=volume.ANALYZER, questions=(volume.analyze,), reach=volume.reach),
    # These read what those above have written, so they come last.
    Registered(name=with_loss.ANALYZER, questions=(with_loss.analyze,)),
    Registered(
        name=anomalies.ANALYZER, questions=(anomalies.analyze,), back=anomalies.LATER, reads_results=True
    ),
    Registered(name=unusual.ANALYZER, questions=(unusual.analyze,), once=True, reads_results=True),
    Registered(
        name=changepoints.ANALYZER,
        questions=(changepoints.analyze,),
        back=changepoints.BACK,
        once=True,
        reads_results=True,
    ),
)
