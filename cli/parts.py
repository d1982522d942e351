"""What `mlmon doctor` reads off the reports of producers, collectors and analyzers.

A part that has stopped is no problem, and neither is a count that has not grown for a day.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from mlmon.cli import advice, reports, units, wiring_analyze
from mlmon.cli.check import Check, Status
from mlmon.cli.reports import Grown, Told
from mlmon.core import health
from mlmon.core.config import Config
from mlmon.core.health import Part, Report
from mlmon.core.store import Reader
from mlmon.core.window import parse_duration

LITTLE_BYTES: Final = 1_000_000_000
TOO_LITTLE_BYTES: Final = 100_000_000
_OLD_S: Final = 60.0
_SLOW_WRITE_S: Final = 1.0
_MANY_RETRIES: Final = 3
_MISSED_PASSES: Final = 3
_S: Final = timedelta(seconds=1)


def run(reader: Reader, config: Config, now: datetime, *, is_analysing: bool) -> Iterator[Check]:
    """Every check of reports. `is_analysing` says that a process holds the analyzers' lock.

    Raises:
        StoreError: the store could not answer.

    """
    live = reports.live(reader, now)
    lately = reports.grown(reader, now)
    just = reports.grown(reader, now, reports.LIVE)
    yield from _producers(live, lately, just)
    yield from _collectors(live, lately, just)
    yield _analysis(reader, config, now, is_analysing=is_analysing)


def _producers(live: Iterable[Told], lately: Iterable[Grown], just: Iterable[Grown]) -> Iterator[Check]:
    of_day = _by_service(one for one in lately if one.part is Part.PRODUCER)
    of_moment = _by_service(one for one in just if one.part is Part.PRODUCER)
    found = [check for name, several in of_day.items() for check in _lost(name, several)]
    found += [check for name, several in of_moment.items() for check in _retried(name, several)]
    present = [told for told in live if told.report.part is Part.PRODUCER and not _has_ended(told.report)]
    found += _waiting(present)
    if not found and present:
        detail = f"{units.counted(len(present), 'producer')} reported of late; all is sent"
        yield Check(name="producers", status=Status.OK, detail=detail)
    yield from found


def _by_service(grown: Iterable[Grown]) -> dict[str, list[Grown]]:
    """The growth of producers by the service they run in, or the model where they name none."""
    found: defaultdict[str, list[Grown]] = defaultdict(list)
    for one in grown:
        found[_service(one.labels)].append(one)
    return dict(found)


def _lost(name: str, several: Iterable[Grown]) -> Iterator[Check]:
    dropped: Counter[str] = Counter()
    processes: Counter[str] = Counter()
    misused = 0
    for one in several:
        reasons = health.by_reason(one.counters)
        dropped.update(reasons)
        processes.update(reasons.keys())
        misused += int(one.counters.get(health.MISUSED, 0))
    for reason, number in dropped.most_common():
        why, fix = advice.dropped(reason)
        detail = (
            f"dropped {units.counted(number, 'event')} in the last {_ago(reports.LATELY)}: {why} "
            f"({reason}, by {processes[reason]:,} of its processes)"
        )
        yield Check(name=f"producer {name}", status=Status.WARN, detail=detail, fix=fix)
    if misused:
        detail = f"{units.counted(misused, 'call')} of the last {_ago(reports.LATELY)} could not be meant"
        fix = "Its own log names each kind once, as a warning of mlmon.logging_sdk."
        yield Check(name=f"producer {name}", status=Status.WARN, detail=detail, fix=fix)


def _retried(name: str, several: Iterable[Grown]) -> Iterator[Check]:
    retries = int(sum(one.counters.get(health.RETRIES, 0) for one in several))
    if retries >= _MANY_RETRIES:
        yield Check(
            name=f"producer {name}",
            status=Status.WARN,
            detail=f"tried again {retries:,} times in the last {_ago(reports.LIVE)}; nothing is lost by it",
            fix="See why the collector was not there or had no room: its own log, and the checks of it here.",
        )


def _waiting(present: Iterable[Told]) -> list[Check]:
    """Services whose oldest event has waited for long, by the latest reports of their processes."""
    oldest: defaultdict[str, float] = defaultdict(float)
    queued: Counter[str] = Counter()
    for told in present:
        name, gauges = _service(told.labels), told.report.gauges
        oldest[name] = max(oldest[name], gauges.get(health.OLDEST_SECONDS, 0.0))
        queued[name] += int(gauges.get(health.QUEUED, 0))
    return [
        Check(
            name=f"producer {name}",
            status=Status.WARN,
            detail=f"{units.counted(queued[name], 'event')} wait to be sent, the oldest for {_time(waited)}",
            fix="It logs faster than the collector takes, or catches up after an outage. If it stays so: a "
            "collector on a quicker disk, a second one, or sampling: ModelLogger(sample=0.1).",
        )
        for name, waited in oldest.items()
        if waited > _OLD_S
    ]


def _collectors(live: Iterable[Told], lately: Iterable[Grown], just: Iterable[Grown]) -> Iterator[Check]:
    of_day = [one for one in lately if one.part is Part.COLLECTOR]
    found = list(_not_let_in(of_day))
    found += _overrun([one for one in just if one.part is Part.COLLECTOR])
    present = [told for told in live if told.report.part is Part.COLLECTOR and not _has_ended(told.report)]
    for told in {told.labels.get("host", ""): told for told in present}.values():
        found += _short(told)
    yield from found


def _not_let_in(of_day: Iterable[Grown]) -> Iterator[Check]:
    refused: Counter[str] = Counter()
    for one in of_day:
        refused.update(health.by_reason(one.counters, health.REFUSED))
    for reason, number in refused.most_common():
        why, fix = advice.refused(reason)
        what = "event" if reason == "wrong_namespace" else "request or connection"
        detail = f"did not let in {number:,} in the last {_ago(reports.LATELY)} ({what}s): {why} ({reason})"
        yield Check(name="collector doors", status=Status.WARN, detail=detail, fix=fix)


def _overrun(just: Iterable[Grown]) -> Iterator[Check]:
    grown: Counter[str] = Counter()
    for one in just:
        for name in (health.TURNED_AWAY, health.FAILED):
            grown[name] += int(one.counters.get(name, 0))
    if grown[health.TURNED_AWAY]:
        yield Check(
            name="collector load",
            status=Status.WARN,
            detail=f"let the senders of {grown[health.TURNED_AWAY]:,} events come back later, in the last "
            f"{_ago(reports.LIVE)}; nothing is lost by it",
            fix="The disk is too slow for what comes: a quicker disk, a second collector, or sampling.",
        )
    if grown[health.FAILED]:
        yield Check(
            name="collector store",
            status=Status.WARN,
            detail=f"could not write {grown[health.FAILED]:,} events in the last {_ago(reports.LIVE)}; "
            "their senders send them again",
            fix="Read the collector's log for the reason, and look at the disk.",
        )


def _short(told: Told) -> Iterator[Check]:
    gauges, host = told.report.gauges, told.labels.get("host", "the collector's host")
    free = gauges.get(health.DISK_FREE_BYTES)
    if free is not None and free <= LITTLE_BYTES:
        yield Check(
            name="collector disk",
            status=Status.WARN if free > TOO_LITTLE_BYTES else Status.FAIL,
            detail=f"{units.size_bytes(free)} free on {host}",
            fix="Free space, or keep less: store.keep_events in mlmon.yaml.",
        )
    slow_s = gauges.get(health.WRITE_P99_SECONDS, 0.0)
    if slow_s > _SLOW_WRITE_S:
        yield Check(
            name="collector writes",
            status=Status.WARN,
            detail=f"one write of a hundred takes {_time(slow_s)} or more on {host}",
            fix="The disk is slow, or shared with too much. Senders wait for it.",
        )


def _analysis(reader: Reader, config: Config, now: datetime, *, is_analysing: bool) -> Check:
    """Whether passes come in time, succeed, and keep up."""
    every_s = parse_duration(config.analyze.every) / _S
    lag_s = max(wiring_analyze.lags_s(reader, now).values(), default=0.0)
    last = reports.latest_pass(reader)
    waits = "all is analysed"
    if lag_s:
        waits = f"the oldest event that is not analysed was stored {_time(lag_s)} ago"
    is_late = lag_s > _MISSED_PASSES * every_s
    if last is None:
        fix = "Run a pass: mlmon analyze. Or run it all: mlmon up."
        return _analysed(waits, fix if is_late else "")
    took_s = last.gauges.get(health.PASS_SECONDS, 0.0)
    # The report may have been made by another machine, whose clock is ahead of this one's.
    since_s = max(0.0, (now - last.at) / _S) + last.gauges.get(health.SUCCESS_AGE_SECONDS, 0.0)
    said = f"the last good pass ended {_time(since_s)} ago and took {_time(took_s)}; {waits}"
    fix = ""
    if last.message.startswith(health.FAILURE):
        said = f"{last.message} {said}"
        fix = "See it fail: mlmon analyze. The next pass begins where this one did."
    elif is_analysing and not _has_ended(last) and since_s > _MISSED_PASSES * every_s + took_s:
        fix = f"One is due every {config.analyze.every}. The process hangs or is short of time: restart it."
    elif is_analysing and took_s > every_s:
        fix = "Passes take longer than analyze.every: fewer sizes in analyze.windows, or fewer segments."
    elif is_late:
        fix = "Run a pass: mlmon analyze. Or keep it up to date: mlmon analyze --every 1m."
    return _analysed(said, fix)


def _analysed(detail: str, fix: str) -> Check:
    return Check(name="analysis", status=Status.WARN if fix else Status.OK, detail=detail, fix=fix)


def _has_ended(report: Report) -> bool:
    return bool(report.gauges.get(health.ENDED))


def _service(labels: Mapping[str, str]) -> str:
    return labels.get("service") or labels.get("model") or "(unnamed)"


def _time(seconds: float) -> str:
    return units.duration_ns(seconds * 1e9)


def _ago(span: timedelta) -> str:
    return "day" if span == timedelta(days=1) else _time(span / _S)
