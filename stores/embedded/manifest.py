"""The manifest of a group: the one list of the files that hold its documents.

It is replaced whole, so a reader who takes it has a consistent picture: every document is in exactly one of
the files it names. A file leaves the manifest before it leaves the disk.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from mlmon.core.errors import StoreError
from mlmon.core.schema import Dataset
from mlmon.stores.embedded.layout import Group, disk_errors, manifest_path, replace_file


class Columns(Struct, frozen=True, kw_only=True, order=True):
    """What the columns of a file or table hold.

    `members` are the columns of open families, by family; `maps` are the members of those families that are
    kept as one column of maps, since their names cannot all be columns. `extra` says whether there is a
    column of what the schema does not know.
    """

    fields: tuple[str, ...]
    members: tuple[tuple[str, tuple[str, ...]], ...] = ()
    maps: tuple[tuple[str, tuple[str, ...]], ...] = ()
    extra: bool = False


class Segment(Struct, frozen=True, kw_only=True):
    """One Parquet file. Times are microseconds since the epoch, both ends within."""

    file: str
    dataset: Dataset
    rows: int
    bytes: int
    first: int
    last: int
    first_ingested: int
    last_ingested: int
    columns: int


class Retired(Struct, frozen=True, kw_only=True):
    """A file that no manifest names any more, kept while a reader may still have it open."""

    file: str
    at_ns: int


class Manifest(Struct, frozen=True, kw_only=True):
    """The live files of a group. `columns` are those of the segments, which name them by position."""

    number: int = 0
    next_file: int = 1
    tails: tuple[int, ...] = ()
    segments: tuple[Segment, ...] = ()
    columns: tuple[Columns, ...] = ()
    retired: tuple[Retired, ...] = ()


_decode = msgspec.json.Decoder(Manifest).decode


def load(root: Path, group: Group) -> Manifest:
    """The newest manifest; an empty one where nothing was written.

    Raises:
        StoreError: the file cannot be read or understood.

    """
    path = manifest_path(root, group)
    try:
        return _decode(path.read_bytes())
    except FileNotFoundError:
        return Manifest()
    except (OSError, msgspec.DecodeError) as error:
        raise StoreError(f"The manifest {path} cannot be read: {error}. Restore it from a backup.") from None


def save(root: Path, group: Group, manifest: Manifest) -> None:
    """Replace the manifest, durably.

    Raises:
        StoreError, StoreFullError: it could not be written; the old one stands.

    """
    path = manifest_path(root, group)
    with disk_errors(f"Writing the manifest {path}"):
        replace_file(path, msgspec.json.encode(manifest))


def place(columns: tuple[Columns, ...], wanted: Columns) -> tuple[tuple[Columns, ...], int]:
    """The position of columns in a manifest's list, added where they are new."""
    if wanted in columns:
        return columns, columns.index(wanted)
    return (*columns, wanted), len(columns)
