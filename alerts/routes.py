"""Which routes a notice takes: those its rule names, else every one that fits its severity and owner."""

from __future__ import annotations

from collections.abc import Mapping

from mlmon.alerts.notices import Notice
from mlmon.alerts.rules import matches
from mlmon.core.config import RouteConfig


def routes_of(notice: Notice, routes: Mapping[str, RouteConfig]) -> list[str]:
    """The names of the routes of a notice, in the order of the settings."""
    if notice.routes:
        return [name for name in routes if name in notice.routes]
    return [name for name, route in routes.items() if _fits(notice, route)]


def _fits(notice: Notice, route: RouteConfig) -> bool:
    return (not route.severities or str(notice.severity) in route.severities) and (
        not route.owners or matches(route.owners, notice.owner)
    )
