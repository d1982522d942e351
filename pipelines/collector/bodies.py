"""The body of a request: received within bounds, unpacked, and split into lines."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Sequence
from typing import Final

import msgspec
from msgspec import Struct
from starlette.requests import Request

from mlmon.core.errors import MlmonError
from mlmon.pipelines.collector.gate import Gate
from mlmon.pipelines.collector.room import Share
from mlmon.pipelines.pipeline import BusyError

MOST_LINES: Final = 200_000
"""Every line costs memory beside its bytes, most of all one that is refused."""
_MOST_VALUES: Final = 8 * MOST_LINES
"""Values that an array may seem to hold before it is looked at more closely; an event holds several."""
_array: Final = msgspec.json.Decoder(list[msgspec.Raw])


class _Any(Struct, gc=False):
    """An object, whatever it holds."""


_objects: Final = msgspec.json.Decoder(list[_Any])
_object: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_BROKEN: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class RefusedError(MlmonError):
    """A request that is answered with a status and one paragraph."""

    def __init__(self, status: int, message: str) -> None:
        """Keep the status."""
        super().__init__(message)
        self.status = status


async def lines_of(request: Request, *, limit: int, gate: Gate, share: Share) -> Sequence[bytes]:
    """The records of a request, whose body may have `limit` bytes, also unpacked; it holds its share.

    Raises:
        RefusedError: the body as a whole cannot be taken.
        BusyError: there is no room for it now.

    """
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding not in ("identity", "gzip", ""):
        raise RefusedError(415, f"Content-Encoding '{encoding}' is not understood. Send gzip or none.")
    body = await _received(request, limit, share)
    if encoding == "gzip":
        async with gate.unpacking:
            body = await asyncio.to_thread(gunzip, body, limit)
            _hold(share, len(body))
    return split(body)


async def pass_over(stream: AsyncIterator[bytes], most: int) -> None:
    """Read on for so many bytes: most senders look for an answer only when they have sent everything."""
    async for chunk in stream:
        most -= len(chunk)
        if most < 0:
            return


async def _received(request: Request, limit: int, share: Share) -> bytes:
    parts: list[bytes] = []
    size = 0
    stream = request.stream()
    async for chunk in stream:
        size += len(chunk)
        if size > limit:
            share.free()
            parts.clear()
            await pass_over(stream, limit)
            raise _too_large(limit)
        _hold(share, size)
        parts.append(chunk)
    return b"".join(parts)


def _hold(share: Share, size: int) -> None:
    if not share.try_hold(size):
        raise BusyError("Too much is being received at once. Send it again in a second.")


def gunzip(packed: bytes, limit: int) -> bytes:
    """Unpack gzip, also several files joined, up to a limit.

    Raises:
        RefusedError: it is broken, cut off, or larger than the limit.

    """
    parts: list[bytes] = []
    left = limit + 1  # one byte over the limit is enough to know that it is over
    rest = packed
    while rest:
        unpacker = zlib.decompressobj(wbits=31)
        try:
            plain = unpacker.decompress(rest, left)
        except zlib.error as error:
            raise RefusedError(400, f"The body is no gzip: {error}. Check Content-Encoding.") from None
        parts.append(plain)
        left -= len(plain)
        if left <= 0:
            raise _too_large(limit)
        if not unpacker.eof:
            raise RefusedError(400, "The gzip body is cut off. Send it again, whole.")
        rest = unpacker.unused_data
    return b"".join(parts)


def _too_large(limit: int) -> RefusedError:
    return RefusedError(
        413, f"The request is over {limit} bytes (collector.max_batch_bytes). Send smaller batches."
    )


def split(body: bytes) -> Sequence[bytes]:
    """The records of a body; a line that is broken is still a line, and finds its reason later.

    Raises:
        RefusedError: there are too many, or no record can be told from another.

    """
    stripped = body.strip()
    if stripped.startswith(b"["):
        return _few(_elements(stripped))
    if stripped.startswith(b"{") and _is_one_object(stripped):
        return [stripped]
    return _few(_ndjson(stripped))


def _few(lines: Sequence[bytes]) -> Sequence[bytes]:
    if len(lines) > MOST_LINES:
        raise _too_many(len(lines))
    return lines


def _too_many(count: int) -> RefusedError:
    return RefusedError(413, f"The request has {count} lines; at most {MOST_LINES} are taken at once.")


def _ndjson(body: bytes) -> list[bytes]:
    if (ends := body.count(b"\n")) > 2 * MOST_LINES:  # a blank line after each line is nobody's fault
        raise _too_many(ends)
    return [line for line in body.split(b"\n") if line and not line.isspace()]


def _elements(body: bytes) -> list[bytes]:
    """The elements of an array. Where it is none, but lines of which the first is broken, the lines."""
    _check_values(body)
    try:
        return [bytes(raw) for raw in _array.decode(body)]
    except _BROKEN as error:
        lines = _ndjson(body)
        if any(map(_is_object, lines[1:])):
            return lines
        raise RefusedError(
            400, f"The body begins as a JSON array and is none: {error}. Or send NDJSON."
        ) from None


def _check_values(body: bytes) -> None:
    """Refuse an array of a great many tiny values, each of which would cost much more than its bytes."""
    if body.count(b",") <= _MOST_VALUES:
        return
    if (objects := body.count(b"{")) > _MOST_VALUES:
        raise _too_many(objects)
    try:
        _objects.decode(body)
    except msgspec.ValidationError:
        raise RefusedError(413, "The array holds very many values that are no objects.") from None
    except _BROKEN:
        return


def _is_one_object(body: bytes) -> bool:
    """Whether a body of several lines is one object, printed prettily."""
    first, found, _ = body.partition(b"\n")
    if not found or first.rstrip().endswith(b"}"):
        return not found
    return _is_object(body)


def _is_object(text: bytes) -> bool:
    try:
        _object.decode(text)
    except _BROKEN:
        return False
    return True
