"""Which routes a notice takes: those its rule names, else every one that fits its severity and owner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mlmon.alerts.notices import Notice
from mlmon.alerts.rules import matches
from mlmon.core.config import RouteConfig


def routes_of(notice: Notice, routes: Mapping[str, RouteConfig]) -> list[str]:
    """The names of the routes of a notice, in the order of the settings."""
    return [
        name
        for name, route in routes.items()
        if takes(route, name, routes=notice.routes, severity=str(notice.severity), owner=notice.owner)
    ]


def takes(route: RouteConfig, name: str, *, routes: Sequence[str], severity: str, owner: str) -> bool:
    """Whether a route takes what a rule of these routes, severity and owner says."""
    if routes:
        return name in routes
    return (not route.severities or severity in route.severities) and (
        not route.owners or matches(route.owners, owner)
    )
