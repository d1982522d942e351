"""How far a job has come: a cursor on `event.ingested`, so that its cost grows with what is new.

A writer stamps each batch with one moment, later than that of the batch before. A reader may meet a batch
that is still being written, so a cursor also remembers how many documents it saw at its last moment: if there
are more now, that moment is read again. Whoever uses a cursor must bear reading a document twice.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from msgspec import Struct

from mlmon.core import schema
from mlmon.core.query import Count, Equals, Max, Query
from mlmon.core.schema import Dataset
from mlmon.core.store import Reader, Writer
from mlmon.core.window import Window

BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
END: Final = datetime(2200, 1, 1, tzinfo=UTC)
"""Later than any document, and within what 64 bits of nanoseconds can hold."""

RESOLUTION: Final = timedelta(microseconds=1)
_PREFIX: Final = "cursor"


class Cursor(Struct, frozen=True, kw_only=True):
    """The last moment that was read, and how many documents were stored at it; -1 is not known."""

    mark: datetime | None = None
    count: int = 0


class News(Struct, frozen=True, kw_only=True):
    """What a dataset has beyond a cursor: a window of `event.ingested`, and the cursor to keep afterwards."""

    window: Window
    count: int
    cursor: Cursor


def news(reader: Reader, dataset: Dataset, cursor: Cursor) -> News | None:
    """What was stored since the cursor, or None.

    The window ends with the newest document there was when this was asked, so a pass works on one state.
    """
    start = cursor.mark or BEGINNING
    [row] = reader.query(
        Query(
            dataset=dataset,
            window=Window(start=start, end=END),
            time=schema.EVENT_INGESTED,
            measures={
                "n": Count(),
                "latest": Max(schema.EVENT_INGESTED),
                "at_mark": Count(where=Equals(schema.EVENT_INGESTED, start)),
            },
        )
    ).rows
    latest = row["latest"]
    again = row["at_mark"] != cursor.count
    if latest is None or (latest == cursor.mark and not again):
        return None
    window = Window(start=start if again else start + RESOLUTION, end=latest + RESOLUTION)
    return News(
        window=window,
        count=row["n"] if again else row["n"] - row["at_mark"],
        cursor=Cursor(mark=latest, count=_stored_at(reader, dataset, latest)),
    )


def _stored_at(reader: Reader, dataset: Dataset, moment: datetime) -> int:
    window = Window(start=moment, end=moment + RESOLUTION)
    query = Query(dataset=dataset, window=window, time=schema.EVENT_INGESTED, measures={"n": Count()})
    count: int = reader.query(query).rows[0]["n"]
    return count


def load(reader: Reader, name: str) -> Cursor:
    """The cursor of a name; a fresh one where there is none."""
    blob = reader.read_blob(f"{_PREFIX}/{name}")
    return Cursor() if blob is None else msgspec.json.decode(blob, type=Cursor)


def save(writer: Writer, name: str, cursor: Cursor) -> None:
    """Keep the cursor under a name."""
    writer.write_blob(f"{_PREFIX}/{name}", msgspec.json.encode(cursor))
