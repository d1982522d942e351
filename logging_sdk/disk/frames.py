"""How records stand in a file: each with its length and checksum, and found again after damage.

A file begins with a head of fixed length that says how far it was acknowledged. A frame is text, one line:

    length, CRC-32: 8 hexadecimal digits each | turn, ordinal, record: with spaces between | newline

The length and the checksum cover what stands between the bars. The turn orders the records of all files of a
folder, the ordinal counts those of one file, so a gap tells how many were lost. A record has no newline
within, so after damage the next frame is looked for behind the next newline.
"""

from __future__ import annotations

from typing import Final
from zlib import crc32

from msgspec import Struct

_MAGIC: Final = b"mlmon-spool 1 "
_PREFIX: Final = 16
HEAD_BYTES: Final = len(_MAGIC) + 12 + 8 + 8 + 1


class Frame(Struct, frozen=True, gc=False):
    """A record that was read, and where in the file it ends; no work for the garbage collector."""

    turn: int
    ordinal: int
    record: bytes
    end: int


def head(acked_at: int, ordinal: int) -> bytes:
    """The head of a file whose bytes up to `acked_at`, with records below `ordinal`, are acknowledged."""
    told = b"%012x%08x" % (acked_at, ordinal)
    return b"%b%b%08x\n" % (_MAGIC, told, crc32(told))


def read_head(data: bytes) -> tuple[int, int]:
    """How far a file was acknowledged; a damaged head says nothing, so everything is to be sent again."""
    told, checksum = data[len(_MAGIC) : HEAD_BYTES - 9], data[HEAD_BYTES - 9 : HEAD_BYTES - 1]
    if not data.startswith(_MAGIC) or _hex(checksum) != crc32(told):
        return HEAD_BYTES, 0
    return int(told[:12], 16), int(told[12:], 16)


def frame(turn: int, ordinal: int, record: bytes) -> bytes:
    """One record as a frame."""
    told = b"%x %x %b" % (turn, ordinal, record)
    return b"%08x%08x%b\n" % (len(told), crc32(told), told)


def read_frames(data: bytes, max_records: int, *, start: int, is_whole: bool) -> tuple[list[Frame], int]:
    """The frames at the begin of some bytes, which start at `start` in a file, and how many bytes were used.

    Damage is passed over. Unless the bytes are the whole rest of the file, a frame that may go on behind them
    ends the reading.
    """
    found: list[Frame] = []
    at, size = 0, len(data)
    while at < size and len(found) < max_records:
        length = _hex(data[at : at + 8])
        end = at + _PREFIX + (length or 0)
        if end >= size and not is_whole and length is not None:
            break  # a damaged length looks like this too; with the whole rest it is known for what it is
        told = data[at + _PREFIX : end]
        if length is not None and len(told) == length and crc32(told) == _hex(data[at + 8 : at + _PREFIX]):
            turn, ordinal, record = told.split(b" ", 2)
            at = min(end + 1, size)
            found.append(Frame(int(turn, 16), int(ordinal, 16), record, start + at))
            continue
        newline = data.find(b"\n", at)
        if newline < 0:
            at = size if is_whole else at
            break
        at = newline + 1
    return found, at


def count_torn(rest: bytes) -> int:
    """How many records stood in bytes behind the last frame that could be read: at least one, if any."""
    if not rest:
        return 0
    return max(1, sum(_hex(line[:_PREFIX]) is not None and len(line) > _PREFIX for line in rest.split(b"\n")))


def _hex(digits: bytes) -> int | None:
    try:
        return int(digits, 16)
    except ValueError:
        return None
