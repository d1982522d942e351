"""Notices by apprise: Slack, Teams, e-mail, PagerDuty, webhooks and what else it knows."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mlmon.alerts.notices import Kind, Notice
from mlmon.alerts.notify import picture, text
from mlmon.alerts.outbox import Message, NotifyError, Send
from mlmon.core.errors import ConfigError, MissingExtraError
from mlmon.core.result import Severity

ChartOf = Callable[[Notice], Mapping[str, Any] | None]
"""The chart of a notice as a Vega-Lite specification; None where there is none."""


def sender(route: str, url: str, *, page: str | None, chart: ChartOf | None) -> Send:
    """What sends messages to an address of apprise; the address is never shown, since it may hold a secret.

    Raises:
        MissingExtraError: the extra `notify` is not installed.
        ConfigError: apprise knows no such address.

    """
    try:
        import apprise  # noqa: PLC0415 - an extra
    except ImportError:
        raise MissingExtraError("apprise", "notify") from None
    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # it would log addresses with their secrets
    target = apprise.Apprise()
    scheme = urlsplit(url).scheme or "none"
    if not target.add(url):
        raise ConfigError(
            f"The address of the route '{route}' is none that apprise knows (its scheme is '{scheme}'). "
            "Write it as apprise does, such as slack://..., mailto://..., json://host/path."
        )

    def send(message: Message) -> None:
        with tempfile.TemporaryDirectory(prefix="mlmon-notice-") as folder:
            attached = _picture(message, chart, Path(folder))
            taken = target.notify(
                title=text.title(message),
                body=text.body(message, page=page),
                body_format=apprise.NotifyFormat.TEXT,
                notify_type=_type(message),
                attach=attached,
            )
        if not taken:
            raise NotifyError(
                f"The route '{route}' ({scheme}) did not take a message. It is sent again; "
                "see whether the address is right and its service is up."
            )

    return send


def _type(message: Message) -> str:
    if message.kind is Kind.RESOLVED:
        return "success"
    return "failure" if message.notices[0].severity is Severity.CRITICAL else "warning"


def _picture(message: Message, chart: ChartOf | None, folder: Path) -> str | None:
    """The chart of the first notice as a file; None where there is none."""
    spec = chart(message.notices[0]) if chart is not None else None
    if spec is None:
        return None
    path = folder / "chart.png"
    path.write_bytes(picture.png(spec))
    return str(path)
