"""What is remembered of dead letters that were dropped, so that their producers' events stay accounted for.

It is one JSON file beside the letters, written whole or not at all.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct, structs

from mlmon.core.errors import StoreError
from mlmon.core.sequences import Runs, union

_FILE: Final = "dropped.json"


class Discards(Struct, frozen=True, kw_only=True):
    """Dropped letters: how many by reason, and the sequence numbers by producer and reason.

    `nameless` counts by reason those whose record names no producer and sequence. `pending` is the file of
    letters that was being written anew when this was saved.
    """

    reasons: dict[str, int] = {}
    producers: dict[str, dict[str, Runs]] = {}
    nameless: dict[str, int] = {}
    pending: str = ""


def load(path: Path) -> Discards:
    """What was dropped from a folder so far.

    Raises:
        StoreError: the file is damaged.

    """
    file = path / _FILE
    try:
        return msgspec.json.decode(file.read_bytes(), type=Discards)
    except FileNotFoundError:
        return Discards()
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StoreError(
            f"What {file} remembers of dropped letters cannot be read: {error}. "
            "Restore it, or remove it to forget what was dropped."
        ) from None


def save(path: Path, discards: Discards) -> None:
    """Set what was dropped from a folder, durably."""
    replace_file(path / _FILE, msgspec.json.encode(discards))


def added(discards: Discards, more: Discards) -> Discards:
    """The two together, with the second one's `pending`."""
    producers = {name: dict(reasons) for name, reasons in discards.producers.items()}
    for name, reasons in more.producers.items():
        known = producers.setdefault(name, {})
        for reason, numbers in reasons.items():
            known[reason] = union(known.get(reason, ()), numbers)
    return structs.replace(
        more,
        reasons=dict(Counter(discards.reasons) + Counter(more.reasons)),
        nameless=dict(Counter(discards.nameless) + Counter(more.nameless)),
        producers=producers,
    )


def replace_file(path: Path, content: bytes) -> None:
    """Write a small file, whole or not at all."""
    temporary = path.with_suffix(".new")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make durable which files a folder has."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
