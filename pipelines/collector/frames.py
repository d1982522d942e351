"""The Beats protocol (Lumberjack 1 and 2) as bytes, without a socket.

A sender announces a window, sends that many numbered records, plain or in compressed frames, and waits for
the acknowledgement of the last number. Source: the protocol's description in elastic/go-lumber.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec import Struct

from mlmon.core.errors import WireError

_NUMBER: Final = struct.Struct(">I")
_VERSIONS: Final = b"12"
_SMALLEST: Final = 2


class Window(Struct, frozen=True):
    """So many records follow before the sender waits."""

    size: int


class Record(Struct, frozen=True):
    """One record and its number."""

    sequence: int
    payload: bytes


class Packed(Struct, frozen=True):
    """Several frames in a compressed one, which cost time and memory to unpack; see `Parser.unpacked`."""

    data: bytes


Frame = Window | Record | Packed


def acknowledgement(sequence: int, version: int = ord("2")) -> bytes:
    r"""The answer that says everything up to this number is durable.

    >>> acknowledgement(7)
    b'2A\x00\x00\x00\x07'
    """
    return bytes((version, ord("A"))) + _NUMBER.pack(sequence)


class Parser:
    """Turns a stream of bytes into frames, however it is cut. Memory is bounded by the two limits.

    Each byte is looked at once or twice, however small the pieces are that it comes in.
    """

    def __init__(self, *, max_record_bytes: int, max_batch_bytes: int) -> None:
        """A record or an unpacked frame over its limit ends the stream: there is no way to pass over it."""
        self._buffer = bytearray()
        self._walked = (0, 0)
        self._max_record_bytes = max_record_bytes
        self._max_batch_bytes = max_batch_bytes
        self.version = ord("2")

    @property
    def buffered(self) -> int:
        """The bytes of a frame that is not whole yet; 0 between frames."""
        return len(self._buffer)

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are whole now.

        Raises:
            WireError: what came is not the protocol, or too large.

        """
        self._buffer += data
        used = 0
        try:
            while (step := self._next(self._buffer, used)) is not None:
                frame, used = step
                yield frame
        finally:
            del self._buffer[:used]

    def unpack(self, packed: Packed) -> bytes:
        """What a compressed frame holds, for `frames_in`. Safe on another thread.

        Raises:
            WireError: it is broken, or too large unpacked.

        """
        unpacker = zlib.decompressobj()
        try:
            plain = unpacker.decompress(packed.data, self._max_batch_bytes)
        except zlib.error as error:
            raise WireError(f"A compressed Beats frame cannot be unpacked: {error}.") from None
        if unpacker.unconsumed_tail or not unpacker.eof:
            raise WireError(
                f"A compressed Beats frame is cut off or over {self._max_batch_bytes} bytes "
                "(collector.max_batch_bytes). Send smaller batches."
            )
        return plain

    def frames_in(self, plain: bytes) -> Iterator[Window | Record]:
        """The frames of a compressed one that was unpacked.

        Raises:
            WireError: it holds a broken frame, or another compressed one.

        """
        at = 0
        while at < len(plain):
            step = self._next(plain, at)
            if step is None:
                raise WireError("A compressed Beats frame ends within a record.")
            frame, at = step
            if isinstance(frame, Packed):
                raise WireError("A compressed Beats frame holds another one, which is not allowed.")
            yield frame

    def _next(self, data: bytearray | bytes, at: int) -> tuple[Frame, int] | None:
        """The next frame and where it ends; None where it is not whole."""
        if len(data) - at < _SMALLEST:
            return None
        version, kind = data[at], data[at + 1]
        if version not in _VERSIONS:
            raise WireError(
                f"This is not the Beats protocol: a frame begins with byte {version}. "
                "Check the sender's output."
            )
        self.version = version
        at += _SMALLEST
        if kind == ord("W"):
            return _window(data, at)
        if kind == ord("J"):
            return self._json(data, at)
        if kind == ord("D"):
            return self._pairs(data, at)
        if kind == ord("C"):
            return self._compressed(data, at)
        raise WireError(f"The Beats protocol has no frame of type {chr(kind)!r}. Check the sender's output.")

    def _json(self, data: bytearray | bytes, at: int) -> tuple[Frame, int] | None:
        head = _numbers(data, at, 2)
        if head is None:
            return None
        sequence, size = head
        self._check(size, self._max_record_bytes, "record")
        start = at + 2 * _NUMBER.size
        if len(data) < start + size:
            return None
        return Record(sequence, bytes(data[start : start + size])), start + size

    def _pairs(self, data: bytearray | bytes, at: int) -> tuple[Frame, int] | None:
        """A record of version 1: keys and values, which become a JSON object."""
        head = _numbers(data, at, 2)
        if head is None:
            return None
        sequence, pairs = head
        self._check(pairs * 2 * _NUMBER.size, self._max_record_bytes, "record")
        start = at + 2 * _NUMBER.size
        end = self._end_of_texts(data, start, 2 * pairs)
        if end is None:
            return None
        texts = list(_texts(data, start, 2 * pairs))
        payload = msgspec.json.encode(dict(zip(texts[::2], texts[1::2], strict=True)))
        return Record(sequence, payload), end

    def _end_of_texts(self, data: bytearray | bytes, start: int, count: int) -> int | None:
        """Where so many texts end; where they are not whole, the next call goes on from here.

        Only the frame at the front of the buffer can be cut, and it stays at the front.
        """
        seen, size = self._walked
        while seen < count:
            found = _numbers(data, start + size, 1)
            if found is None:
                break
            more = size + _NUMBER.size + found[0]
            self._check(more, self._max_record_bytes, "record")
            if len(data) < start + more:
                break
            seen, size = seen + 1, more
        self._walked = (0, 0) if seen == count else (seen, size)
        return start + size if seen == count else None

    def _compressed(self, data: bytearray | bytes, at: int) -> tuple[Frame, int] | None:
        head = _numbers(data, at, 1)
        if head is None:
            return None
        size = head[0]
        self._check(size, self._max_batch_bytes, "compressed frame")
        start = at + _NUMBER.size
        if len(data) < start + size:
            return None
        return Packed(bytes(data[start : start + size])), start + size

    def _check(self, size: int, limit: int, what: str) -> None:
        if size > limit:
            raise WireError(
                f"A Beats {what} of {size} bytes is over the limit of {limit}. Send smaller ones."
            )


def _window(data: bytearray | bytes, at: int) -> tuple[Frame, int] | None:
    head = _numbers(data, at, 1)
    return None if head is None else (Window(head[0]), at + _NUMBER.size)


def _texts(data: bytearray | bytes, at: int, count: int) -> Iterator[str]:
    for _ in range(count):
        (size,) = _NUMBER.unpack_from(data, at)
        at += _NUMBER.size
        yield bytes(data[at : at + size]).decode(errors="replace")
        at += size


def _numbers(data: bytearray | bytes, at: int, count: int) -> tuple[int, ...] | None:
    end = at + count * _NUMBER.size
    return struct.unpack_from(f">{count}I", data, at) if len(data) >= end else None
