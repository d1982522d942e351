"""Text files that a person brings: packed or not, with which separator and which header."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final, TextIO, cast

from msgspec import Struct

from mlmon.core.errors import UsageError

PACKED: Final = ".gz"
_SEPARATORS: Final = (",", ";", "\t", "|")
_OTHER_ENCODINGS: Final = (b"\xff\xfe", b"\xfe\xff")
_MAX_SHOWN: Final = 60


class Header(Struct, frozen=True, kw_only=True):
    """What the first line of a delimited file says."""

    separator: str
    names: list[str]


@contextmanager
def opened(path: str | Path) -> Iterator[BinaryIO]:
    """A file's bytes, unpacked where its name ends in `.gz`.

    Raises:
        UsageError: what was read while it was open is packed otherwise, or is cut off.

    """
    if not str(path).lower().endswith(PACKED):
        with Path(path).open("rb") as file:
            yield file
        return
    try:
        with gzip.open(path, "rb") as file:
            yield cast("BinaryIO", file)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UsageError(f"{path} cannot be unpacked: {error}. Pack it anew, or name it otherwise.") from None


@contextmanager
def opened_text(path: str | Path) -> Iterator[TextIO]:
    """A file's text without a byte order mark; what is not UTF-8 comes as surrogates.

    Raises:
        UsageError: the file is UTF-16; and as `opened`.

    """
    with opened(path) as file:
        if file.read(2) in _OTHER_ENCODINGS:
            raise UsageError(f"{path} is UTF-16. Save it as UTF-8.")
        file.seek(0)
        text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
        try:
            yield text
        finally:
            text.detach()


def header(path: str | Path) -> Header:
    """The header of a delimited file; its separator is the one that is there most often.

    Raises:
        UsageError: there are no names, a name twice, or data where the names should be.

    """
    with opened_text(path) as file:
        line = file.readline()
        separator = max(_SEPARATORS, key=line.count)
        file.seek(0)
        names = next(csv.reader(file, delimiter=separator), [])
    if not any(name.strip() for name in names):
        raise UsageError(f"{path} holds no columns. It needs a header and rows.")
    if all(map(is_datum, names)) and not all(name.strip().isdecimal() for name in names):
        raise UsageError(
            f"The first line of {path} looks like data: '{line.strip()[:_MAX_SHOWN]}'. "
            "Put a line with the names of the columns above it."
        )
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise UsageError(f"{path} names a column twice: {', '.join(sorted(twice))}. Rename one of them.")
    return Header(separator=separator, names=names)


def is_datum(name: str) -> bool:
    """Whether a name is a number or a time, which hardly any column is called."""
    for read in (float, datetime.fromisoformat):
        try:
            read(name.strip())
        except ValueError:
            continue
        return True
    return False
