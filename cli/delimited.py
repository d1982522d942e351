"""Text files that a person brings: packed or not, with which separator and which header."""

from __future__ import annotations

import csv
import gzip
import io
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


def opened(path: str | Path) -> BinaryIO:
    """A file's bytes, unpacked where its name ends in `.gz`."""
    if str(path).lower().endswith(PACKED):
        return cast("BinaryIO", gzip.open(path, "rb"))
    return Path(path).open("rb")


def opened_text(path: str | Path) -> TextIO:
    """A file's text without a byte order mark; what is not UTF-8 comes as surrogates.

    Raises:
        UsageError: the file is UTF-16, or packed otherwise than its name says.

    """
    with opened(path) as file:
        try:
            start = file.read(2)
        except (gzip.BadGzipFile, EOFError) as error:
            reason = f"{path} cannot be unpacked: {error}."
            raise UsageError(f"{reason} Pack it anew, or name it otherwise.") from None
    if start in _OTHER_ENCODINGS:
        raise UsageError(f"{path} is UTF-16. Save it as UTF-8.")
    return io.TextIOWrapper(opened(path), encoding="utf-8-sig", errors="surrogateescape", newline="")


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
