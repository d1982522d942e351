"""Parquet segments: rolled from a tail, merged into fewer, and named by the times they hold."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
from msgspec import Struct
from msgspec.structs import replace

from mlmon.core import schema
from mlmon.core.schema import RESULTS, Dataset
from mlmon.stores.embedded import layout, shape, sound
from mlmon.stores.embedded.answer import moment
from mlmon.stores.embedded.manifest import Columns, Segment
from mlmon.stores.embedded.shape import literal, quoted
from mlmon.stores.embedded.sound import EXTRA


class Written(Struct, frozen=True, kw_only=True):
    """A segment that lies in its place and is not yet in the manifest; `segment.columns` is not set."""

    segment: Segment
    columns: Columns


def roll(
    cursor: duckdb.DuckDBPyConnection, root: Path, path: Path, number: Callable[[], int]
) -> tuple[list[Written], list[tuple[bytes, str]]]:
    """Write the documents of a tail file as segments, one a dataset.

    Returns the segments, and the lines that no reader can take with the reason for each.
    """
    try:
        return _roll_file(cursor, root, path, number), []
    except duckdb.Error:
        return _roll_mended(cursor, root, path, number)


def _roll_file(
    cursor: duckdb.DuckDBPyConnection, root: Path, path: Path, number: Callable[[], int]
) -> list[Written]:
    written = []
    try:
        for dataset, found in shape.discover(cursor, str(path)).items():
            select = shape.select(str(path), dataset, found)
            written.append(_write(cursor, root, dataset, found.columns, select, number()))
    except duckdb.Error:
        for it in written:
            (root / it.segment.file).unlink()
        raise
    return written


def _roll_mended(
    cursor: duckdb.DuckDBPyConnection, root: Path, path: Path, number: Callable[[], int]
) -> tuple[list[Written], list[tuple[bytes, str]]]:
    good, bad = sound.mend_all(path.read_bytes().splitlines())
    mended = path.with_suffix(".mended")
    written: list[Written] = []

    def attempt(lines: list[bytes]) -> None:
        mended.write_bytes(b"\n".join(lines) + b"\n")
        written.extend(_roll_file(cursor, root, mended, number))

    try:
        return written, bad + sound.isolate(good, attempt, duckdb.Error)
    finally:
        mended.unlink(missing_ok=True)


def merge(
    cursor: duckdb.DuckDBPyConnection,
    root: Path,
    group: Sequence[tuple[Segment, Columns]],
    number: int,
    keep_from: int | None = None,
) -> Written | None:
    """Write several segments of a dataset as one; None where nothing is left.

    `keep_from` leaves out what was ingested before, in microseconds since the epoch.
    """
    dataset = group[0][0].dataset
    columns = _union([columns for _, columns in group])
    outputs = _names(columns)
    selects = [_select(root / it.file, held, outputs) for it, held in group]
    select = f"SELECT * FROM ({' UNION ALL '.join(selects)})"
    if keep_from is not None:
        select += f" WHERE epoch_us({quoted(schema.EVENT_INGESTED)}) >= {keep_from}"
    return _write_if_any(cursor, root, dataset, columns, select, number)


def _select(file: Path, held: Columns, outputs: Sequence[tuple[str, str | None]]) -> str:
    columns = ", ".join(_output(name, held) for name in outputs)
    return f"SELECT {columns} FROM read_parquet({literal(str(file))})"


def _union(all_columns: Sequence[Columns]) -> Columns:
    """Columns that hold what any of several hold; a family that is a map somewhere becomes a map."""
    fields = tuple(dict.fromkeys(name for it in all_columns for name in it.fields))
    families: dict[str, set[str]] = {}
    mapped: set[str] = set()
    for it in all_columns:
        mapped |= {family for family, _ in it.maps}
        for family, names in (*it.members, *it.maps):
            families.setdefault(family, set()).update(names)
    mapped |= {family for family, names in families.items() if not shape.can_be_columns(tuple(names))}
    kept = [(family, tuple(sorted(names))) for family, names in families.items()]
    return Columns(
        fields=fields,
        members=tuple(it for it in kept if it[0] not in mapped),
        maps=tuple(it for it in kept if it[0] in mapped),
        extra=any(it.extra for it in all_columns),
    )


def _names(columns: Columns) -> list[tuple[str, str | None]]:
    """Each column with the family that it is the map of, if it is one."""
    plain = [*columns.fields]
    plain += [schema.member(family, name) for family, names in columns.members for name in names]
    plain += [EXTRA] if columns.extra else []
    return [*((name, None) for name in plain), *((family, family) for family, _ in columns.maps)]


def _output(wanted: tuple[str, str | None], held: Columns) -> str:
    name, family = wanted
    own = {column for column, of in _names(held) if of is None} | {
        held_family for held_family, _ in held.maps
    }
    if name in own:
        return quoted(name)
    if family is None:
        return f"NULL AS {quoted(name)}"
    names = dict(held.members).get(family, ())
    if not names:
        return f"NULL AS {quoted(name)}"
    values = ", ".join(quoted(schema.member(family, it)) for it in names)
    return f"MAP([{', '.join(literal(it) for it in names)}], [{values}]) AS {quoted(name)}"


def _write_if_any(
    cursor: duckdb.DuckDBPyConnection,
    root: Path,
    dataset: Dataset,
    columns: Columns,
    select: str,
    number: int,
) -> Written | None:
    rows = cursor.execute(f"SELECT count(*) FROM ({select})").fetchone()
    return _write(cursor, root, dataset, columns, select, number) if rows and rows[0] else None


def _write(
    cursor: duckdb.DuckDBPyConnection,
    root: Path,
    dataset: Dataset,
    columns: Columns,
    select: str,
    number: int,
) -> Written:
    if dataset in RESULTS:
        select += (
            f" QUALIFY row_number() OVER (PARTITION BY {quoted(schema.EVENT_ID)}"
            f" ORDER BY {quoted(schema.EVENT_INGESTED)} DESC) = 1"
        )
    new = layout.new_path(root, layout.group_of(dataset), f"{number}.parquet")
    with layout.disk_errors(f"Writing the segment {new}"):
        _copy(cursor, select, new)
        first, last, first_ingested, last_ingested, rows = _bounds(cursor, new)
        size = new.stat().st_size
        span = f"{_stamp(first)}-{_stamp(last)}_{_stamp(first_ingested)}-{_stamp(last_ingested)}"
        name = f"{span}_{number:08d}.parquet"
        path = root / "segments" / str(dataset) / name
        if not path.parent.exists():
            path.parent.mkdir(parents=True)
            layout.fsync_folder(path.parent.parent)
        layout.publish(new, path)
    segment = Segment(
        file=path.relative_to(root).as_posix(), dataset=dataset, rows=rows, bytes=size,
        first=first, last=last,
        first_ingested=first_ingested, last_ingested=last_ingested, columns=-1,
    )  # fmt: skip
    return Written(segment=segment, columns=columns)


def _copy(cursor: duckdb.DuckDBPyConnection, select: str, new: Path) -> None:
    try:
        cursor.execute(
            f"COPY ({select} ORDER BY {quoted(schema.TIMESTAMP)}) TO {literal(str(new))} "
            "(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 16384)"
        )
    except duckdb.IOException as error:
        new.unlink(missing_ok=True)
        raise OSError(_errno_of(error), str(error).split("\n", 1)[0]) from None
    except duckdb.Error:
        new.unlink(missing_ok=True)
        raise


def _errno_of(error: duckdb.IOException) -> int:
    """The number of the operating system's error in DuckDB's text; 0 where it names none."""
    text = str(error)
    return next((number for number in (28, 122, 27) if os.strerror(number) in text), 0)


def _bounds(cursor: duckdb.DuckDBPyConnection, path: Path) -> tuple[int, int, int, int, int]:
    time, ingested = quoted(schema.TIMESTAMP), quoted(schema.EVENT_INGESTED)
    row = cursor.execute(
        f"SELECT epoch_us(min({time})), epoch_us(max({time})), epoch_us(min({ingested})),"
        f" epoch_us(max({ingested})), count(*) FROM read_parquet({literal(str(path))})"
    ).fetchone()
    assert row is not None  # noqa: S101 - an aggregate without groups has one row
    return row


def _stamp(us: int) -> str:
    at = moment(us)
    return (
        ""
        if at is None
        else at.replace(tzinfo=None, microsecond=0).isoformat().replace("-", "").replace(":", "")
    )


def placed(written: Written, columns: int) -> Segment:
    """The segment as its manifest lists it."""
    return replace(written.segment, columns=columns)
