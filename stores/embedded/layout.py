"""The folder of a store: what lies where, and how a file gets there durably."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Final

from mlmon.core.errors import StoreError, StoreFullError, StoreUnreachableError, StoreVersionError, UsageError
from mlmon.core.schema import RESULTS, Dataset

VERSION: Final = 1
"""Raised when an older mlmon would misread the folder."""

_VERSION_FILE: Final = "VERSION"
_FOLDERS: Final = ("segments", "tail", "blobs", "locks", "dead", "new")
_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_WORD: Final = re.compile(r"[A-Za-z0-9._-]+")
_BLOB: Final = "@blob"  # no name may hold an @, so a blob `a` and a blob `a/b` can live side by side


_BY_JOBS: Final = frozenset({*RESULTS, Dataset.EVALUATION, Dataset.JOB})


class Group(StrEnum):
    """Datasets that share one writer lock, one tail and one manifest."""

    EVENTS = "events"
    RESULTS = "results"


def group_of(dataset: Dataset) -> Group:
    """Who writes a dataset: the collector, or a job."""
    return Group.RESULTS if dataset in _BY_JOBS else Group.EVENTS


def create(root: Path) -> None:
    """Make the folder of an empty store, or leave one that is there.

    Raises:
        StoreUnreachableError: the folder holds something else, or cannot be made.
        StoreVersionError: a newer mlmon wrote it.

    """
    if (root / _VERSION_FILE).exists():
        check(root)
    elif root.is_dir() and any(entry.name not in _FOLDERS for entry in root.iterdir()):
        raise StoreUnreachableError(
            f"{root} is no store: it holds other files and no {_VERSION_FILE}. Name a new or an empty folder."
        )
    try:
        for name in _FOLDERS:
            (root / name).mkdir(parents=True, exist_ok=True)
        if not (root / _VERSION_FILE).exists():
            replace_file(root / _VERSION_FILE, f"{VERSION}\n".encode())
    except OSError as error:
        raise StoreUnreachableError(
            f"The store folder {root} cannot be made: {error.strerror}. Check the path and its rights."
        ) from None


def check(root: Path) -> None:
    """Refuse a folder that is no store, or one that a newer mlmon wrote.

    Raises:
        StoreUnreachableError: there is no store.
        StoreVersionError: the store's version is above `VERSION`.

    """
    try:
        text = (root / _VERSION_FILE).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise StoreUnreachableError(
            f"There is no store in {root}: {error.strerror}. Name a folder that mlmon wrote."
        ) from None
    if not text.isdigit() or int(text) > VERSION:
        raise StoreVersionError(
            f"The store in {root} has version {text or 'none'}, and this mlmon reads version {VERSION}. "
            "Upgrade mlmon, or name another folder."
        )


def manifest_path(root: Path, group: Group) -> Path:
    """The list of a group's live files."""
    return root / f"{group}.json"


def tail_path(root: Path, group: Group, generation: int) -> Path:
    """One file of appended events."""
    return root / "tail" / f"{group}-{generation:08d}.ndjson"


def length_path(tail: Path) -> Path:
    """Eight bytes: how much of a tail file is durable."""
    return tail.with_suffix(".length")


def new_path(root: Path, group: Group, name: str) -> Path:
    """Where a file is written before it is renamed to its place; what a crash left is found by its group."""
    return root / "new" / f"{group}-{name}"


def blob_path(root: Path, name: str) -> Path:
    """The file of a blob.

    Raises:
        UsageError: the name has a character or a word that is not allowed.

    """
    words = name.split("/")
    if not all(_WORD.fullmatch(word) and word.strip(".") for word in words):
        raise UsageError(
            f"'{name}' is no name for a blob. Join words of letters, digits, '.', '_' and '-' by '/'."
        )
    return root.joinpath("blobs", *words[:-1], words[-1] + _BLOB)


def blob_names(root: Path) -> Iterator[str]:
    """The names of all blobs."""
    folder = root / "blobs"
    for path in folder.rglob(f"*{_BLOB}"):
        yield path.relative_to(folder).as_posix().removesuffix(_BLOB)


def fsync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def publish(written: Path, path: Path) -> None:
    """Make a written file durable and give it its name, in one step for whoever reads."""
    descriptor = os.open(written, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    written.replace(path)
    fsync_folder(path.parent)


def replace_file(path: Path, content: bytes) -> None:
    """Set the content of a file, whole or not at all, durably."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        written.write_bytes(content)
        publish(written, path)
    finally:
        written.unlink(missing_ok=True)


@contextmanager
def disk_errors(what: str) -> Iterator[None]:
    """Say what could not be written, and whether the disk is full.

    Raises:
        StoreFullError: no space, no quota, or a limit on the size of files.
        StoreError: any other error of the operating system.

    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StoreFullError(
                f"{what} failed: {error.strerror}. Nothing of it was kept. Free space, or keep less."
            ) from None
        raise StoreError(
            f"{what} failed: {error.strerror or error}. Check the disk and its rights."
        ) from None
