"""The form of a rule file as people write it: names, types and meanings of its keys; JSON Schema too."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct, field

from mlmon.alerts.catalogue import METRICS
from mlmon.core.result import Severity

SCHEMA_ID: Final = "https://json-schema.org/draft/2020-12/schema"
_DURATION: Final = r"^[1-9]\d*[smhdw]$"
_NAME: Final = r"^[a-z0-9][a-z0-9_.-]{0,63}$"
_CLOCK: Final = r"^([01]\d|2[0-3]):[0-5]\d$"
_OF: Final = r"^\d+ of \d+( windows)?$"
_Duration = Annotated[str, Meta(pattern=_DURATION)]
_Name = Annotated[str, Meta(pattern=_NAME)]
_Clock = Annotated[str, Meta(pattern=_CLOCK)]
_Metric = Annotated[str, Meta(extra_json_schema={"enum": [*METRICS]})]
_Windows = Annotated[int, Meta(ge=1, le=500)]
_Quantity = float | str
_Words = str | tuple[str, ...]
_Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_Against = Literal["reference", "previous", "seasonal"]

PATTERNS: Final = {
    _DURATION: "a duration above 0, such as 30m, 2h or 7d",
    _NAME: "small letters, digits, '-', '_' and '.', at most 64, such as slow-answers",
    _CLOCK: "a time of day, such as '02:00'",
    _OF: "so many windows: 3 (in a row), or '3 of 5'",
}
"""What a text of each pattern is, for whoever wrote another."""


class LogForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which lines of the app log are counted."""

    level: Annotated[
        _Words, Meta(description="debug, info, warning, error, critical, or a list of them.")
    ] = ()
    logger: Annotated[_Words, Meta(description="The logger's name, or a list of names.")] = ()
    message: Annotated[str, Meta(description="Words that stand next to each other in the message.")] = ""


class ConditionForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another rule that must hold for the same model, or a metric of it that must lie beyond a bound."""

    rule: Annotated[str | None, Meta(description="The name of another rule.")] = None
    metric: Annotated[_Metric | None, Meta(description="The name of a metric.")] = None
    subject: Annotated[str, Meta(description="The feature or class, for a metric of one.")] = ""
    window: Annotated[str | None, Meta(description="The size of its window; default: the rule's.")] = None
    above: _Quantity | None = None
    below: _Quantity | None = None
    rises: _Quantity | None = None
    falls: _Quantity | None = None
    against: _Against | None = None


class MaintenanceForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A time, in UTC, in which notices wait: weekly, or once."""

    days: Annotated[tuple[_Day, ...], Meta(description="Days of the week; default: all.")] = ()
    start: Annotated[_Clock | None, Meta(description="From this time of day, such as '02:00'.")] = None
    end: Annotated[
        _Clock | None, Meta(description="To this time of day; before the start: of the next day.")
    ] = None
    since: Annotated[str | None, Meta(description="Once, from this time: '2026-03-01T12:00Z'.")] = None
    until: Annotated[str | None, Meta(description="Once, to this time.")] = None


class FlappingForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When an alert counts as flapping, and how long it must be calm then before it is over."""

    episodes: Annotated[int, Meta(ge=2, description="So many beginnings ...")] = 3
    within: Annotated[int, Meta(ge=2, le=500, description="... within so many windows are flapping.")] = 24
    calm: Annotated[int, Meta(ge=1, le=500, description="Clear windows in a row that end it then.")] = 6


class CaseForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A trial of the rule: a value a window, and the phase expected after each."""

    name: str
    values: Annotated[tuple[_Quantity | None, ...], Meta(description="A value a window; null: none.")]
    expect: Annotated[
        tuple[Literal["inactive", "pending", "firing", "recovering", "resolved"], ...],
        Meta(description="The phase after each window."),
    ]
    n: Annotated[float | tuple[float, ...], Meta(description="Events behind each value.")] = 1e6
    usual: Annotated[_Quantity | None, Meta(description="What the values are held against.")] = None


class RuleForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule. It speaks of one of metric, finding, log and silence."""

    name: Annotated[_Name, Meta(description="Small letters, digits, '-', '_' and '.'; unique.")]
    about: Annotated[str, Meta(description="One sentence for whoever is woken by it.")] = ""
    enabled: Annotated[bool, Meta(description="false leaves the rule out.")] = True

    metric: Annotated[_Metric | None, Meta(description="The name of a metric, such as error_rate.")] = None
    finding: Annotated[
        str | None, Meta(description="Findings: of an analyzer (drift), of one metric (drift.psi), or any.")
    ] = None
    at_least: Annotated[Severity, Meta(description="With finding: only those at least so severe.")] = (
        Severity.INFO
    )
    log: Annotated[LogForm | None, Meta(description="Lines of the app log, counted.")] = None
    silence: Annotated[
        _Duration | None, Meta(description="The model, while it is live, serves nothing for so long.")
    ] = None
    subject: Annotated[_Words, Meta(description="Features or classes; '*' and '?' stand for signs.")] = ()

    window: Annotated[str | None, Meta(description="1h, 1d, 7d, 30d or month; logs take any duration.")] = (
        None
    )
    above: Annotated[_Quantity | None, Meta(description="Too much above this: 0.02, 2%, 250ms.")] = None
    below: Annotated[_Quantity | None, Meta(description="Too little below this.")] = None
    rises: Annotated[
        _Quantity | None,
        Meta(description="Too much more than `against`: 5% is a part of it, 0.02 a difference."),
    ] = None
    falls: Annotated[_Quantity | None, Meta(description="Too much less than `against`.")] = None
    against: Annotated[
        _Against | None, Meta(description="With rises and falls: what it is held against.")
    ] = None
    recover: Annotated[
        _Quantity | None, Meta(description="The bound that must be passed back; default: the same bound.")
    ] = None
    lasts: Annotated[
        Annotated[int, Meta(ge=1)] | Annotated[str, Meta(pattern=_OF)],
        Meta(description="How many windows: 3 (in a row), or '3 of 5'."),
    ] = field(default=1, name="for")
    recover_for: Annotated[
        _Windows | None, Meta(description="Clear windows in a row that end it; default: by `for`.")
    ] = None
    judge: Annotated[
        Literal["ended", "final", "running"],
        Meta(description="Windows that are over, final ones, or also the one that runs."),
    ] = "ended"
    min_n: Annotated[float, Meta(ge=0, description="Fewer events say nothing.")] = 0.0

    models: Annotated[_Words, Meta(description="Only these models; '*' and '?' stand for signs.")] = "*"
    versions: Annotated[_Words, Meta(description="Only these versions, each by itself.")] = ()
    segments: Annotated[_Words, Meta(description="Only these segments (carrier=UA), each by itself.")] = ()
    by: Annotated[
        tuple[Literal["model", "version", "segment", "subject", "logger"], ...],
        Meta(description="What has a state of its own."),
    ] = ()
    only_if: Annotated[
        tuple[ConditionForm, ...], Meta(description="A window counts only where all of these hold.")
    ] = ()

    severity: Severity = Severity.WARNING
    owner: Annotated[str, Meta(description="The team that is told.")] = ""
    runbook: Annotated[str, Meta(description="Where it says what to do.")] = ""
    routes: Annotated[_Words, Meta(description="Routes of the settings; default: those that fit.")] = ()
    renotify: Annotated[
        _Duration | None, Meta(description="Tell again after so long, while it holds and nobody took it.")
    ] = None
    maintenance: tuple[MaintenanceForm, ...] = ()
    flapping: FlappingForm = FlappingForm()
    expire: Annotated[_Duration, Meta(description="Over when nothing new was known for so long.")] = "7d"
    tests: tuple[CaseForm, ...] = ()


class FileForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of rules."""

    rules: tuple[RuleForm, ...]
    version: Annotated[int, Meta(ge=1, le=1, description="Version of this file's form.")] = 1


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a rule file, for editors; draft 2020-12."""
    made = msgspec.json.schema(FileForm)
    return {"$schema": SCHEMA_ID, "title": "Rules of mlmon", **made}
