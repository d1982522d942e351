"""The time of ingestion, stamped by the cluster itself on what does not come by mlmon's own writer.

Jobs keep their cursor on that time, so it must be that of the request that stores a document: an event that
waited in Logstash's queue for an hour is new when it comes, and an agent's event has no such time at all. The
streams therefore name an ingest pipeline. mlmon's own writer stamps each request and passes the pipeline by.

It is a script, because a document's names have dots in them: `set` would write a second, nested field beside
one that came by itself, and would write times with as many digits as it needs.
"""

from __future__ import annotations

from typing import Any, Final

from mlmon.core import schema

PIPELINE: Final = "mlmon-ingested"
SETTING: Final = "index.default_pipeline"
UNSTAMPED: Final = "&pipeline=_none"
"""For a request whose documents the cluster shall leave as they are, since they are stamped already."""

_PARENT, _LAST = schema.EVENT_INGESTED.rsplit(".", 1)
_SOURCE: Final = f"""\
if (ctx['{_PARENT}'] instanceof Map) {{ ctx['{_PARENT}'].remove('{_LAST}'); }}
String now = Instant.ofEpochMilli(System.currentTimeMillis()).toString();
String rest = now.length() == 20 ? '.000000Z' : '000Z';
ctx['{schema.EVENT_INGESTED}'] = now.replace('Z', rest);"""


def body(version: int, digest: str) -> dict[str, Any]:
    """The pipeline; its description says who made it, in the one form that both engines keep."""
    return {"description": f"mlmon {version}: {digest}", "version": version, "processors": processors()}


def processors() -> list[dict[str, Any]]:
    """What the pipeline does; its script is compiled when it is put, and no document makes it fail."""
    return [{"script": {"lang": "painless", "source": _SOURCE}}]
