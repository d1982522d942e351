"""Notices to an Alertmanager, by version 2 of its interface.

It keeps states of its own and forgets an alert that is not told again for a while. So what is open is told at
every pass, with an end that lies ahead; the end of an alert is told with its time. Telling twice changes
nothing there.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit, urlunsplit
from urllib.request import Request, urlopen

from msgspec import Struct

from mlmon.alerts.known import Group
from mlmon.alerts.memory import Kept, Memory
from mlmon.alerts.notices import Kind, Notice
from mlmon.alerts.notify import text
from mlmon.alerts.outbox import Message, NotifyError
from mlmon.core.clock import isoformat
from mlmon.core.metric import unit_of
from mlmon.core.result import Severity

LEASE: Final = timedelta(minutes=15)
"""For how long an Alertmanager takes an alert as open after it was told."""

PREFIX: Final = "alertmanager+"
_PATIENCE_S: Final = 10.0


class Alertmanager(Struct, frozen=True, kw_only=True):
    """One Alertmanager. `url` may hold a user and a password; `covers` says which alerts are its own."""

    route: str
    url: str
    page: str | None = None
    lease: timedelta = LEASE

    def send(self, message: Message) -> None:
        """Tell what a message says.

        Raises:
            NotifyError: it was not taken.

        """
        self._post([_of_notice(notice, message.created, self) for notice in message.notices])

    def sync(self, memory: Memory, now: datetime, *, mine: Iterable[Kept]) -> None:
        """Tell everything that is open, so that it is not forgotten. What waits in the outbox goes first.

        Raises:
            NotifyError: it was not taken.

        """
        waiting = {notice.alert for message in memory.outbox for notice in message.notices}
        alerts = [_of_kept(kept, now, self) for kept in mine if kept.id not in waiting]
        if alerts:
            self._post(alerts)

    def _post(self, alerts: list[dict[str, Any]]) -> None:
        parts = urlsplit(self.url)
        host = parts.netloc.rpartition("@")[2]
        address = urlunsplit((parts.scheme, host, parts.path.rstrip("/") + "/api/v2/alerts", "", ""))
        headers = {"Content-Type": "application/json"}
        if parts.username:
            pair = f"{parts.username}:{parts.password or ''}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        request = Request(address, json.dumps(alerts).encode(), headers, method="POST")  # noqa: S310 - checked
        try:
            with urlopen(request, timeout=_PATIENCE_S):  # noqa: S310 - http or https, as the settings say
                return
        except HTTPError as error:
            said = error.read(500).decode(errors="replace").strip()
            raise NotifyError(
                f"Alertmanager at {host} refused a message: {error.code} {said}. It is sent again."
            ) from None
        except (URLError, OSError) as error:
            reason = getattr(error, "reason", error)
            raise NotifyError(
                f"Alertmanager at {host} cannot be reached: {reason}. It is sent again; see whether it runs."
            ) from None


def _of_notice(notice: Notice, now: datetime, to: Alertmanager) -> dict[str, Any]:
    ends = now if notice.kind is Kind.RESOLVED else now + to.lease
    alert = {
        "labels": labels(notice.rule, notice.group, notice.severity, notice.owner),
        "annotations": _annotations(
            {
                "summary": notice.about or f"The rule {notice.rule} holds.",
                "description": text.said(notice),
                "runbook_url": notice.runbook,
                "alert_id": notice.alert,
                "causes": "; ".join(notice.causes),
            }
        ),
        "startsAt": isoformat(min(notice.since, ends)),
        "endsAt": isoformat(ends),
    }
    return alert | ({"generatorURL": text.link(notice, to.page)} if to.page else {})


def _of_kept(kept: Kept, now: datetime, to: Alertmanager) -> dict[str, Any]:
    rule, since = kept.of, kept.alert.since or now
    severity = rule.severity if rule else Severity.WARNING
    alert = {
        "labels": labels(kept.rule, kept.group, severity, rule.owner if rule else ""),
        "startsAt": isoformat(since),
        "endsAt": isoformat(now + to.lease),
    }
    if rule is None:
        return alert
    window = kept.alert.worst
    said = f" {text.how_sure(window, unit_of(rule.metric))}" if window else ""
    about = {
        "summary": rule.about or f"The rule {rule.name} holds.",
        "description": f"{kept.group}: {rule.metric}{said}.",
        "runbook_url": rule.runbook,
        "alert_id": kept.id,
    }
    link = {"generatorURL": text.model_link(kept.group, to.page, since, now)} if to.page else {}
    return alert | link | {"annotations": _annotations(about)}


def _annotations(given: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in given.items() if value}


def labels(rule: str, group: Group, severity: Severity, owner: str) -> dict[str, str]:
    """What tells an alert from all others there, and how it may be routed."""
    given = {
        "alertname": rule,
        "model": group.model,
        "version": group.version,
        "segment": group.segment,
        "subject": group.subject,
        "logger": group.logger,
        "severity": str(severity),
        "owner": owner,
        "source": "mlmon",
    }
    return {name: value for name, value in given.items() if value}
