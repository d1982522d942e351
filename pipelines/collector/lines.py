"""Lines out of a stream of bytes, without a socket."""

from __future__ import annotations


class Lines:
    """Splits a stream into lines, however it is cut. Of a line over the limit one byte more is kept.

    So memory is bounded, each byte is looked at once, and the line's neighbours are whole.
    """

    def __init__(self, *, max_line_bytes: int) -> None:
        """Start with an empty line."""
        self._most = max_line_bytes + 1
        self._parts: list[bytes] = []
        self._size = 0

    @property
    def kept(self) -> int:
        """The bytes kept of a line that has not ended."""
        return self._size

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that end in the data, without their ends; blank ones are left out."""
        first, *more = data.split(b"\n")
        self._keep(first)
        if not more:
            return []
        lines = [self._taken(), *more[:-1]]
        self._keep(more[-1])
        return [line[: self._most] for line in lines if line and not line.isspace()]

    def finish(self) -> list[bytes]:
        """The line that had no end, if there is one."""
        line = self._taken()
        return [line] if line and not line.isspace() else []

    def _keep(self, part: bytes) -> None:
        kept = part[: self._most - self._size]
        if kept:
            self._parts.append(kept)
            self._size += len(kept)

    def _taken(self) -> bytes:
        line = b"".join(self._parts)
        self._parts, self._size = [], 0
        return line
