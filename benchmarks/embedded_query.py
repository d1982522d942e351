"""A monitoring question over a million stored events, against DuckDB on one native table of them."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import _embedded
import duckdb

from mlmon.stores.embedded import Group, manifest, open_store
from mlmon.stores.embedded.compile import Source, compile_query

NAME = "embedded_query"
PEER = "DuckDB, the same statement on one native table"
GOAL = 2.0
EVENTS = 1_000_000
ROUNDS = 7


def _best(ask: Callable[[], int]) -> tuple[float, int]:
    seconds, rows = [], 0
    for _ in range(ROUNDS):
        start = time.perf_counter()
        rows = ask()
        seconds.append(time.perf_counter() - start)
    return min(seconds), rows


def _native(folder: Path, question: object) -> tuple[float, int]:
    held = manifest.load(folder, Group.EVENTS)
    assert len(held.columns) == 1
    files = [str(folder / it.file) for it in held.segments]
    connection = duckdb.connect()
    connection.execute("CREATE TABLE native AS FROM read_parquet(?)", [files])
    sql = compile_query(question, (Source(columns=held.columns[0], table="native"),))  # type: ignore[arg-type]
    answer = _best(lambda: len(connection.execute(sql.text, list(sql.parameters)).fetchall()))
    connection.close()
    return answer


def run() -> tuple[float, str]:
    """Ask both the same, each alone, the best of seven."""
    with tempfile.TemporaryDirectory(prefix="mlmon-bench-") as name:
        folder = Path(name)
        _embedded.fill(folder, EVENTS)
        store = open_store(folder, read_only=True)
        ours, rows = _best(lambda: len(store.query(_embedded.QUESTION)))
        store.close()
        native, native_rows = _native(folder, _embedded.QUESTION)
    assert rows == native_rows
    return ours / native, f"{EVENTS:,} events, {rows:,} groups: {ours:.3f} s against {native:.3f} s"
