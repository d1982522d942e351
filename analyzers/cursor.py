"""How far a job has come: a cursor on `event.ingested`, so that its cost grows with what is new.

A writer stamps each batch with one moment, later than that of the batch before. A reader may meet a batch
that is still being written, and where several writers stamp and then send, a batch may appear after one that
was stamped later. So a cursor also remembers how many documents it saw at its last moment, and before it for
as long as the store takes to settle: if there are more now, that stretch is read again. Whoever uses a cursor
must bear reading a document twice.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from msgspec import Struct

from mlmon.core import schema
from mlmon.core.query import Between, Count, Max, Query
from mlmon.core.schema import Dataset
from mlmon.core.store import Reader, Writer
from mlmon.core.window import Window

BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
END: Final = datetime(2200, 1, 1, tzinfo=UTC)
"""Later than any document, and within what 64 bits of nanoseconds can hold."""

RESOLUTION: Final = timedelta(microseconds=1)
_PREFIX: Final = "cursor"


class Cursor(Struct, frozen=True, kw_only=True):
    """The last moment that was read, and how many documents the stretch up to it had; -1 is not known."""

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
    mark = cursor.mark or BEGINNING
    since = BEGINNING if cursor.mark is None else mark - reader.settling
    [row] = reader.query(
        Query(
            dataset=dataset,
            window=Window(start=since, end=END),
            time=schema.EVENT_INGESTED,
            measures={
                "n": Count(),
                "latest": Max(schema.EVENT_INGESTED),
                "seen": Count(where=Between(field=schema.EVENT_INGESTED, end=mark + RESOLUTION)),
            },
        )
    ).rows
    latest = row["latest"]
    again = row["seen"] != cursor.count
    if latest is None or (latest == cursor.mark and not again):
        return None
    window = Window(start=since if again else mark + RESOLUTION, end=latest + RESOLUTION)
    return News(
        window=window,
        count=row["n"] if again else row["n"] - row["seen"],
        cursor=at(reader, dataset, latest),
    )


def at(reader: Reader, dataset: Dataset, moment: datetime) -> Cursor:
    """The cursor of a job that has read all up to a moment, and that moment too."""
    return Cursor(mark=moment, count=_stored_until(reader, dataset, moment))


def _stored_until(reader: Reader, dataset: Dataset, moment: datetime) -> int:
    window = Window(start=moment - reader.settling, end=moment + RESOLUTION)
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
