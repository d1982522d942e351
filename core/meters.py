"""What each number of a report means: the one list behind `/metrics` and the table in the documentation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from msgspec import Struct

from mlmon.core import health
from mlmon.core.exposition import Family, Kind, Sample, name_of
from mlmon.core.health import Part, Report


class Meter(Struct, frozen=True, kw_only=True):
    """One number of a part's reports. With a `label`, `name` is the start of the names of several.

    `about` says what it counts, `advice` what to do where it is not as it should be.
    """

    part: Part
    name: str
    kind: Kind
    about: str
    advice: str = ""
    label: str = ""

    @property
    def metric(self) -> str:
        """Its name as Prometheus has it, without the `_total` of a counter."""
        return name_of("mlmon", str(self.part), self.name.rstrip("_"))


def _counter(part: Part, name: str, about: str, advice: str = "", *, label: str = "") -> Meter:
    return Meter(part=part, name=name, kind=Kind.COUNTER, about=about, advice=advice, label=label)


def _gauge(part: Part, name: str, about: str, advice: str = "", *, label: str = "") -> Meter:
    return Meter(part=part, name=name, kind=Kind.GAUGE, about=about, advice=advice, label=label)


_P, _C, _A = Part.PRODUCER, Part.COLLECTOR, Part.ANALYZERS
_ENDED: Final = "1 in the last report of a part that stopped in order, else 0."

METERS: Final = (
    _counter(_P, health.EMITTED, "Events that took a sequence number."),
    _counter(_P, health.SAMPLED_OUT, "Inferences that sampling left out; they took no number."),
    _counter(_P, health.SENT, "Events that left the process."),
    _counter(_P, health.ACKNOWLEDGED, "Events that the other side acknowledged; none over tcp."),
    _counter(_P, health.DUPLICATES, "Sent events that the collector had already: a try was repeated."),
    _counter(
        _P,
        health.DEAD_LETTERED,
        "Sent events that the collector could not read and kept aside.",
        "Read why: mlmon deadletter ls.",
    ),
    _counter(
        _P,
        health.DROPPED,
        "Events that were given up, by reason.",
        "`mlmon doctor` says what to change for each reason.",
        label="reason",
    ),
    _counter(_P, health.ADOPTED, "Events that a dead process left in its spool and this one took over."),
    _counter(
        _P,
        health.RETRIES,
        "Tries to send that failed and were repeated.",
        "Look at the collector: does it run, has its disk room, is the network up?",
    ),
    _counter(
        _P,
        health.MISUSED,
        "Calls of the SDK that could not be meant.",
        "The service's own log names each kind once, as a warning of mlmon.logging_sdk.",
    ),
    _gauge(
        _P,
        health.QUEUED,
        "Events that wait to be sent.",
        "Where it grows, the collector is too slow or not there.",
    ),
    _gauge(_P, health.SPOOL_BYTES, "Room that the waiting events take, in bytes."),
    _gauge(_P, health.OLDEST_SECONDS, "How long the oldest waiting event has waited, at most."),
    _gauge(_P, health.ENDED, _ENDED),
    _counter(_C, health.RECEIVED, "Lines that came in and were answered."),
    _counter(_C, health.STORED, "Events that were stored."),
    _counter(_C, health.DUPLICATES, "Events that were there already."),
    _counter(
        _C,
        f"{health.DEAD_LETTERED}_",
        "Lines that could not be read and were kept aside, by reason.",
        "Read them: mlmon deadletter ls.",
        label="reason",
    ),
    _counter(
        _C,
        health.FAILED,
        "Lines that the store could not write; their senders send them again.",
        "Look at the collector's log and at the disk.",
    ),
    _counter(
        _C,
        health.TURNED_AWAY,
        "Lines that were told to come back because too many waited.",
        "The disk is too slow for the senders: a faster disk, or a second collector.",
    ),
    _counter(
        _C,
        health.REFUSED,
        "What was not let in, by reason; nothing of it is kept.",
        "Give the sender a key of its namespace: mlmon keys create.",
        label="reason",
    ),
    _gauge(_C, health.CONNECTIONS, "Connections that are open."),
    _gauge(_C, health.WAITING_BYTES, "Bytes that wait to be written."),
    _gauge(_C, health.OLDEST_SECONDS, "How long the oldest waiting lines have waited."),
    _gauge(_C, health.WRITE_P50_SECONDS, "Median time to write a batch durably, of the last 1,024."),
    _gauge(
        _C,
        health.WRITE_P99_SECONDS,
        "99th percentile of the time to write a batch durably, of the last 1,024.",
        "Above 1 s the disk is too slow or shared with too much.",
    ),
    _gauge(
        _C,
        health.DISK_FREE_BYTES,
        "Free room on the disk of the store.",
        "Free space, or keep less: store.keep_events.",
    ),
    _gauge(_C, health.ENDED, _ENDED),
    _counter(_A, health.PASSES, "Passes that ended well."),
    _counter(_A, health.FAILED, "Passes that failed.", "`mlmon analyze` says why."),
    _counter(_A, health.INFERENCES, "New inferences that were analysed."),
    _counter(_A, health.JOINED, "Outcomes that were joined with their inference."),
    _counter(_A, health.WINDOWS, "Windows that were stated."),
    _counter(_A, health.METRICS, "Metrics that were written."),
    _counter(_A, health.FINDINGS, "Findings that were written."),
    _gauge(_A, health.MODELS, "Models that are known."),
    _gauge(
        _A,
        health.PASS_SECONDS,
        "How long the last pass took.",
        "Where it nears analyze.every, compute less: fewer sizes in analyze.windows, fewer segments.",
    ),
    _gauge(_A, health.STAGE_SECONDS, "How long each stage of the last pass took.", label="stage"),
    _gauge(
        _A,
        health.LAG_SECONDS,
        "How long the oldest event that is not analysed yet has been stored.",
        "Passes take too long, or none run.",
    ),
    _gauge(_A, health.SUCCESS_AGE_SECONDS, "How long ago the last pass ended well."),
    _gauge(_A, health.ENDED, _ENDED),
)
"""Every number of every report, in the order of the documentation."""


def families(reports: Iterable[tuple[Mapping[str, str], Report]]) -> Iterator[Family]:
    """The numbers of reports, each with the labels that tell its part from others."""
    known = list(reports)
    for meter in METERS:
        samples = tuple(
            sample
            for labels, report in known
            if report.part is meter.part
            for sample in _samples(meter, labels, report)
        )
        yield Family(name=meter.metric, kind=meter.kind, about=meter.about, samples=samples)


def _samples(meter: Meter, labels: Mapping[str, str], report: Report) -> Iterator[Sample]:
    numbers = report.counters if meter.kind is Kind.COUNTER else report.gauges
    if not meter.label:
        if meter.name in numbers:
            yield Sample(labels=labels, value=numbers[meter.name])
        return
    for name, value in numbers.items():
        if name.startswith(meter.name):
            yield Sample(labels={**labels, meter.label: name.removeprefix(meter.name)}, value=value)
