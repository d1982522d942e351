"""What a logger reports of itself: how many events it emitted, dropped and why, and how many wait.

A report goes to where the events go, beside the spool: it needs no room there, takes no sequence number, and
costs the caller nothing. It holds counts since the start, so a report that is lost costs nothing either.

`MLMON_LOG_HEALTH` has the seconds from one report to the next, 60 by default, or `off`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from random import uniform
from time import monotonic
from typing import Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from mlmon.core import clock as clocks
from mlmon.core import health
from mlmon.core.clock import Clock
from mlmon.core.errors import UsageError
from mlmon.core.event import Document
from mlmon.core.health import Part, Report
from mlmon.logging_sdk.stats import Stats
from mlmon.logging_sdk.transport import Ship

HEALTH_VARIABLE: Final = "MLMON_LOG_HEALTH"
OFF: Final = "off"
EVERY_S: Final = 60.0
_LEAST_S: Final = 0.05
_NO_NETWORK: Final = frozenset({"stdout", "file"})


class Measured(Struct, frozen=True, kw_only=True):
    """What a logger counted so far, and how it is now; the names are those of `mlmon.core.health`."""

    counters: Mapping[str, float]
    gauges: Mapping[str, float]


def measured(stats: Stats, *, duplicates: int, spool_bytes: int, oldest_s: float) -> Measured:
    """The counts of a logger under the names that reports have for them."""
    counters = {
        health.EMITTED: stats.emitted,
        health.SAMPLED_OUT: stats.sampled_out,
        health.SENT: stats.sent,
        health.ACKNOWLEDGED: stats.acknowledged,
        health.DUPLICATES: duplicates,
        health.DEAD_LETTERED: stats.dead_lettered,
        health.ADOPTED: stats.adopted,
        health.RETRIES: stats.retries,
        health.MISUSED: stats.misused,
        **{f"{health.DROPPED}{reason}": number for reason, number in stats.dropped.items()},
    }
    gauges = {
        health.QUEUED: stats.queued,
        health.SPOOL_BYTES: spool_bytes,
        health.OLDEST_SECONDS: round(oldest_s, 3) if stats.queued else 0.0,
    }
    return Measured(counters=counters, gauges=gauges)


def interval_s(asked: object, ship: Ship) -> float | None:
    """Seconds from one report to the next, or None for no reports.

    Where nothing is asked for, the variable counts, and reports go over a network only: standard output and
    files are read by people and agents, and a transport of the caller's own may be a test's.

    Raises:
        UsageError: neither a switch nor a time.

    """
    if asked is None:
        asked = _by_variable() if _is_network(ship) else False
    if isinstance(asked, bool):
        return EVERY_S if asked else None
    if not isinstance(asked, (int, float)) or not asked >= _LEAST_S:
        raise UsageError(f"health={asked!r} is no time. Pass True, False, or seconds of at least {_LEAST_S}.")
    return float(asked)


def _by_variable() -> bool | float:
    text = os.environ.get(HEALTH_VARIABLE, "").strip()
    if not text or text == OFF:
        return not text
    try:
        every_s = float(text)
    except ValueError:
        every_s = 0.0
    if not every_s >= _LEAST_S:
        raise UsageError(
            f"{HEALTH_VARIABLE}={text!r} is no time. Set it to seconds, such as 60, or to '{OFF}'."
        )
    return every_s


def _is_network(ship: Ship) -> bool:
    urls = [ship] if isinstance(ship, str) else ship
    return isinstance(urls, list | tuple) and all(
        urlsplit(str(url)).scheme not in _NO_NETWORK for url in urls
    )


class Reporter:
    """Writes the reports of one logger in one process, and knows when one is due. For the shipping thread.

    `measure` gives the counts, `fields` is what else a report says: model, service, host.
    """

    def __init__(
        self,
        measure: Callable[[], Measured],
        fields: Document,
        *,
        producer_id: str,
        every_s: float,
        clock: Clock = clocks.system,
    ) -> None:
        self._measure = measure
        self._fields = fields
        self._id = producer_id
        self._every_s = every_s
        self._clock = clock
        self._started = clocks.to_datetime(clock())
        self._number = 0
        self._told: Mapping[str, float] = {}
        self._due_at = monotonic() + every_s * uniform(0.5, 1.0)  # noqa: S311 - spreads many processes

    @property
    def wait_s(self) -> float:
        """How long it is until one is due, in seconds; 0 where one is."""
        return max(0.0, self._due_at - monotonic())

    def write(self, *, is_last: bool = False) -> bytes | None:
        """The report as JSON, one line without its end; None where it would say nothing new.

        The last one is written wherever there was anything to count, because it says that it is the last.
        """
        self._due_at = monotonic() + self._every_s
        now = self._measure()
        if not (any(now.counters.values()) if is_last else self._is_new(now.counters)):
            return None
        report = Report(
            part=Part.PRODUCER,
            id=self._id,
            number=self._number,
            at=clocks.to_datetime(self._clock()),
            started=self._started,
            counters=now.counters,
            gauges={**now.gauges, health.ENDED: float(is_last)},
            message=_said(now),
        )
        self._number += 1
        self._told = now.counters
        return msgspec.json.encode(health.to_document(report, self._fields))

    def _is_new(self, counters: Mapping[str, float]) -> bool:
        return any(value != self._told.get(name, 0) for name, value in counters.items())


def _said(now: Measured) -> str:
    """What a person reads."""
    dropped = sum(health.by_reason(now.counters).values())
    emitted, queued = now.counters.get(health.EMITTED, 0), now.gauges.get(health.QUEUED, 0)
    return f"{emitted:,.0f} events emitted, {dropped:,} dropped, {queued:,.0f} waiting"
