"""Dashboards as saved objects, with everything they show. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from msgspec import Struct

from mlmon.core import schema
from mlmon.core.dashboards import DASHBOARDS, Dashboard
from mlmon.core.panel import ALL, Kind, Listing, Panel
from mlmon.core.schema import Dataset
from mlmon.kibana import vega
from mlmon.kibana.data_views import data_view, view_id, view_name
from mlmon.kibana.layout import ABOUT_HEIGHT, HEADING_HEIGHT, WIDTH, Place, bottom, places
from mlmon.kibana.lens import lens
from mlmon.kibana.objects import Frame, Json, reference, saved, text
from mlmon.kibana.refused import RefusedError
from mlmon.kibana.search import search

DRILLDOWN: Final = "DASHBOARD_TO_DASHBOARD_DRILLDOWN"
_SINCE: Final = "now-30d"
_FORM: Final = "8.9.0"
"""The version whose form the parts of a dashboard have."""


class Refusal(Struct, frozen=True, kw_only=True):
    """A panel that is not shown, on which dashboard, and the reason."""

    dashboard: str
    panel: str
    reason: str


class Rendered(Struct, frozen=True, kw_only=True):
    """Saved objects in the order they are imported, and what could not be made."""

    objects: list[Json]
    refused: list[Refusal]


def render(frame: Frame, boards: Sequence[Dashboard] = DASHBOARDS) -> Rendered:
    """Every object of these dashboards, each once: data views first, dashboards last."""
    shown = {panel.id: panel for board in boards for panel in board.panels}
    parts: dict[str, Json] = {}
    reasons: dict[str, str] = {}
    for panel in shown.values():
        try:
            parts[panel.id] = _part(frame, panel)
        except RefusedError as error:
            reasons[panel.id] = str(error)
    refused = [
        Refusal(dashboard=board.id, panel=panel.id, reason=reasons[panel.id])
        for board in boards
        for panel in board.panels
        if panel.id in reasons
    ]
    made = [_dashboard(frame, board, parts, reasons, boards) for board in boards]
    return Rendered(objects=[*views(frame, shown.values()), *parts.values(), *made], refused=refused)


def _part(frame: Frame, panel: Panel | Listing) -> Json:
    """The object that shows a panel."""
    if isinstance(panel, Listing):
        return search(frame, panel)
    return in_vega(frame, panel) if panel.kind is Kind.CALIBRATION else lens(frame, panel)


def in_vega(frame: Frame, panel: Panel) -> Json:
    """A panel that a chart of aggregations has no means for.

    Raises:
        RefusedError: it is drawn in Vega neither.

    """
    attributes = {
        "title": panel.title,
        "description": f"Where nothing is shown: {panel.empty}",
        "visState": text(vega.state(panel, frame.patterns[panel.query.dataset])),
        "uiStateJSON": "{}",
        "version": 1,
        "kibanaSavedObjectMeta": {
            "searchSourceJSON": text({"query": {"language": "kuery", "query": ""}, "filter": []})
        },
    }
    return saved("visualization", frame.id("visualization", panel.id), attributes)


def views(frame: Frame, panels: Iterable[Panel | Listing]) -> Iterator[Json]:
    """The data views that these panels need, each once."""
    needed = {(_dataset(panel), isinstance(panel, Panel) and panel.size == ALL) for panel in panels}
    for dataset in Dataset:
        for is_timeless in (False, True):
            if (dataset, is_timeless) in needed:
                yield data_view(frame, dataset, is_timeless=is_timeless)


def _dataset(panel: Panel | Listing) -> Dataset:
    return panel.query.dataset if isinstance(panel, Panel) else panel.scan.dataset


def _dashboard(
    frame: Frame, board: Dashboard, parts: dict[str, Json], reasons: dict[str, str], all_: Sequence[Dashboard]
) -> Json:
    panels: list[Json] = []
    references: list[Json] = []
    leads_to = [one for one in all_ if one.id in board.leads_to]
    top = ABOUT_HEIGHT
    panels.append(_words("about", about(frame, board, all_), Place(0, 0, WIDTH, ABOUT_HEIGHT)))
    for number, section in enumerate(board.sections):
        heading = Place(0, top, WIDTH, HEADING_HEIGHT)
        panels.append(_words(f"section-{number}", f"### {section.title}", heading))
        taken = list(places(section.panels, top + HEADING_HEIGHT))
        for panel, place in zip(section.panels, taken, strict=True):
            if panel.id in reasons:
                panels.append(_words(panel.id, _apology(panel, reasons[panel.id]), place))
                continue
            made, named = _by_reference(frame, panel.id, parts[panel.id], place, leads_to)
            panels.append(made)
            references += named
        top = bottom(taken, top + HEADING_HEIGHT)
    controls, of_controls = _controls(frame, board)
    attributes = {
        "title": f"mlmon: {board.title}",
        "description": board.about,
        "panelsJSON": text(panels),
        "optionsJSON": text(_OPTIONS),
        "version": 1,
        "timeRestore": True,
        "timeFrom": _SINCE,
        "timeTo": "now",
        "refreshInterval": {"pause": True, "value": 60000},
        "kibanaSavedObjectMeta": {
            "searchSourceJSON": text({"query": {"language": "kuery", "query": ""}, "filter": []})
        },
        "controlGroupInput": controls,
    }
    return saved("dashboard", frame.id("dashboard", board.id), attributes, [*references, *of_controls])


_OPTIONS: Final = {
    "useMargins": True,
    "syncColors": True,
    "syncCursor": True,
    "syncTooltips": True,
    "hidePanelTitles": False,
}


def about(frame: Frame, board: Dashboard, all_: Sequence[Dashboard]) -> str:
    """What the dashboard is for, and the way to all others."""
    links = " · ".join(
        f"**{one.title}**" if one is board else f"[{one.title}](#/view/{frame.id('dashboard', one.id)})"
        for one in all_
    )
    return f"{board.about}\n\n{links}"


def _apology(panel: Panel | Listing, reason: str) -> str:
    return (
        f"**{panel.title}**\n\nKibana cannot show this: {reason} It is on the page that `mlmon serve` shows."
    )


def _words(id_: str, markdown: str, place: Place) -> Json:
    """A panel with text, which no object of its own is needed for."""
    return {
        "version": _FORM,
        "type": "visualization",
        "gridData": _grid(id_, place),
        "panelIndex": id_,
        "embeddableConfig": {
            "hidePanelTitles": True,
            "enhancements": {},
            "savedVis": {
                "title": "",
                "description": "",
                "type": "markdown",
                "params": {"markdown": markdown, "fontSize": 12, "openLinksInNewTab": False},
                "uiState": {},
                "data": {
                    "aggs": [],
                    "searchSource": {"query": {"language": "kuery", "query": ""}, "filter": []},
                },
            },
        },
    }


def _grid(id_: str, place: Place) -> Json:
    return {"x": place.x, "y": place.y, "w": place.w, "h": place.h, "i": id_}


def _by_reference(
    frame: Frame, id_: str, part: Json, place: Place, leads_to: Sequence[Dashboard]
) -> tuple[Json, list[Json]]:
    """A panel that shows an object of its own, and what a click on it leads to: time and filters are kept."""
    references = [reference(part["type"], part["id"], f"{id_}:panel_{id_}")]
    events = []
    if part["type"] == "lens":
        for one in leads_to:
            event = f"{id_}-to-{one.id}"
            events.append(_drilldown(event, one.title))
            references.append(
                reference(
                    "dashboard",
                    frame.id("dashboard", one.id),
                    f"{id_}:drilldown:{DRILLDOWN}:{event}:dashboardId",
                )
            )
    panel = {
        "version": _FORM,
        "type": part["type"],
        "gridData": _grid(id_, place),
        "panelIndex": id_,
        "embeddableConfig": {"enhancements": {"dynamicActions": {"events": events}} if events else {}},
        "panelRefName": f"panel_{id_}",
    }
    return panel, references


def _drilldown(event: str, title: str) -> Json:
    return {
        "eventId": event,
        "triggers": ["FILTER_TRIGGER"],
        "action": {
            "factoryId": DRILLDOWN,
            "name": f"Go to: {title}",
            "config": {"useCurrentFilters": True, "useCurrentDateRange": True, "openInNewTab": False},
        },
    }


def _controls(frame: Frame, board: Dashboard) -> tuple[Json, list[Json]]:
    """What can be chosen above the panels, each a list of the values that there are."""
    panels: Json = {}
    references = []
    for order, field in enumerate(board.controls):
        id_ = f"control-{order}"
        panels[id_] = {
            "order": order,
            "width": "medium",
            "grow": True,
            "type": "optionsListControl",
            "explicitInput": {
                "id": id_,
                "fieldName": field,
                "title": word(field),
                "enhancements": {},
                "selectedOptions": [],
            },
        }
        view = view_id(frame, knows(board, field))
        references.append(reference("index-pattern", view, f"controlGroup_{id_}:optionsListDataView"))
    made = {
        "controlStyle": "oneLine",
        "chainingSystem": "HIERARCHICAL",
        "panelsJSON": text(panels),
        "ignoreParentSettingsJSON": text(
            {
                "ignoreFilters": False,
                "ignoreQuery": False,
                "ignoreTimerange": False,
                "ignoreValidations": True,
            }
        ),
    }
    return made, references


def word(field: str) -> str:
    """A field's name for a person: its last part but one where the last is only `name`."""
    *_, parent, last = field.split(".")
    return (parent if last == "name" else last).capitalize()


def knows(board: Dashboard, field: str) -> str:
    """The data view of the first panel whose documents carry the field and that is narrowed by the time.

    Raises:
        RefusedError: there is no such panel.

    """
    for panel in board.panels:
        is_timeless = isinstance(panel, Panel) and panel.size == ALL
        if not is_timeless and _dataset(panel) in schema.FIELDS[field].datasets:
            return view_name(_dataset(panel))
    raise RefusedError(f"No panel of the dashboard '{board.id}' knows {field}, so it cannot be chosen there.")
