"""Which ids a group holds, read back when its writer starts.

Beside a segment of events lies a small file of its ids, so that ten million events are known again in an
instant. It says nothing that the segment does not say: where it is missing or torn it is made again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import duckdb
import msgspec
import numpy as np
from msgspec import UNSET, Struct, UnsetType

from mlmon.core import schema
from mlmon.core.schema import RESULTS
from mlmon.stores.embedded import layout
from mlmon.stores.embedded.manifest import Columns, Manifest, Segment
from mlmon.stores.embedded.seen import Seen
from mlmon.stores.embedded.shape import quoted

IDS: Final = ".ids"
"""What the name of such a file ends with."""


class _Head(Struct, gc=False):
    """What of a line says who it is."""

    id: str = msgspec.field(name=schema.EVENT_ID)
    ingested: str = msgspec.field(name=schema.EVENT_INGESTED)
    dataset: str = msgspec.field(name=schema.EVENT_DATASET)
    producer: str | UnsetType | None = msgspec.field(default=UNSET, name=schema.PRODUCER_ID)
    sequence: int | UnsetType | None = msgspec.field(default=UNSET, name=schema.EVENT_SEQUENCE)


_decode = msgspec.json.Decoder(_Head).decode
_ID, _PRODUCER, _SEQUENCE = map(quoted, (schema.EVENT_ID, schema.PRODUCER_ID, schema.EVENT_SEQUENCE))


class _Ids(Struct, gc=False):
    """The ids of one segment."""

    spans: list[tuple[str, int, int]]
    """A producer, the first sequence and the last."""
    hashes: bytes
    """Of other ids, 8 bytes each, little end first."""


_read = msgspec.msgpack.Decoder(_Ids).decode


def ids_path(root: Path, segment: Segment) -> Path:
    """The file of a segment's ids."""
    return (root / segment.file).with_suffix(IDS)


def from_segments(cursor: duckdb.DuckDBPyConnection, root: Path, manifest: Manifest, seen: Seen) -> None:
    """Remember the ids of all segments of events; results replace themselves and need none."""
    hashes = []
    for segment in manifest.segments:
        if segment.dataset in RESULTS:
            continue
        try:
            ids = _read(ids_path(root, segment).read_bytes())
        except (OSError, msgspec.DecodeError):
            ids = keep_ids(cursor, root, segment, manifest.columns[segment.columns])
        for span in ids.spans:
            seen.add_run(*span)
        hashes.append(np.frombuffer(ids.hashes, dtype="<u8"))
    if any(map(len, hashes)):
        seen.add_hashes(np.concatenate(hashes))


def keep_ids(cursor: duckdb.DuckDBPyConnection, root: Path, segment: Segment, columns: Columns) -> _Ids:
    """Write the file of a segment's ids; where the disk does not take it, the next start makes it again."""
    file = str(root / segment.file)
    counted = {schema.PRODUCER_ID, schema.EVENT_SEQUENCE} <= set(columns.fields)
    matches = f"{_ID} = {_PRODUCER} || '-' || {_SEQUENCE}" if counted else "false"
    hashes = cursor.execute(
        f"SELECT md5_number_lower({_ID}) AS h FROM read_parquet(?) WHERE NOT coalesce({matches}, false)",
        [file],
    ).fetchnumpy()["h"]
    spans = _spans(cursor, file, matches) if counted else []
    ids = _Ids(spans=spans, hashes=np.sort(hashes).astype("<u8").tobytes())
    with contextlib.suppress(OSError):
        layout.replace_file(ids_path(root, segment), msgspec.msgpack.encode(ids))
    return ids


def _spans(cursor: duckdb.DuckDBPyConnection, file: str, matches: str) -> list[tuple[str, int, int]]:
    return cursor.execute(
        f"SELECT p, min(s), max(s) FROM (SELECT {_PRODUCER} AS p, {_SEQUENCE} AS s,"
        f" {_SEQUENCE} - row_number() OVER (PARTITION BY {_PRODUCER} ORDER BY {_SEQUENCE}) AS island"
        f" FROM read_parquet(?) WHERE {matches}) GROUP BY p, island ORDER BY 1, 2",
        [file],
    ).fetchall()


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
