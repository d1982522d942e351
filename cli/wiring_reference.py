"""The part of the wiring that knows what can be done with references."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mlmon.core.store import Reader, Store

if TYPE_CHECKING:
    from mlmon.analyzers.reference import Reference
    from mlmon.analyzers.shelf import Kept as Kept  # noqa: PLC0414 - for commands to name


def put_in_force(store: Store, made: Reference) -> None:
    """Make a reference the one of its version; what it takes the place of is kept."""
    from mlmon.analyzers import shelf

    shelf.put_in_force(store, made)


def keep_as(store: Store, made: Reference, name: str) -> None:
    """Keep a reference under a name, beside the one in force."""
    from msgspec.structs import replace

    from mlmon.analyzers import shelf

    shelf.keep(store, replace(made, name=name))


def kept(reader: Reader, model: str) -> list[Kept]:
    """Every reference of a model, by version, the newest first."""
    from mlmon.analyzers import shelf

    return shelf.kept(reader, model)


def find(reader: Reader, model: str, wanted: str) -> Reference:
    """The reference of a model that a name or a version means.

    Raises:
        UsageError: there is none.

    """
    from mlmon.analyzers import shelf

    return shelf.find(reader, model, wanted)


def promote(store: Store, model: str, wanted: str, *, version: str, now: datetime) -> Reference:
    """Put a kept reference in force.

    Raises:
        UsageError: there is none of that name.

    """
    from mlmon.analyzers import shelf

    return shelf.promote(store, model, wanted, version=version, now=now)


def diff(before: Reference, after: Reference) -> Iterator[dict[str, Any]]:
    """How far two references are from each other; one row a feature."""
    from mlmon.analyzers import reference_diff

    return reference_diff.diff(before, after)


def diff_keys() -> tuple[str, ...]:
    """The keys of the rows of `diff`."""
    from mlmon.analyzers import reference_diff

    return reference_diff.KEYS


def expect(made: Reference) -> str:
    """The part of mlmon.yaml that declares what a reference lets expect."""
    from mlmon.analyzers import inferred

    return inferred.yaml(made)


def of_file(path: str, *, model: str, like: Reference | None, now: datetime) -> Reference:
    """The profile of a file's columns over the edges of another reference.

    Raises:
        UsageError: the file cannot be read.

    """
    from mlmon.analyzers.profile_columns import Columns, from_columns
    from mlmon.cli import training

    table = training.read_table(path)
    source = path.rpartition("/")[2]
    return from_columns(Columns(features=table.features), model=model, source=source, now=now, like=like)
