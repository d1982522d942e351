"""Lines out of a file that grows, each with the place where it starts."""

from __future__ import annotations

from itertools import accumulate
from typing import Final

from msgspec import Struct

from mlmon.pipelines.tail.place import COMPARED_BYTES, digest

_NUL: Final = b"\0"


class Cut(Struct, frozen=True, kw_only=True):
    """Whole lines, where each starts, and where the place is behind them."""

    lines: list[bytes]
    starts: list[int]
    end: int
    head: str
    last: str


class Cutter:
    """Cuts what is read of one file, from a place on. Of a line over the limit one byte more is kept.

    `read_to` is where to read next; `end` is behind the last whole line.
    """

    def __init__(self, *, max_line_bytes: int, offset: int = 0, head: bytes = b"", last: bytes = b"") -> None:
        """Begin at a place; `head` and `last` are the file's bytes at its start and before the place."""
        self._most = max_line_bytes + 1
        self._part = b""
        self._head = head
        self._recent = last
        self.end = offset
        self.read_to = offset

    @property
    def is_amid_line(self) -> bool:
        """Whether a line has begun that has no end yet."""
        return self.read_to > self.end

    def feed(self, data: bytes) -> Cut | None:
        """What ends in the data, which was read at `read_to`; None where no line does."""
        self._note_head(data)
        start = self.read_to
        self.read_to += len(data)
        window = self._recent + data
        before = len(self._recent)
        self._recent = window[-COMPARED_BYTES:]
        cut = data.rfind(b"\n") + 1
        if not cut:
            self._keep(data)
            return None
        first, *more = data[: cut - 1].split(b"\n")
        self._keep(first)
        starts = [self.end, *accumulate(map(_with_end, more[:-1]), initial=start + len(first) + 1)]
        whole = [self._part, *more]
        self._part = data[cut:][: self._most]
        self.end = start + cut
        return self._made(whole, starts[: len(whole)], window[: before + cut])

    def finish(self) -> Cut | None:
        """The line that has no end and gets none any more; None where there is none."""
        if not self.is_amid_line:
            return None
        whole, starts = [self._part], [self.end]
        self._part, self.end = b"", self.read_to
        return self._made(whole, starts, self._recent)

    def back(self, last: bytes) -> None:
        """Read the line that has begun once more; `last` are the bytes before it."""
        self._part, self.read_to, self._recent = b"", self.end, last
        self._head = self._head[: self.end]

    def _made(self, lines: list[bytes], starts: list[int], before_end: bytes) -> Cut:
        # Where a writer that does not append goes on after a truncation, the file has a hole of zeros.
        kept = [
            (line[: self._most], start)
            for line, start in zip((line.lstrip(_NUL) for line in lines), starts, strict=True)
            if line and not line.isspace()
        ]
        count = min(COMPARED_BYTES, self.end)
        return Cut(
            lines=[line for line, _ in kept],
            starts=[start for _, start in kept],
            end=self.end,
            head=digest(self._head[:count]),
            last=digest(before_end[-count:] if count else b""),
        )

    def _keep(self, part: bytes) -> None:
        if not self._part:
            part = part.lstrip(_NUL)
        self._part += part[: self._most - len(self._part)]

    def _note_head(self, data: bytes) -> None:
        if self.read_to == len(self._head) < COMPARED_BYTES:
            self._head += data[: COMPARED_BYTES - len(self._head)]


def _with_end(line: bytes) -> int:
    return len(line) + 1
