"""Every reference of a model that was ever in force, and candidates that are not yet: kept, listed, promoted.

One reference a version is in force. What it takes the place of is kept under a name, and can come back.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from mlmon.analyzers import reference as references
from mlmon.analyzers.reference import Reference
from mlmon.core.errors import UsageError, nearest
from mlmon.core.store import Reader, Store, Writer

_PREFIX: Final = "kept-reference"


class Kept(Struct, frozen=True, kw_only=True):
    """One reference with the name it is kept under."""

    name: str
    reference: Reference
    in_force: bool


def name_of(reference: Reference) -> str:
    """The name a reference is kept under: the one it was given, else when it was built.

    >>> from datetime import UTC
    >>> name_of(Reference(model="m", source="", built_at=datetime(2013, 3, 1, 12, tzinfo=UTC), n=1.0))
    '20130301T120000.000000Z'
    """
    return reference.name or reference.built_at.strftime("%Y%m%dT%H%M%S.%fZ")


def keep(writer: Writer, reference: Reference) -> None:
    """Keep a reference beside the one in force; one of the same version and name is replaced."""
    name = references.blob_name(reference.model, reference.version).partition("/")[2]
    kept = f"{_PREFIX}/{name}/{references.word(name_of(reference))}"
    writer.write_blob(kept, msgspec.json.encode(reference))


def put_in_force(store: Store, reference: Reference) -> None:
    """Make a reference the one of its version, and keep what it takes the place of."""
    before = references.load(store, reference.model, reference.version)
    if before is not None and before != reference:
        keep(store, before)
    keep(store, reference)
    references.save(store, reference)


def kept(reader: Reader, model: str) -> list[Kept]:
    """Every reference of a model, by version, the newest first."""
    prefix = f"{_PREFIX}/{references.word(model)}/"
    blobs = (reader.read_blob(name) for name in reader.list_blobs(prefix))
    found = [references.decode(blob) for blob in blobs if blob is not None]
    in_force = references.load_all(reader, model)
    every = {(one.version, name_of(one)): one for one in found if one.model == model}
    every |= {(version, name_of(one)): one for version, one in in_force.items()}
    made = [
        Kept(name=name, reference=one, in_force=in_force.get(version) == one)
        for (version, name), one in every.items()
    ]
    made.sort(key=lambda one: one.reference.built_at, reverse=True)
    return sorted(made, key=lambda one: one.reference.version)


def find(reader: Reader, model: str, wanted: str) -> Reference:
    """The reference of a model that a name means: that of a kept one, else the one in force of a version.

    Raises:
        UsageError: none is meant, or several.

    """
    every = kept(reader, model)
    named = [one.reference for one in every if one.name == wanted]
    if not named:
        named = [one.reference for one in every if one.in_force and one.reference.version == wanted]
    if named and len({(one.built_at, one.source) for one in named}) == 1:
        return named[0]  # promoted, it is there for several versions
    names = [*(one.name for one in every), *(one.reference.version for one in every if one.reference.version)]
    if not names:
        raise UsageError(f"{model} has no reference. Build one: mlmon reference build --model {model}")
    what = "Several references are called" if named else f"{model} has no reference called"
    raise UsageError(
        f"{what} '{wanted}'.{nearest(wanted, names)} To see all: mlmon reference show --model {model} --all"
    )


def promote(store: Store, model: str, wanted: str, *, version: str = "", now: datetime) -> Reference:
    """Make a kept reference, or that of one version, the one in force of `version`; empty is all versions.

    Raises:
        UsageError: none is meant, or several.

    """
    found = find(store, model, wanted)
    made = replace(found, version=version, promoted_at=now)
    put_in_force(store, made)
    return made
