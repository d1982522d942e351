"""Has what the features say about the outcome changed, so that the model errs more than it did?

A detector reads the errors of a model in the order of event time, each once, and its state is kept. An hour
is read when outcomes have had their time (`maturity`): from then on it is taken as complete, and what comes
later takes no part. So whatever passes it is cut into, the reading is the same, and its alarms are those of
one uninterrupted run. An alarm becomes a finding only when the errors have risen by more than whole days (or
hours, or minutes) differed before it; see `series.rise`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from mlmon.analyzers import error_streams
from mlmon.analyzers.error_streams import VERSION, Kept, Key, Reading
from mlmon.analyzers.models import Model
from mlmon.analyzers.policy import Policy
from mlmon.analyzers.series import detectors
from mlmon.analyzers.series.rise import Bounds, Episode, Level
from mlmon.core import schema
from mlmon.core.clock import isoformat
from mlmon.core.errors import MissingExtraError, UsageError
from mlmon.core.query import AllOf, Equals, Scan
from mlmon.core.result import Finding, Severity, State, from_document, identity
from mlmon.core.schema import Dataset
from mlmon.core.store import Reader, Store
from mlmon.core.window import Window, floor

ANALYZER: Final = "concept_drift"
OFF: Final = "off"
_HOUR: Final = "1h"
_ALWAYS: Final = "all"
"""The size of its windows: a finding holds from when the errors rose until it is resolved."""

_LENGTHS: Final = {86_400: "1d", 3_600: "1h", 60: "1m"}


class Told(Struct, frozen=True, kw_only=True):
    """What a pass says: findings, firing or resolved, and a sentence where it could not look."""

    findings: list[Finding] = []
    note: str = ""


def keep(
    store: Store, model: Model, *, detector: str, policy: Policy, now: datetime, maturity: timedelta
) -> Told:
    """Read the errors that have become final, and put the findings that they make.

    Where the detector is another one than the last time, or of another release, all errors that are stored
    are read again. Stopping anywhere does no harm: the state is written last.

    Raises:
        StoreError: the store failed.

    """
    if detector == OFF:
        return Told(findings=_resolved(store, model, set()))
    if model.first is None:
        return Told()
    try:
        return _read_on(store, model, detector, policy, floor(now - maturity, _HOUR))
    except MissingExtraError as error:
        return Told(note=f"Concept drift is not looked for. {error}")
    except UsageError as error:
        return Told(note=f"Concept drift of {model.name} is not looked for: {error}")


def _read_on(store: Store, model: Model, detector: str, policy: Policy, end: datetime) -> Told:
    before = _load(store, model.name, detector)
    kept = before or Kept(detector=detector, mark=floor(model.first or end, _HOUR))
    if end <= kept.mark:
        return Told()
    bounds = Bounds(worse=policy.worse, rate=policy.drift_rate, min_n=policy.min_n)
    reading = Reading(kept=kept, bounds=bounds)
    told: dict[tuple[Key, float], Episode] = {}
    for error in error_streams.errors(store, model, Window(start=kept.mark, end=end)):
        if fault := detectors.fault(detector, error.error):
            raise UsageError(f"{fault}.")
        for key, episode in reading.read(error):
            told[key, episode.since_s] = episode
    for key, episode in reading.standing():
        told[key, episode.since_s] = episode
    findings = [_finding(model, policy, kept, key, episode, end) for (key, _), episode in told.items()]
    store.put(findings)
    if before is None:
        findings += _resolved(store, model, {identity(finding) for finding in findings})
    store.write_blob(_blob(model.name), reading.saved(end))
    return Told(findings=findings)


def _blob(model: str) -> str:
    return f"concept/{hashlib.blake2b(model.encode(), digest_size=16).hexdigest()}"


def _load(reader: Reader, model: str, detector: str) -> Kept | None:
    """What was kept; None where there is nothing that this detector could go on from."""
    state = reader.read_blob(_blob(model))
    kept = None if state is None else error_streams.loaded(state)
    return kept if kept is not None and kept.detector == detector else None


def _resolved(store: Store, model: Model, firing: Iterable[str]) -> list[Finding]:
    """Resolve what stands in the store and is not said any more."""
    scan = Scan(
        dataset=Dataset.FINDING,
        where=AllOf(
            (
                Equals(schema.MODEL_NAME, model.name),
                Equals(schema.RESULT_ANALYZER, ANALYZER),
                Equals(schema.FINDING_STATE, str(State.FIRING)),
            )
        ),
    )
    known = [from_document(document) for documents in store.scan(scan) for document in documents]
    gone = [
        replace(finding, state=State.RESOLVED)
        for finding in known
        if isinstance(finding, Finding) and identity(finding) not in firing
    ]
    store.put(gone)
    return gone


def _finding(model: Model, policy: Policy, kept: Kept, key: Key, episode: Episode, end: datetime) -> Finding:
    name, value = key
    before, after = episode.before, episode.after
    rise = after.value / before.value - 1 if before.value > 0 else float("inf")
    return Finding(
        analyzer=ANALYZER,
        model=model.name,
        version=value if name == VERSION else "",
        segment="" if name == VERSION else f"{name}={value}",
        window=Window(
            start=_moment(episode.since_s), end=end if episode.gone_s is None else _moment(episode.gone_s)
        ),
        size=_ALWAYS,
        metric=ANALYZER,
        value=after.value,
        low=after.low,
        high=after.high,
        bound=before.value * (1 + policy.worse),
        n=after.n,
        severity=Severity.CRITICAL if rise >= policy.concept_critical else Severity.WARNING,
        state=State.FIRING if episode.gone_s is None else State.RESOLVED,
        message=_message(kept, episode),
        evidence=_evidence(kept, episode),
    )


def _message(kept: Kept, episode: Episode) -> str:
    since = _moment(episode.since_s).strftime("%d %B %Y %H:%M UTC").lstrip("0")
    before, after = episode.before.value, episode.after.value
    if kept.is_class:
        return f"{after:.1%} of the predictions are wrong since {since}, {before:.1%} before: concept drift."
    return f"The mean absolute error is {after:.4g} since {since}, {before:.4g} before: concept drift."


def _evidence(kept: Kept, episode: Episode) -> dict[str, Any]:
    return {
        "since": isoformat(_moment(episode.since_s)),
        "alarm": isoformat(_moment(episode.alarm_s)),
        "told": isoformat(_moment(episode.told_s)),
        "gone": None if episode.gone_s is None else isoformat(_moment(episode.gone_s)),
        "detector": kept.detector,
        "settings": detectors.settings(kept.detector),
        "unit": "ratio" if kept.is_class else "plain",
        "before": _level(episode.before),
        "after": _level(episode.after),
        "passed": {"n": True, "effect": True, "significance": True},
        "series": {
            "size": _LENGTHS[episode.grain_s],
            "start": [isoformat(_moment(block.start_s)) for block in episode.blocks],
            "value": [block.mean for block in episode.blocks],
        },
    }


def _level(level: Level) -> dict[str, float]:
    return {"value": level.value, "low": level.low, "high": level.high, "n": level.n}


def _moment(at_s: float) -> datetime:
    return datetime.fromtimestamp(at_s, UTC)
