"""A listing as a saved search: documents as they are, newest first."""

from __future__ import annotations

from typing import Final

from mlmon.core import schema
from mlmon.core.panel import Listing
from mlmon.kibana.data_views import view_id, view_name
from mlmon.kibana.kql import kql
from mlmon.kibana.objects import Frame, Json, reference, saved, text

SOURCE: Final = "kibanaSavedObjectMeta.searchSourceJSON.index"


def search(frame: Frame, listing: Listing) -> Json:
    """The saved search of a listing."""
    scan = listing.scan
    source = {
        "query": {"language": "kuery", "query": kql(scan.where)},
        "filter": [],
        "highlightAll": True,
        "indexRefName": SOURCE,
    }
    attributes = {
        "title": listing.title,
        "description": listing.empty,
        "columns": [*(scan.fields or ())],
        "sort": [[schema.TIMESTAMP, "desc" if scan.newest_first else "asc"]],
        "grid": {},
        "hideChart": False,
        "isTextBasedQuery": False,
        "kibanaSavedObjectMeta": {"searchSourceJSON": text(source)},
    }
    view = view_id(frame, view_name(scan.dataset))
    return saved(
        "search", frame.id("search", listing.id), attributes, [reference("index-pattern", view, SOURCE)]
    )
