"""Documents of a store as a file, batch by batch."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import orjson
from msgspec import Struct

from mlmon.cli import delimited, rows
from mlmon.cli.output import iso
from mlmon.cli.progress import Advance
from mlmon.core import schema
from mlmon.core.errors import UsageError
from mlmon.core.event import Document
from mlmon.core.query import Count, Equals, Filter, Query, Scan, both
from mlmon.core.schema import RESULTS, Dataset, Type
from mlmon.core.store import Reader
from mlmon.core.window import Window

DATASETS: Final = {
    "events": (Dataset.INFERENCE, Dataset.OUTCOME, Dataset.APP),
    "inferences": (Dataset.INFERENCE,),
    "outcomes": (Dataset.OUTCOME,),
    "logs": (Dataset.APP,),
    "evaluations": (Dataset.EVALUATION,),
    "metrics": (Dataset.METRIC,),
    "findings": (Dataset.FINDING,),
}
_DUCKDB: Final = {
    Type.DATE: "TIMESTAMPTZ",
    Type.KEYWORD: "VARCHAR",
    Type.TEXT: "VARCHAR",
    Type.LONG: "BIGINT",
    Type.DOUBLE: "DOUBLE",
    Type.BOOLEAN: "BOOLEAN",
    Type.KEYWORD_LIST: "VARCHAR[]",
}


class Job(Struct, frozen=True, kw_only=True):
    """What goes where: the scans one after the other, and the columns with their types."""

    scans: tuple[Scan, ...]
    columns: dict[str, Type]
    out: Path
    kind: str
    total: int


def plan(
    reader: Reader, what: str, out: Path, *, where: Filter | None, window: Window | None, size: str
) -> Job:
    """Decide what to write, and count it.

    Raises:
        UsageError: a suffix that is no form, a folder that is not there, a window size of events.

    """
    kind = rows.kind_of(out)
    if kind == "arrow":
        raise UsageError(f"'{out}' would be Arrow, which is only read. Write .parquet, .csv or .ndjson.")
    if out.suffix.lower() == delimited.PACKED:
        raise UsageError(f"'{out}' would be packed, which is only read. Write .parquet, .csv or .ndjson.")
    if not out.parent.is_dir():
        raise UsageError(f"The folder of '{out}' is not there. Make it, or name another file with --out.")
    datasets = DATASETS[what]
    if size != "all":
        if datasets[0] not in RESULTS:
            raise UsageError(f"--window picks a size of metrics or findings; {what} have none. Leave it out.")
        where = both(where, Equals(schema.WINDOW_SIZE, size))
    return Job(
        scans=tuple(Scan(dataset=dataset, window=window, where=where) for dataset in datasets),
        columns=_columns(reader, datasets),
        out=out,
        kind=kind,
        total=sum(_count(reader, dataset, where, window) for dataset in datasets),
    )


def _count(reader: Reader, dataset: Dataset, where: Filter | None, window: Window | None) -> int:
    [row] = reader.query(Query(dataset=dataset, window=window, where=where, measures={"n": Count()}))
    count: int = row["n"]
    return count


def _columns(reader: Reader, datasets: Sequence[Dataset]) -> dict[str, Type]:
    """The fields the datasets may have, with the members seen in place of each open family."""
    columns: dict[str, Type] = {}
    for field in schema.FIELDS.values():
        within = [dataset for dataset in datasets if dataset in field.datasets]
        if not field.is_open and within:
            columns[field.name] = field.type
        for dataset in within if field.is_open else ():
            kind = Type.DOUBLE if field.type is Type.DOUBLE_MAP else Type.KEYWORD
            columns |= {schema.member(field.name, name): kind for name in reader.members(dataset, field.name)}
    return columns


def run(reader: Reader, job: Job, advance: Advance) -> None:
    """Write the file beside its place and rename it when it is whole."""
    documents = _documents(reader, job, advance)
    if job.kind == "parquet":
        from mlmon.cli import parquet

        kinds = {name: _DUCKDB[kind] for name, kind in job.columns.items()}
        parquet.write(job.out, (orjson.dumps(_flat(d), option=_OPTIONS) for d in documents), kinds)
        return
    lines = _csv(documents, job.columns) if job.kind == "csv" else _ndjson(documents)
    written = job.out.with_name(f".{job.out.name}.{os.getpid()}")
    try:
        with written.open("wb") as file:
            file.writelines(lines)
        written.replace(job.out)
    finally:
        written.unlink(missing_ok=True)


_OPTIONS: Final = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z


def _documents(reader: Reader, job: Job, advance: Advance) -> Iterator[Document]:
    for scan in job.scans:
        for batch in reader.scan(scan):
            yield from batch
            advance(len(batch))


def _ndjson(documents: Iterable[Document]) -> Iterator[bytes]:
    return (orjson.dumps(document, option=_OPTIONS) for document in documents)


def _csv(documents: Iterable[Document], columns: Iterable[str]) -> Iterator[bytes]:
    names = list(columns)
    yield _line(names)
    for document in documents:
        flat = _flat(document)
        yield _line([_cell(flat.get(name)) for name in names])


def _line(cells: Sequence[Any]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue().encode()


def _flat(document: Document) -> Document:
    """Members of open families as columns of their own."""
    flat: Document = {}
    for name, value in document.items():
        if isinstance(value, dict):
            flat |= {schema.member(name, key): each for key, each in value.items()}
        else:
            flat[name] = value
    return flat


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, bool):
        return str(value).lower()
    return orjson.dumps(value).decode() if isinstance(value, list) else value
