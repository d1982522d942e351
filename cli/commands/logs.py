"""`mlmon logs`: the lines that services logged beside their predictions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

import click

from mlmon.cli.options import SCOPE, Asked, asks, chosen, examples, now, settings, span

if TYPE_CHECKING:
    from datetime import datetime

    from mlmon.core.event import Document
    from mlmon.core.query import Filter, Row, Scan
    from mlmon.core.store import Reader

_LEVELS: Final = ("debug", "info", "warning", "error", "critical")
_KEYS: Final = (
    "timestamp", "level", "model", "version", "service", "logger", "message", "inference_id", "trace_id",
    "error_type", "error_message", "labels",
)  # fmt: skip
_POLL_S: Final = 0.5


@click.command(
    epilog=examples(
        "mlmon logs --level warning",
        'mlmon logs --search "weather missing" --since 1d',
        "mlmon logs --model flight-delay --follow",
        "mlmon logs --limit 0 --format ndjson | jq .message",
    ),
)
@asks(*SCOPE, "format")
@click.option("--level", type=click.Choice(_LEVELS), help="Only lines at least as severe.")
@click.option("--search", metavar="TEXT", help="Only lines whose message holds these words, in any case.")
@click.option(
    "--limit", type=click.IntRange(min=0), default=100, show_default=True, help="The newest N; 0 for all."
)
@click.option("--follow", is_flag=True, help="Go on printing lines as they arrive, until Ctrl-C.")
def command(asked: Asked, level: str | None, search: str | None, limit: int, *, follow: bool) -> None:
    """Print log lines, oldest first.

    With --follow, rows come as they are stored; of the formats, json is then written as ndjson.
    """
    from mlmon.cli import output, wiring

    config = settings(asked)
    where = _where(asked, level, search)
    with wiring.reading(config) as reader:
        started, seen = now(), set[str]()
        output.write(
            _noted(_tail(reader, asked, where, limit), started, seen),
            "ndjson" if follow and asked.format == "json" else asked.format,
            keys=_KEYS,
            columns=_columns(),
            empty=_empty(level, search) if not follow else "Waiting for lines. Ctrl-C ends.",
            hint="Next: --level warning, --search TEXT and --model NAME narrow; --follow waits for more.",
        )
        if follow:
            _follow(reader, asked, where, started, seen)


def _empty(level: str | None, search: str | None) -> str:
    if level or search:
        return "No line fits. Leave out --level, --search or --since to see more."
    return "There are no log lines yet. A service writes them with log.info(...) or log.warning(...)."


def _where(asked: Asked, level: str | None, search: str | None) -> Filter | None:
    from mlmon.core import schema
    from mlmon.core.query import Matches, OneOf

    filters: list[Filter] = []
    if level is not None:
        filters.append(OneOf(schema.LOG_LEVEL, _LEVELS[_LEVELS.index(level) :]))
    if search:
        filters.append(Matches(schema.MESSAGE, search))
    return chosen(asked, *filters)


def _scan(where: Filter | None, **more: Any) -> Scan:  # noqa: ANN401 - fields of a scan
    from mlmon.core.query import Scan
    from mlmon.core.schema import Dataset

    return Scan(dataset=Dataset.APP, where=where, **more)


def _tail(reader: Reader, asked: Asked, where: Filter | None, limit: int) -> Iterator[Document]:
    if not limit:
        for batch in reader.scan(_scan(where, window=span(asked))):
            yield from batch
        return
    newest = reader.scan(_scan(where, window=span(asked), newest_first=True, limit=limit))
    yield from reversed([document for batch in newest for document in batch])


def _noted(documents: Iterable[Document], since: datetime, seen: set[str]) -> Iterator[Row]:
    """Rows of documents; the ids of those stored from a time on go to those seen."""
    from mlmon.core import schema

    for document in documents:
        stored = document.get(schema.EVENT_INGESTED)
        if stored is not None and stored >= since:
            seen.add(document[schema.EVENT_ID])
        yield _row(document)


def _follow(reader: Reader, asked: Asked, where: Filter | None, started: datetime, seen: set[str]) -> None:
    """Print what is stored from now on and was not seen.

    A line is told by when it was stored, however old it says it is.
    """
    import time

    from mlmon.cli import output
    from mlmon.core import schema
    from mlmon.core.window import Window

    form = "ndjson" if asked.format == "json" else asked.format
    mark = started
    while True:
        ahead = Window(start=mark, end=mark.replace(year=mark.year + 100, month=1, day=1))
        for batch in reader.scan(_scan(where, window=ahead, time=schema.EVENT_INGESTED)):
            fresh = [document for document in batch if document[schema.EVENT_ID] not in seen]
            output.write_more(map(_row, fresh), form, keys=_KEYS, line=_line)
            latest = max(document[schema.EVENT_INGESTED] for document in batch)
            here = {d[schema.EVENT_ID] for d in batch if d[schema.EVENT_INGESTED] == latest}
            mark, seen = latest, here if latest > mark else seen | here
        time.sleep(_POLL_S)


def _row(document: Document) -> Row:
    from mlmon.core import schema

    return {
        "timestamp": document[schema.TIMESTAMP],
        "level": document.get(schema.LOG_LEVEL),
        "model": document.get(schema.MODEL_NAME),
        "version": document.get(schema.MODEL_VERSION),
        "service": document.get(schema.SERVICE_NAME),
        "logger": document.get(schema.LOG_LOGGER),
        "message": document.get(schema.MESSAGE),
        "inference_id": document.get(schema.INFERENCE_ID),
        "trace_id": document.get(schema.TRACE_ID),
        "error_type": document.get(schema.ERROR_TYPE),
        "error_message": document.get(schema.ERROR_MESSAGE),
        "labels": document.get(schema.LABELS),
    }


def _columns() -> list[Any]:
    from mlmon.cli.output import Column

    return [
        Column("time (UTC)", lambda row: f"{row['timestamp']:%Y-%m-%d %H:%M:%S}"),
        Column("level", lambda row: row["level"] or ""),
        Column("model", lambda row: row["model"] or "", wraps=True),
        Column("message", _text, wraps=True),
    ]


def _text(row: Row) -> str:
    labels = " ".join(f"{key}={value}" for key, value in (row["labels"] or {}).items())
    failed = ": ".join(filter(None, (row["error_type"], row["error_message"])))
    return "  ".join(filter(None, (row["message"], labels, failed)))


def _line(row: Row) -> str:
    return (
        f"{row['timestamp']:%Y-%m-%d %H:%M:%S}  {row['level'] or '':<8} {row['model'] or '':<14} {_text(row)}"
    )
