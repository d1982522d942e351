"""Which ids a group holds, read back when its writer starts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import duckdb
import msgspec
from msgspec import UNSET, Struct, UnsetType

from mlmon.core import schema
from mlmon.core.schema import RESULTS
from mlmon.stores.embedded.manifest import Manifest
from mlmon.stores.embedded.seen import Intervals, Seen
from mlmon.stores.embedded.shape import quoted


class _Head(Struct, gc=False):
    """What of a line says who it is."""

    id: str = msgspec.field(name=schema.EVENT_ID)
    ingested: str = msgspec.field(name=schema.EVENT_INGESTED)
    dataset: str = msgspec.field(name=schema.EVENT_DATASET)
    producer: str | UnsetType | None = msgspec.field(default=UNSET, name=schema.PRODUCER_ID)
    sequence: int | UnsetType | None = msgspec.field(default=UNSET, name=schema.EVENT_SEQUENCE)


_decode = msgspec.json.Decoder(_Head).decode
_ID, _PRODUCER, _SEQUENCE = map(quoted, (schema.EVENT_ID, schema.PRODUCER_ID, schema.EVENT_SEQUENCE))


def from_segments(cursor: duckdb.DuckDBPyConnection, root: Path, manifest: Manifest, seen: Seen) -> None:
    """Remember the ids of all segments of events; results replace themselves and need none."""
    for segment in manifest.segments:
        if segment.dataset in RESULTS:
            continue
        counted = {schema.PRODUCER_ID, schema.EVENT_SEQUENCE} <= set(manifest.columns[segment.columns].fields)
        file = str(root / segment.file)
        matches = f"{_ID} = {_PRODUCER} || '-' || {_SEQUENCE}" if counted else "false"
        hashes = cursor.execute(
            f"SELECT md5_number_lower({_ID}) AS h FROM read_parquet(?) WHERE NOT coalesce({matches}, false)",
            [file],
        ).fetchnumpy()["h"]
        if len(hashes):
            seen.add_hashes(hashes)
        if counted:
            _add_intervals(cursor, file, matches, seen)


def _add_intervals(cursor: duckdb.DuckDBPyConnection, file: str, matches: str, seen: Seen) -> None:
    rows = cursor.execute(
        f"SELECT p, min(s), max(s) FROM (SELECT {_PRODUCER} AS p, {_SEQUENCE} AS s,"
        f" {_SEQUENCE} - row_number() OVER (PARTITION BY {_PRODUCER} ORDER BY {_SEQUENCE}) AS island"
        f" FROM read_parquet(?) WHERE {matches}) GROUP BY p, island ORDER BY 1, 2",
        [file],
    ).fetchall()
    for producer, first, last in rows:
        seen.producers.setdefault(producer, Intervals()).add(first, last)


def from_lines(lines: Iterable[bytes], seen: Seen) -> str:
    """Remember the ids of a tail's lines, and return the last time of ingestion, empty where it has none."""
    last = ""
    for line in lines:
        try:
            head = _decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue  # a roll will set it aside
        last = max(last, head.ingested)
        if head.dataset not in RESULTS:
            seen.add_id(head.id, head.producer or None, None if head.sequence is UNSET else head.sequence)
    return last
