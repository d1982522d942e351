"""Dashboards as saved objects of OpenSearch Dashboards, which keeps the form of before Lens. Pure.

It has neither controls above a dashboard nor drilldowns: what is chosen in a panel of controls is pinned, and
so it is kept on the way along a link.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mlmon.core import schema
from mlmon.core.dashboards import DASHBOARDS, Dashboard
from mlmon.core.panel import Listing, Panel
from mlmon.kibana import vega
from mlmon.kibana.dashboards import (
    Refusal,
    Rendered,
    about,
    in_vega,
    knows,
    views,
    word,
)
from mlmon.kibana.data_views import name_of, view_id
from mlmon.kibana.layout import ABOUT_HEIGHT, WIDTH, Place, bottom, places
from mlmon.kibana.objects import Frame, Json, reference, text
from mlmon.kibana.refused import RefusedError
from mlmon.kibana.search import SOURCE, search
from mlmon.kibana.visualizations import visualization

_FORM: Final = "7.10.0"
"""The version that OpenSearch Dashboards came from, whose forms it keeps."""

_FORMS: Final = {
    "index-pattern": "7.6.0",
    "search": "7.9.3",
    "visualization": "7.10.0",
    "dashboard": "7.9.3",
}
_CONTROLS_HEIGHT: Final = 5
_OPTIONS: Final = {
    "type": "terms",
    "multiselect": True,
    "dynamicOptions": True,
    "size": 100,
    "order": "desc",
}


def render(frame: Frame, boards: Sequence[Dashboard] = DASHBOARDS) -> Rendered:
    """Every object of these dashboards, each once: index patterns first, dashboards last."""
    shown = {panel.id: panel for board in boards for panel in board.panels}
    parts: dict[str, Json] = {}
    reasons: dict[str, str] = {}
    notes: dict[str, str] = {}
    for panel in shown.values():
        try:
            parts[panel.id], notes[panel.id] = _part(frame, panel)
        except RefusedError as error:
            reasons[panel.id] = str(error)
    refused = [
        Refusal(dashboard=board.id, panel=panel.id, reason=reason)
        for board in boards
        for panel in board.panels
        if (reason := reasons.get(panel.id) or notes.get(panel.id))
    ]
    made = [each for board in boards for each in _dashboard(frame, board, parts, reasons, boards)]
    patterns = [_pattern(each) for each in views(frame, shown.values())]
    return Rendered(objects=[*patterns, *parts.values(), *made], refused=refused)


def _saved(kind: str, id_: str, attributes: Json, references: Sequence[Json] = ()) -> Json:
    return {
        "type": kind,
        "id": id_,
        "attributes": attributes,
        "references": [*references],
        "migrationVersion": {kind: _FORMS[kind]},
    }


def _pattern(view: Json) -> Json:
    """An index pattern of a data view; it has no name beside its title, and no descriptions of fields."""
    kept = ("title", "timeFieldName", "fieldFormatMap")
    given = view["attributes"]
    return _saved("index-pattern", view["id"], {key: given[key] for key in kept if key in given})


def _part(frame: Frame, panel: Panel | Listing) -> tuple[Json, str]:
    """The object of a panel, and what to tell of the columns that it leaves out."""
    if isinstance(panel, Listing):
        made = search(frame, panel)
        kept = {key: made["attributes"][key] for key in ("title", "description", "columns", "sort")}
        source = {"kibanaSavedObjectMeta": made["attributes"]["kibanaSavedObjectMeta"]}
        attributes = {**kept, **source, "version": 1}
        return _saved("search", made["id"], attributes, made["references"]), ""
    if vega.draws(panel):
        made = in_vega(frame, panel)
        return _saved(made["type"], made["id"], made["attributes"]), ""
    drawn = visualization(panel, frame.size)
    told = " ".join(f"Without {name}: {reason}" for name, reason in drawn.left_out.items())
    source = {"query": {"language": "kuery", "query": drawn.query}, "filter": [], "indexRefName": SOURCE}
    attributes = _attributes(panel.title, told, drawn.state, source)
    view = reference("index-pattern", view_id(frame, name_of(panel)), SOURCE)
    return _saved("visualization", frame.id("visualization", panel.id), attributes, [view]), told


def _attributes(title: str, description: str, state: Json, source: Json | None = None) -> Json:
    return {
        "title": title,
        "description": description,
        "visState": text(state),
        "uiStateJSON": "{}",
        "version": 1,
        "kibanaSavedObjectMeta": {
            "searchSourceJSON": text(source or {"query": {"language": "kuery", "query": ""}, "filter": []})
        },
    }


def _words(frame: Frame, name: str, title: str, markdown: str) -> Json:
    state = {
        "title": title,
        "type": "markdown",
        "params": {"markdown": markdown, "fontSize": 12, "openLinksInNewTab": False},
        "aggs": [],
    }
    return _saved("visualization", frame.id("visualization", name), _attributes(title, "", state))


def _controls(frame: Frame, board: Dashboard) -> Json:
    """A panel to choose values in; the choice is pinned, and so it holds on the next dashboard too."""
    fields = [field for field in board.controls if field != schema.MODEL_VERSION]
    references = []
    controls = []
    for number, field in enumerate(fields):
        name = f"control_{number}_index_pattern"
        references.append(reference("index-pattern", view_id(frame, knows(board, field)), name))
        controls.append(
            {
                "id": f"control-{number}",
                "fieldName": field,
                "parent": "",
                "label": word(field),
                "type": "list",
                "options": _OPTIONS,
                "indexPatternRefName": name,
            }
        )
    title = f"mlmon: choices of {board.title}"
    params = {"controls": controls, "updateFiltersOnChange": True, "useTimeFilter": False, "pinFilters": True}
    state = {"title": title, "type": "input_control_vis", "params": params, "aggs": []}
    id_ = frame.id("visualization", f"controls-of-{board.id}")
    return _saved("visualization", id_, _attributes(title, "", state), references)


def _dashboard(
    frame: Frame,
    board: Dashboard,
    parts: dict[str, Json],
    reasons: dict[str, str],
    all_: Sequence[Dashboard],
) -> list[Json]:
    """The dashboard, after the panels with text and choices that are its own."""
    intro = _words(frame, f"about-{board.id}", f"mlmon: about {board.title}", about(frame, board, all_))
    controls = _controls(frame, board)
    put = [
        (intro, Place(0, 0, WIDTH, ABOUT_HEIGHT)),
        (controls, Place(0, ABOUT_HEIGHT, WIDTH, _CONTROLS_HEIGHT)),
    ]
    own = [intro, controls]
    top = ABOUT_HEIGHT + _CONTROLS_HEIGHT
    for section in board.sections:
        taken = list(places(section.panels, top))
        for panel, place in zip(section.panels, taken, strict=True):
            part = parts.get(panel.id)
            if part is None:
                part = _words(
                    frame, f"{panel.id}-of-{board.id}", panel.title, _apology(panel, reasons[panel.id])
                )
                own.append(part)
            put.append((part, place))
        top = bottom(taken, top)
    panels = [_panel(number, place) for number, (_, place) in enumerate(put)]
    references = [
        reference(part["type"], part["id"], f"panel_{number}") for number, (part, _) in enumerate(put)
    ]
    attributes = {
        "title": f"mlmon: {board.title}",
        "description": board.about,
        "hits": 0,
        "panelsJSON": text(panels),
        "optionsJSON": text({"useMargins": True, "hidePanelTitles": False}),
        "version": 1,
        "timeRestore": False,
        "kibanaSavedObjectMeta": {
            "searchSourceJSON": text({"query": {"language": "kuery", "query": ""}, "filter": []})
        },
    }
    return [*own, _saved("dashboard", frame.id("dashboard", board.id), attributes, references)]


def _panel(number: int, place: Place) -> Json:
    return {
        "version": _FORM,
        "gridData": {"x": place.x, "y": place.y, "w": place.w, "h": place.h, "i": str(number)},
        "panelIndex": str(number),
        "embeddableConfig": {},
        "panelRefName": f"panel_{number}",
    }


def _apology(panel: Panel | Listing, reason: str) -> str:
    return (
        f"**{panel.title}**\n\nOpenSearch Dashboards cannot show this: {reason} It is on the page that "
        "`mlmon serve` shows."
    )
