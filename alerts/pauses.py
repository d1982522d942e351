"""When notices of a rule wait: its maintenance windows, weekly or once, from their form."""

from __future__ import annotations

from datetime import datetime, time
from typing import Final

from mlmon.alerts.bounds import WrongRuleError
from mlmon.alerts.form import MaintenanceForm
from mlmon.alerts.rules import Maintenance
from mlmon.core.clock import to_datetime
from mlmon.core.errors import MlmonError
from mlmon.core.window import parse_moment

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def maintenance_of(form: MaintenanceForm, place: int) -> Maintenance:
    """The maintenance window of a form, the one at a place of the rule's list.

    Raises:
        WrongRuleError: an end is missing, or lies before the beginning.

    """
    once = form.since is not None and form.until is not None
    weekly = bool(form.days) or form.start is not None
    if once and weekly:
        raise WrongRuleError(
            "A maintenance window is weekly or once: days, start and end, or since and until. "
            "Write an entry for each.",
            "maintenance",
            place,
        )
    if once:
        return _once(form, place)
    if (form.since is None) != (form.until is None) or (form.start is None) != (form.end is None):
        raise WrongRuleError("A maintenance window needs both its ends.", "maintenance", place)
    if form.start is None and not form.days:
        raise WrongRuleError(
            "A maintenance window needs days, start and end, or since and until.", "maintenance", place
        )
    days = form.days or _DAYS
    return Maintenance(
        days=tuple(_DAYS.index(day) for day in days),
        start=time.fromisoformat(form.start) if form.start else None,
        end=time.fromisoformat(form.end) if form.end else None,
    )


def _once(form: MaintenanceForm, place: int) -> Maintenance:
    since, until = _moment(form.since, place, "since"), _moment(form.until, place, "until")
    if since >= until:
        raise WrongRuleError(
            f"until ({form.until}) must be after since ({form.since}).", "maintenance", place, "until"
        )
    return Maintenance(since=since, until=until)


def _moment(text: str | None, place: int, key: str) -> datetime:
    epoch = to_datetime(0)
    try:
        moment = parse_moment(text or "", now=epoch)
    except MlmonError:
        moment = epoch
    if moment <= epoch:
        raise WrongRuleError(
            f"{key} must be a time, such as '2026-03-01T12:00Z', not '{text}'.", "maintenance", place, key
        )
    return moment
