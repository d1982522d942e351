"""Arrow files, also called Feather, read by pyarrow in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mlmon.core.errors import MissingExtraError, UsageError

try:
    import pyarrow as pa
    from pyarrow import feather, ipc
except ModuleNotFoundError as error:
    raise MissingExtraError("pyarrow", "arrow") from error


def columns_of(path: str) -> list[str]:
    """The names of the columns.

    Raises:
        UsageError: the file is no Arrow file.

    """
    names: list[str] = table(path).column_names
    return names


def read(path: str, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """The rows, in the order of the file; times come without a zone, as those of the file are UTC.

    Raises:
        UsageError: as `columns_of`.

    """
    found = table(path)
    if columns:
        found = found.select(list(columns))
    for batch in found.to_batches(max_chunksize=10_000):
        yield from batch.to_pylist()


def table(path: str) -> Any:  # noqa: ANN401 - a table of pyarrow, which has no types
    """The whole file, mapped where it is not compressed: an IPC file or stream, or Feather of either version.

    Raises:
        UsageError: as `columns_of`.

    """
    try:
        return feather.read_table(path, memory_map=True)
    except (pa.ArrowInvalid, OSError):
        pass
    try:
        with pa.memory_map(path) as source:
            return ipc.open_stream(source).read_all()
    except (pa.ArrowInvalid, OSError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"{path} cannot be read as Arrow: {reason}") from None
