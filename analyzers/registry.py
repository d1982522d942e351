"""Every analyzer, in one place. A new question is a new file and a row here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from mlmon.analyzers import coverage, drift, performance, service, silence
from mlmon.analyzers.ask import Analyzer
from mlmon.analyzers.policy import Policy


def _no_further(_policy: Policy, _size: str) -> int:
    return 0


class Registered(Struct, frozen=True, kw_only=True):
    """The questions whose results bear one analyzer's name.

    `reach` says how many later windows of a size must be stated again with one that has changed, because
    their verdicts look back at it.
    """

    name: str
    questions: tuple[Analyzer, ...]
    reach: Callable[[Policy, str], int] = _no_further


ANALYZERS: Final = (
    Registered(name=service.ANALYZER, questions=(service.analyze, silence.analyze)),
    Registered(name=coverage.ANALYZER, questions=(coverage.analyze,)),
    Registered(name=performance.ANALYZER, questions=(performance.analyze,)),
    Registered(name=drift.ANALYZER, questions=(drift.analyze,), reach=drift.reach),
)
